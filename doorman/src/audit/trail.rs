//! The audit log itself: numbers the lines, keeps their order, and knows whether the sink works.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::line::Line;
use super::links::{Links, RESERVE};
use super::record::{CallRecord, Transport};
use super::rejected::Rejections;
use super::settings::{Chaining, Durability, OnFailure, Settings};
use super::sink::{Sink, SinkError, Tail};

/// The audit log. Lines are numbered from 1 in the order in which they are written; a number that is missing is a line
/// that the sink refused.
pub struct Audit {
    sink: Box<dyn Sink>,
    broken: AtomicBool,
    durability: Durability,
    on_failure: OnFailure,
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
    links: Option<Links>,
    /// When a lost record was last told to the operator.
    warned: Option<Instant>,
    /// The line being put together; kept for its memory.
    line: Vec<u8>,
}

impl Audit {
    /// An audit log that writes to this sink.
    #[must_use]
    pub fn new(sink: impl Sink) -> Self {
        let (durability, on_failure) = (Durability::default(), OnFailure::default());
        Self { sink: Box::new(sink), broken: AtomicBool::new(false), durability, on_failure, state: Mutex::default() }
    }

    /// As [`new`](Self::new), as an operator chooses. A chained log is continued, if the sink holds one.
    ///
    /// # Errors
    /// The sink can't do what is asked of it.
    pub fn open(sink: impl Sink, settings: Settings) -> io::Result<Self> {
        let Settings { durability, on_failure, chaining } = settings;
        let audit = Self { durability, on_failure, ..Self::new(sink) };
        if durability == Durability::Fsync {
            audit.sink.sync()?;
        }
        let key = match chaining {
            Chaining::Off => return Ok(audit),
            Chaining::Chained => None,
            Chaining::Signed(key) => Some(key),
        };
        let tail = audit.sink.segments().map_or_else(|| Ok(Tail::default()), |segments| segments.tail())?;
        let resumed = Links::resume(&tail, key.clone());
        let mut cause = if resumed.is_some() { "restarted" } else { "start" };
        let mut links = match resumed {
            Some(links) => links,
            None => {
                // What is there isn't a chain that could go on: the chain begins with a file of its own.
                if let Some(segments) = audit.sink.segments().filter(|_| !tail.rotated) {
                    segments.rotate()?;
                }
                Links::start(key).map_err(io::Error::other)?
            }
        };
        let mut state = audit.state();
        let mut recovered = None;
        if cause == "restarted" && !tail.torn.is_empty() {
            let mut line = Line::default();
            line.text("kind", "recovered").number("lost", 0);
            links.close_torn(&tail.torn, &mut line);
            recovered = Some(line);
        }
        if cause == "restarted" && tail.rotated {
            cause = "rotated";
        }
        let begins = links.members(cause);
        state.links = Some(links);
        // A line that was torn in the file before can't be told of before the file has begun.
        let lines = if tail.rotated { [Some(begins), recovered] } else { [recovered, Some(begins)] };
        // Not to a new file: what closes a torn line stands right behind it.
        for line in lines.iter().flatten() {
            audit.append(&mut state, line, None)?;
        }
        drop(state);
        Ok(audit)
    }

    /// Whether a record can be written, as far as is known. To be asked before anything runs: after a failure it tries
    /// the sink again, and as long as that fails, so does this. What was lost is told by a line of kind `recovered`.
    ///
    /// # Errors
    /// The sink failed and still doesn't work.
    pub fn ready(&self) -> Result<(), SinkError> {
        if !self.broken.load(Ordering::Acquire) || self.on_failure == OnFailure::Warn {
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
        self.record(&line)
    }

    /// Writes that a destructive call is about to run. To be called before it does; if it fails, nothing may run. The
    /// record of the call repeats its `call`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn intent(&self, record: &CallRecord<'_>) -> Result<(), SinkError> {
        let mut line = Line::with_capacity(512);
        record.write_intent(&mut line);
        self.record(&line)
    }

