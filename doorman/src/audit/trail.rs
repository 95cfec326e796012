//! The audit log as its callers see it: they hand a record over and wait until it is written, or until it can't be.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::{self, timeout_at};

use super::line::Line;
use super::log::Log;
use super::queue::{Ask, Job, Room};
use super::record::{CallRecord, Transport};
use super::settings::{Durability, Settings};
use super::shared::Shared;
use super::sink::{Sink, SinkError};
use super::writer;

/// The audit log. Lines are numbered from 1 in the order in which they are written; a number that is missing is a line
/// that the sink refused.
///
/// To a sink that never waits, a record is written at once by whoever brings it. Else it goes through a bounded queue to
/// the log's own thread, which writes all that waits in one go: a sink that is slow holds up the calls that need a record
/// and nothing else, and one that is stuck is known after a stated time ([`Settings::patience`]). Waiting takes a tokio
/// runtime with time.
pub struct Audit {
    shared: Arc<Shared>,
}

/// A record that was handed over: it is written, or counted as lost, whether or not anybody waits.
pub(crate) struct Handed(Fate);

enum Fate {
    /// It is settled.
    Settled(Result<(), SinkError>),
    /// The log's thread will tell, until then.
    Waiting(Arc<Shared>, oneshot::Receiver<Result<(), SinkError>>, time::Instant),
}

impl Audit {
    /// An audit log that writes to this sink.
    #[must_use]
    pub fn new(sink: impl Sink) -> Self {
        let Settings { durability, on_failure, patience, .. } = Settings::default();
        let at_once = sink.never_waits();
        let log = Log::new(Box::new(sink), durability);
        Self { shared: Arc::new(Shared::new(log, on_failure, at_once, patience)) }
    }

    /// As [`new`](Self::new), as an operator chooses. A chained log is continued, if the sink holds one.
    ///
    /// # Errors
    /// The sink can't do what is asked of it.
    pub fn open(sink: impl Sink, settings: Settings) -> io::Result<Self> {
        let Settings { durability, on_failure, chaining, patience } = settings;
        let at_once = sink.never_waits() && durability == Durability::Flushed;
        let log = Log::open(Box::new(sink), durability, chaining)?;
        Ok(Self { shared: Arc::new(Shared::new(log, on_failure, at_once, patience)) })
    }

    /// Whether a record can be written, as far as is known. To be asked before anything runs: after a failure it tries
    /// the sink again, and as long as that fails, so does this. What was lost is told by a line of kind `recovered`.
    ///
    /// # Errors
    /// The sink failed and still doesn't work.
    pub async fn ready(&self) -> Result<(), SinkError> {
        let shared = &self.shared;
        if !shared.is_broken() || !shared.denies() {
            return Ok(());
        }
        if let Some(mut log) = shared.log_now() {
            return shared.recover(&mut log);
        }
        let stuck = || SinkError::stuck(shared.patience);
        let room = shared.queue.room_now(0).filter(|_| !shared.is_stuck()).ok_or_else(stuck)?;
        self.ask(Ask::Ready, Some(room)).written().await
    }

    /// Writes the record of a call. To be called before the reply is sent; if it fails, the reply is an error.
    ///
    /// # Errors
    /// The sink failed; [`ready`](Self::ready) will fail, too, until it works again.
    pub async fn call(&self, record: &CallRecord<'_>) -> Result<(), SinkError> {
        self.hand_over(record.line()).await.written().await
    }

