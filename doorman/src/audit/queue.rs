//! What waits to be written: bounded, and emptied by one thread.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::line::Line;
use super::sink::SinkError;

/// How many bytes wait at most.
const BYTES: usize = 4 << 20;

/// What a line counts for beside its bytes, which makes of the bound one on their number, too: 8,192 lines.
const EACH: usize = 512;

/// A place for one line among those that wait.
pub(super) type Room = OwnedSemaphorePermit;

/// Lines, and those who wait for them to be written.
pub(super) struct Queue {
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// There is work, or there never will be again.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: Work,
    /// How many jobs were taken and aren't done.
    taken: usize,
    /// A thread empties the queue.
    running: bool,
    closed: bool,
}

/// What the thread does in one go.
#[derive(Default)]
pub(super) struct Work {
    pub(super) jobs: Vec<Job>,
    /// Counts of refused requests may be due.
    pub(super) flush: bool,
}

/// Something to be done, and who waits for it.
pub(super) struct Job {
    pub(super) ask: Ask,
    pub(super) done: Option<oneshot::Sender<Result<(), SinkError>>>,
    /// Given back when the job is done.
    pub(super) _room: Option<Room>,
}

pub(super) enum Ask {
    /// Write a line.
    Record(Line),
    /// Try the sink again.
    Ready,
    /// Write all that is left, and end.
    Finish,
}

impl Default for Queue {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(BYTES)), waiting: Mutex::default(), changed: Condvar::new() }
    }
}

impl Queue {
    /// A place for a line of this size, if there is one.
    pub(super) fn room_now(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.room).try_acquire_many_owned(cost(bytes)).ok()
    }

    /// A place for a line of this size, as soon as there is one.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.room).acquire_many_owned(cost(bytes)).await.ok()
    }

    /// Whether nothing waits and nothing is being done.
    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.waiting();
        waiting.taken == 0 && waiting.work.jobs.is_empty()
    }

    /// How much waits, or is being done.
    #[cfg(feature = "telemetry")]
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting.taken + waiting.work.jobs.len()
    }

    /// Adds a job. If nobody empties the queue, `start` must see to it.
    pub(super) fn push(&self, job: Job, start: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        self.add(|work| work.jobs.push(job), start)
    }

    /// As [`push`](Self::push), for the counts of refused requests.
    pub(super) fn flush(&self, start: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        self.add(|work| work.flush = true, start)
    }

    fn add(&self, add: impl FnOnce(&mut Work), start: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
        let mut waiting = self.waiting();
        if !waiting.running {
            start()?;
            waiting.running = true;
        }
        add(&mut waiting.work);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// All that waits, as soon as there is something. `None`: the thread is to end.
    pub(super) fn next(&self) -> Option<Work> {
        let mut waiting = self.waiting();
        waiting.taken = 0;
        loop {
            if waiting.work.flush || !waiting.work.jobs.is_empty() {
                waiting.taken = waiting.work.jobs.len();
                return Some(mem::take(&mut waiting.work));
            }
            if waiting.closed {
                waiting.running = false;
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the thread may end: nothing came while it did its last work.
    pub(super) fn ends(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.taken = 0;
        waiting.running = waiting.work.flush || !waiting.work.jobs.is_empty();
        !waiting.running
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(bytes: usize) -> u32 {
    u32::try_from((bytes + EACH).min(BYTES)).unwrap_or(u32::MAX)
}
