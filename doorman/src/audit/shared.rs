//! What the callers of the log and its thread share: the log itself, and whether it works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::line::Line;
use super::log::Log;
use super::queue::Queue;
use super::record::Transport;
use super::rejected::{Rejection, Rejections};
use super::settings::OnFailure;
use super::sink::SinkError;

pub(super) struct Shared {
    log: Mutex<Log>,
    pub(super) queue: Queue,
    rejections: Mutex<Rejections>,
    /// The sink failed. Nothing runs until a line was written again.
    broken: AtomicBool,
    /// Somebody waited in vain for the sink, and it has done nothing since.
    stuck: AtomicBool,
    /// Records of calls that are lost since the sink failed. Counts of refused requests aren't: they are kept.
    lost: AtomicU64,
    /// When a lost record was last told to the operator.
    warned: Mutex<Option<Instant>>,
    on_failure: OnFailure,
    /// A write may be done by the thread that asks for it.
    pub(super) at_once: bool,
    /// How long a record may take.
    pub(super) patience: Duration,
}

impl Shared {
    pub(super) fn new(log: Log, on_failure: OnFailure, at_once: bool, patience: Duration) -> Self {
        Self {
            log: Mutex::new(log),
            queue: Queue::default(),
            rejections: Mutex::default(),
            broken: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            warned: Mutex::default(),
            on_failure,
            at_once,
            patience,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Acquire)
    }

    pub(super) fn denies(&self) -> bool {
        self.on_failure == OnFailure::Deny
    }

    /// The log, for its thread.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        // A sink that panicked left nothing half done here but a number.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, for a thread that must not wait: a moment, in which another may write its line, but no longer.
    pub(super) fn log_now(&self) -> Option<MutexGuard<'_, Log>> {
        const TRIES: u32 = 64;
        if !self.at_once || self.is_stuck() || !self.queue.is_idle() {
            return None;
        }
        (0..TRIES).find_map(|_| match self.log.try_lock() {
            Ok(log) => Some(log),
            Err(TryLockError::Poisoned(log)) => Some(log.into_inner()),
            Err(TryLockError::WouldBlock) => {
                std::hint::spin_loop();
                None
            }
        })
    }

    /// Writes records together: how many are there, and why the next one isn't.
    pub(super) fn write<'a>(
        &self,
        log: &mut Log,
        records: impl ExactSizeIterator<Item = &'a Line>,
    ) -> (usize, Option<SinkError>) {
        let count = records.len();
        let (written, error) = match self.recover(log) {
            Err(error) => (0, error),
            Ok(()) => match log.write(records) {
                Ok(()) => return (count, None),
                Err(stopped) => (stopped.written, self.failed(stopped.error.into())),
            },
        };
        self.lose((count - written) as u64);
        (written, Some(error))
    }

    /// If the sink is known to have failed, tries it again.
    pub(super) fn recover(&self, log: &mut Log) -> Result<(), SinkError> {
        if !self.is_broken() {
            return Ok(());
        }
        let lost = self.lost.load(Ordering::Acquire);
        log.recover(lost)?;
        self.lost.fetch_sub(lost, Ordering::AcqRel);
        self.broken.store(false, Ordering::Release);
        tracing::warn!(lost, "the audit sink works again");
        Ok(())
    }

    fn failed(&self, error: SinkError) -> SinkError {
        if !self.broken.swap(true, Ordering::AcqRel) && self.denies() {
            tracing::error!(%error, "the audit sink failed; calls are refused until it works again");
        }
        error
    }

    /// Somebody waited for the sink as long as anybody may.
    pub(super) fn stalled(&self) -> SinkError {
        self.stuck.store(true, Ordering::Release);
        self.failed(SinkError::stuck(self.patience))
    }

    /// The sink has done something.
    pub(super) fn moves(&self) {
        if self.is_stuck() {
            self.stuck.store(false, Ordering::Release);
        }
    }

    /// Records that will never be there.
    pub(super) fn lose(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::AcqRel);
    }

    /// What a record that couldn't be written means, as the operator chose.
    pub(super) fn judged(&self, written: Result<(), SinkError>) -> Result<(), SinkError> {
        let Err(error) = written else { return Ok(()) };
        if self.denies() {
            return Err(error);
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|then| then.elapsed().as_secs() >= 1) {
            *warned = Some(Instant::now());
            let lost = self.lost.load(Ordering::Acquire);
            tracing::error!(%error, lost, "AUDIT RECORDS ARE BEING LOST, and calls go on as asked");
        }
        Ok(())
    }

    /// Counts a refused request; whether its line may be written now.
    pub(super) fn reject(&self, reason: &'static str, transport: Transport, now: Instant) -> bool {
        self.rejections().add(reason, transport, now)
    }

    /// Writes the counts of refused requests that are due, and a checkpoint that is.
    pub(super) fn flush_with(&self, log: &mut Log, now: Option<Instant>) -> Result<(), SinkError> {
        let due = self.rejections().take(now);
        if !due.is_empty() {
            let lines: Vec<_> = due.iter().map(Rejection::line).collect();
            let written = match self.recover(log) {
                Ok(()) => log.write(&lines).map_err(|it| (it.written, self.failed(it.error.into()))),
                Err(error) => Err((0, error)),
            };
            if let Err((written, error)) = written {
                self.rejections().give_back(&due[written..]);
                return Err(error);
            }
        }
        match self.is_broken() {
            true => Ok(()),
            false => log.tend().map_err(|error| self.failed(error.into())),
        }
    }

    /// Writes all counts of refused requests, and the last checkpoint.
    pub(super) fn finish_with(&self, log: &mut Log) -> Result<(), SinkError> {
        self.flush_with(log, None)?;
        self.recover(log)?;
        log.stop().map_err(|error| self.failed(error.into()))
    }

    fn rejections(&self) -> MutexGuard<'_, Rejections> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
