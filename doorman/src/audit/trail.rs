//! The audit log itself: numbers the lines, keeps their order, and knows whether the sink works.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::line::Line;
use super::record::{CallRecord, Transport};
use super::rejected::Rejections;
use super::sink::{Sink, SinkError};

/// The audit log. Lines are numbered from 1 in the order in which they are written; a number that is missing is a line
/// that the sink refused.
pub struct Audit {
    sink: Box<dyn Sink>,
    broken: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seq: u64,
    /// Records of calls that are lost since the sink failed. Counts of refused requests aren't: they are kept.
    lost: u64,
    /// The size of the line that failed, in bytes.
    failed: usize,
    rejections: Rejections,
    /// The line being put together; kept for its memory.
    line: Vec<u8>,
}

impl Audit {
    /// An audit log that writes to this sink.
    #[must_use]
    pub fn new(sink: impl Sink) -> Self {
        Self { sink: Box::new(sink), broken: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Whether a record can be written, as far as is known. To be asked before anything runs: after a failure it tries
    /// the sink again, and as long as that fails, so does this. What was lost is told by a line of kind `recovered`.
    ///
    /// # Errors
    /// The sink failed and still doesn't work.
    pub fn ready(&self) -> Result<(), SinkError> {
        if !self.broken.load(Ordering::Acquire) {
            return Ok(());
        }
        self.recover(&mut self.state())
    }

    /// Writes the record of a call. To be called before the reply is sent; if it fails, the reply is an error.
    ///
    /// # Errors
    /// The sink failed; [`ready`](Self::ready) will fail, too, until it works again.
    pub fn call(&self, record: &CallRecord<'_>) -> Result<(), SinkError> {
        let mut line = Line::with_capacity(768);
        record.write(&mut line);
        let mut state = self.state();
        let written = self.recover(&mut state).and_then(|()| self.write(&mut state, &line));
        state.lost += u64::from(written.is_err());
        written
    }

    /// Counts a request that was refused before it reached a capability, with a reason such as `malformed` or
    /// `unauthorized`. The first of a reason is written at once, those of the following second together as one line.
    pub fn rejected(&self, reason: &'static str, transport: Transport) {
        self.rejected_at(reason, transport, Instant::now());
    }

    /// Writes the counts of refused requests whose second has passed. To be called by a timer.
    ///
    /// # Errors
    /// The sink failed; the counts are kept.
    pub fn flush(&self) -> Result<(), SinkError> {
        self.flush_at(Some(Instant::now()))
    }

    /// Writes all counts of refused requests. To be called at shutdown.
    ///
    /// # Errors
    /// The sink failed; the counts are kept.
    pub fn finish(&self) -> Result<(), SinkError> {
        self.flush_at(None)
    }

    pub(super) fn rejected_at(&self, reason: &'static str, transport: Transport, now: Instant) {
        self.state().rejections.add(reason, transport);
        // Refused already: a failure is kept in mind for the calls to come, and this count for the next attempt.
        let _ = self.flush_at(Some(now));
    }

    pub(super) fn flush_at(&self, now: Option<Instant>) -> Result<(), SinkError> {
        let mut state = self.state();
        let mut rejections = std::mem::take(&mut state.rejections);
        let result = rejections.write(now, |line| {
            self.recover(&mut state)?;
            self.write(&mut state, line)
        });
        state.rejections = rejections;
        result
    }

    /// If the sink is known to have failed, tries it again. That it can be opened says little (a full disk can), so the
    /// proof is a line, as long as the one that failed: a shorter one may fit where no record does.
    fn recover(&self, state: &mut State) -> Result<(), SinkError> {
        if !self.broken.load(Ordering::Acquire) {
            return Ok(());
        }
        self.sink.recover()?;
        let mut line = Line::default();
        line.text("kind", "recovered").number("lost", state.lost);
        line.0.resize(state.failed.max(line.0.len()), b' ');
        self.put(state, &line)?;
        tracing::warn!(lost = state.lost, "the audit sink works again");
        state.lost = 0;
        self.broken.store(false, Ordering::Release);
        Ok(())
    }

    fn write(&self, state: &mut State, line: &Line) -> Result<(), SinkError> {
        let written = self.put(state, line);
        if let Err(error) = &written {
            tracing::error!(%error, "the audit sink failed; calls are refused until it works again");
            state.failed = line.0.len();
            self.broken.store(true, Ordering::Release);
        }
        Ok(written?)
    }

    /// Numbers a line and hands it to the sink. Under the lock, so that numbers, times and lines have one order.
    fn put(&self, state: &mut State, members: &Line) -> io::Result<()> {
        state.seq += 1;
        let mut line = Line(std::mem::take(&mut state.line));
        line.0.clear();
        line.time("ts", SystemTime::now()).number("seq", state.seq);
        line.0.insert(0, b'{');
        line.0.push(b',');
        line.0.extend_from_slice(&members.0);
        line.0.extend_from_slice(b"}\n");
        let written = self.sink.write_line(&line.0);
        state.line = line.0;
        written
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A sink that panicked left nothing half done here but a number.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("broken", &self.broken).finish_non_exhaustive()
    }
}
