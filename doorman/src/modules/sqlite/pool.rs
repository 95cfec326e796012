//! Connections between calls. One is taken out, used by one call, and put back; no lock is held meanwhile.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::engine::{EngineId, Identity, Kind, Session};

/// How many connections wait, of all agents together. Each holds about 100 KiB, and a page cache of up to 512 KiB.
const MAX_IDLE: usize = 64;

/// Idle connections, the one used longest ago first.
pub(super) struct Pool(Mutex<Vec<Session>>);

/// One for the process, so that a thousand manifests don't keep a thousand times as many.
pub(super) static POOL: Pool = Pool(Mutex::new(Vec::new()));

impl Pool {
    /// A connection to this file, if one waits, made with an engine's bounds. One to a file that is no longer what stands
    /// at its path is dropped.
    pub(super) fn take(&self, engine: EngineId, path: &Path, kind: Kind, identity: Identity) -> Option<Session> {
        loop {
            let session = {
                let mut idle = self.idle();
                let fits = |it: &Session| it.engine() == engine && it.kind() == kind && it.path() == path;
                let index = idle.iter().rposition(fits)?;
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

    /// Closes those of an engine.
    pub(super) fn clear(&self, engine: EngineId) {
        let closed: Vec<Session> = self.idle().extract_if(.., |session| session.engine() == engine).collect();
        drop(closed);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        // A list of connections has no state between two values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self, engine: EngineId) -> usize {
        self.idle().iter().filter(|session| session.engine() == engine).count()
    }
}