    fn record(&self, line: &Line) -> Result<(), SinkError> {
        let mut state = self.state();
        let written = self.recover(&mut state).and_then(|()| self.write(&mut state, line));
        state.lost += u64::from(written.is_err());
        match (written, self.on_failure) {
            (Err(error), OnFailure::Warn) => {
                if state.warned.is_none_or(|then| then.elapsed().as_secs() >= 1) {
                    state.warned = Some(Instant::now());
                    tracing::error!(%error, lost = state.lost, "AUDIT RECORDS ARE BEING LOST, and calls go on as asked");
                }
                Ok(())
            }
            (written, _) => written,
        }
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
        self.flush_at(None)?;
        Ok(self.checkpoint(&mut self.state(), "stop")?)
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
        result?;
        match state.links.as_ref().and_then(|links| links.due(Instant::now())) {
            Some(cause) if !self.broken.load(Ordering::Acquire) => Ok(self.checkpoint(&mut state, cause)?),
            _ => Ok(()),
        }
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
        self.resume(state, &mut line)?;
        line.0.resize(state.failed.max(line.0.len()), b' ');
        self.append(state, &line, None)?;
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

    /// Finds the end of the chain again, where the sink keeps it.
    fn resume(&self, state: &mut State, line: &mut Line) -> io::Result<()> {
        let Some((segments, links)) = self.sink.segments().zip(state.links.as_mut()) else { return Ok(()) };
        let tail = segments.tail()?;
        if tail.rotated {
            let begins = links.members("recovered");
            return self.append(state, &begins, None);
        }
        if !tail.torn.is_empty() {
            links.close_torn(&tail.torn, line);
        }
        Ok(())
    }

    /// Numbers a line and hands it to the sink. Under the lock, so that numbers, times and lines have one order.
    fn put(&self, state: &mut State, members: &Line) -> io::Result<()> {
        if let Some((segments, links)) = self.sink.segments().zip(state.links.as_ref())
            && links.head.pos > 0
            && segments.is_full(members.0.len() + RESERVE)
        {
            let begins = links.members("rotated");
            self.checkpoint(state, "rotation")?;
            segments.rotate()?;
            self.append(state, &begins, None)?;
        }
        self.append(state, members, None)?;
        match state.links.as_ref().and_then(|links| links.due(Instant::now())) {
            Some(cause) => self.checkpoint(state, cause),
            None => Ok(()),
        }
    }

    /// Signs the chain as it is, if it is to be signed and there is something new.
    fn checkpoint(&self, state: &mut State, cause: &str) -> io::Result<()> {
        match &state.links {
            Some(_) => self.append(state, &Line::default(), Some(cause)),
            None => Ok(()),
        }
    }

    /// Writes a line to where the sink writes now; with a cause, a checkpoint.
    fn append(&self, state: &mut State, members: &Line, checkpoint: Option<&str>) -> io::Result<()> {
        let mut line = Line(std::mem::take(&mut state.line));
        line.0.clear();
        line.time("ts", SystemTime::now()).number("seq", state.seq + 1);
        line.0.insert(0, b'{');
        line.0.push(b',');
        match (checkpoint, &state.links) {
            (Some(cause), Some(links)) => {
                // `{"ts":"` and the 27 characters of a time.
                let ts = std::str::from_utf8(&line.0[7..34]).unwrap_or_default();
                let Some(members) = links.checkpoint(ts, state.seq + 1, cause) else { return Ok(()) };
                line.0.extend_from_slice(members.as_bytes());
            }
            _ => line.0.extend_from_slice(&members.0),
        }
        state.seq += 1;
        if let Some(links) = &state.links {
            links.bind(&mut line.0);
        }
        line.0.extend_from_slice(b"}\n");
        let mut written = match (self.sink.segments(), &state.links) {
            (Some(segments), Some(_)) => segments.append(&[&line.0]).map_err(|stopped| stopped.error),
            _ => self.sink.write_line(&line.0),
        };
        if let (Ok(()), Some(links)) = (&written, &mut state.links) {
            links.advance(&line.0[..line.0.len() - 1]);
            if checkpoint.is_some() {
                links.signed(Instant::now());
            }
        }
        if written.is_ok() && self.durability == Durability::Fsync {
            written = self.sink.sync();
        }
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
