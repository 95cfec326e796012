//! Connections between calls. One is taken out, used by one call, and put back; no lock is held meanwhile.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::engine::{Identity, Kind, Session};

/// How many connections wait, of all agents together. Each holds about 100 KiB, and a page cache of up to 512 KiB.
const MAX_IDLE: usize = 64;

/// Idle connections, the one used longest ago first.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Session>>);

impl Pool {
    /// A connection to this file, if one waits. One to a file that is no longer what stands at its path is dropped.
    pub(super) fn take(&self, path: &Path, kind: Kind, identity: Identity) -> Option<Session> {
        loop {
            let session = {
                let mut idle = self.idle();
                let index = idle.iter().rposition(|session| session.kind() == kind && session.path() == path)?;
                idle.remove(index)
            };
            if session.identity() == identity {
                return Some(session);
            }
        }
    }

    /// Keeps a connection for the next call.
    pub(super) fn put(&self, session: Session) {
        let evicted = {
            let mut idle = self.idle();
            idle.push(session);
            (idle.len() > MAX_IDLE).then(|| idle.remove(0))
        };
        // Closed here, after the lock.
        drop(evicted);
    }

    /// Closes all of them.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.idle());
        drop(all);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        // A list of connections has no state between two values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle().len()
    }
}