    /// Writes that a destructive call is about to run. To be called before it does; if it fails, nothing may run. The
    /// record of the call repeats its `call`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn intent(&self, record: &CallRecord<'_>) -> Result<(), SinkError> {
        self.hand_over(record.intent()).await.written().await
    }

    /// Hands a line over, as soon as there is room for it.
    pub(crate) async fn hand_over(&self, line: Line) -> Handed {
        let shared = &self.shared;
        if let Some(settled) = self.at_once(&line) {
            return settled;
        }
        let deadline = time::Instant::now() + shared.patience;
        let bytes = line.0.len();
        let room = match shared.queue.room_now(bytes) {
            Some(room) => Some(room),
            None if shared.is_stuck() => None,
            None => timeout_at(deadline, shared.queue.room(bytes)).await.ok().flatten(),
        };
        let Some(room) = room else {
            shared.lose(1);
            return Handed(Fate::Settled(shared.judged(Err(shared.stalled()))));
        };
        match self.ask(Ask::Record(line), Some(room)) {
            Handed(Fate::Waiting(shared, told, _)) => Handed(Fate::Waiting(shared, told, deadline)),
            settled => settled,
        }
    }

    /// Hands a line over that nobody waits for. It is lost if there is no room.
    pub(crate) fn leave(&self, line: Line) {
        let shared = &self.shared;
        if self.at_once(&line).is_some() {
            return;
        }
        match shared.queue.room_now(line.0.len()) {
            Some(room) => drop(self.ask(Ask::Record(line), Some(room))),
            None => {
                shared.lose(1);
                let _ = shared.judged(Err(shared.stalled()));
            }
        }
    }

    /// How many lines wait to be written.
    #[cfg(feature = "telemetry")]
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Whether records can be written, as far as is known without trying.
    #[cfg(feature = "telemetry")]
    pub(crate) fn works(&self) -> bool {
        !self.shared.is_broken() && !self.shared.is_stuck()
    }

    /// Counts a request that was refused before it reached a capability, with a reason such as `malformed` or
    /// `unauthorized`. The first of a reason is written at once, those of the following second together as one line.
    pub fn rejected(&self, reason: &'static str, transport: Transport) {
        self.rejected_at(reason, transport, Instant::now());
    }

    /// Writes the counts of refused requests whose second has passed, and a checkpoint that is due; or has the log's
    /// thread do so. To be called by a timer.
    ///
    /// # Errors
    /// The sink failed; the counts are kept.
    pub fn flush(&self) -> Result<(), SinkError> {
        self.flush_at(Some(Instant::now()))
    }

    /// Writes all that waits, all counts of refused requests and a last checkpoint. To be called at shutdown.
    ///
    /// # Errors
    /// The sink failed, or takes longer than a record may.
    pub async fn finish(&self) -> Result<(), SinkError> {
        if let Some(mut log) = self.shared.log_now() {
            return self.shared.finish_with(&mut log);
        }
        self.ask(Ask::Finish, None).written().await
    }

    pub(super) fn rejected_at(&self, reason: &'static str, transport: Transport, now: Instant) {
        if self.shared.reject(reason, transport, now) {
            // Refused already: a failure is kept in mind for the calls to come, and this count for the next attempt.
            let _ = self.flush_at(Some(now));
        }
    }

    pub(super) fn flush_at(&self, now: Option<Instant>) -> Result<(), SinkError> {
        match self.shared.log_now() {
            Some(mut log) => self.shared.flush_with(&mut log, now),
            None => Ok(self.shared.queue.flush(|| writer::start(&self.shared))?),
        }
    }

    /// Writes a line on this thread, if that takes no waiting.
    fn at_once(&self, line: &Line) -> Option<Handed> {
        let mut log = self.shared.log_now()?;
        let (_, error) = self.shared.write(&mut log, [line].into_iter());
        drop(log);
        Some(Handed(Fate::Settled(self.shared.judged(error.map_or(Ok(()), Err)))))
    }

    /// Has the log's thread do something.
    fn ask(&self, ask: Ask, room: Option<Room>) -> Handed {
        let shared = &self.shared;
        let is_record = matches!(ask, Ask::Record(_));
        let (done, told) = oneshot::channel();
        let pushed = shared.queue.push(Job { ask, done: Some(done), _room: room }, || writer::start(shared));
        match pushed {
            Ok(()) => Handed(Fate::Waiting(Arc::clone(shared), told, time::Instant::now() + shared.patience)),
            Err(error) => {
                shared.lose(u64::from(is_record));
                Handed(Fate::Settled(shared.judged(Err(error.into()))))
            }
        }
    }
}

impl Handed {
    /// Waits until the line is written.
    pub(crate) async fn written(self) -> Result<(), SinkError> {
        match self.0 {
            Fate::Settled(written) => written,
            // It waits in the queue and will be written when the sink moves again, but not in this call's time.
            Fate::Waiting(shared, ..) if shared.is_stuck() => shared.judged(Err(SinkError::stuck(shared.patience))),
            Fate::Waiting(shared, told, deadline) => {
                let written = match timeout_at(deadline, told).await {
                    Ok(Ok(written)) => written,
                    Ok(Err(_)) => Err(io::Error::other("the audit log's thread has ended").into()),
                    Err(_) => Err(shared.stalled()),
                };
                shared.judged(written)
            }
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("broken", &self.shared.is_broken()).finish_non_exhaustive()
    }
}
