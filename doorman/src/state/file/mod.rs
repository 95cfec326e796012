//! Cells in a file that the processes of one host share.
//!
//! `layout` is what the bytes mean, `open` how the file is found or made, `cells` how cells are looked up and set while
//! this process holds the lock. A batch is a few reads and writes of the page cache, made where the call runs; it is only
//! the lock that may have to be waited for, and nobody waits for it on a thread.

mod cells;
mod layout;
mod open;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Answer, Ask, Op, PATIENCE, Unavailable, table::decide, watch::Watch};
use crate::limits::Clock;
use cells::Locked;
use open::Opened;

/// How long a file that couldn't be used is left alone before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The file, as this process uses it.
pub(crate) struct SharedFile {
    path: PathBuf,
    /// How many keys a new file holds.
    keys: usize,
    /// Keeps the counts of different applications apart.
    application: u128,
    clock: Box<dyn Clock>,
    watch: Watch,
    state: Mutex<State>,
}

enum State {
    Open(Opened),
    /// Why it couldn't be used, and when to try again.
    Broken(String, Instant),
}

impl SharedFile {
    /// Opens the file, or makes it with room for `keys` keys. `clock` is one that all processes of this host share.
    pub(super) fn open(path: &Path, keys: usize, application: u128, clock: impl Clock) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            keys,
            application,
            clock: Box::new(clock),
            watch: Watch::new(format!("file {}", path.display())),
            state: Mutex::new(State::Open(Opened::open(path, keys)?)),
        })
    }

    pub(super) async fn run(&self, op: Op, asks: &mut [Ask]) -> Result<Answer, Unavailable> {
        let began = Instant::now();
        let mut tries = 0_u32;
        loop {
            match self.attempt(op, asks) {
                Ok(Some(answer)) => return self.watch.saw::<_, String>(Ok(answer)),
                Err(reason) => return self.watch.saw(Err(reason)),
                Ok(None) => {}
            }
            if began.elapsed() >= PATIENCE {
                return self.watch.saw(Err("another process holds its lock"));
            }
            tries += 1;
            match tries {
                ..4 => tokio::task::yield_now().await,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Whether it can be used. After a failure it is looked at again, so that nobody has to call to find out.
    pub(super) fn answers(&self) -> bool {
        self.watch.answers()
            || matches!(self.attempt(Op::Peek, &mut []), Ok(Some(_))) && self.watch.saw(Ok::<_, String>(())).is_ok()
    }

    /// Decides if the lock is free; `None` if it isn't.
    fn attempt(&self, op: Op, asks: &mut [Ask]) -> Result<Option<Answer>, String> {
        // A panic can't leave anything half done: what has been written holds by itself.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Broken(reason, again) = &*state {
            if Instant::now() < *again {
                return Err(reason.clone());
            }
            *state = self.reopen();
        }
        let opened = match &mut *state {
            State::Open(opened) => opened,
            State::Broken(reason, _) => return Err(reason.clone()),
        };
        let decided = opened.lock().and_then(|locked| match locked {
            true => {
                let mut cells = Locked::new(opened, self.application, &*self.clock)?;
                let now = cells.now();
                let answer = decide(&mut cells, op, now, asks);
                opened.unlock().and(answer).map(Some)
            }
            false => Ok(None),
        });
        decided.map_err(|error| {
            let reason = error.to_string();
            *state = State::Broken(reason.clone(), Instant::now() + PAUSE);
            reason
        })
    }

    fn reopen(&self) -> State {
        match Opened::open(&self.path, self.keys) {
            Ok(opened) => State::Open(opened),
            Err(error) => State::Broken(error.to_string(), Instant::now() + PAUSE),
        }
    }
}
