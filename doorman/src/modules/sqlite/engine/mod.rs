//! The engine under control: connections that can do what an agent may and no more.
//!
//! In come an agent's file, the kind of access and a piece of work; out goes the work's result. Every connection has the
//! authorizer, the limits and the settings of this folder before it sees a statement of an agent; every use of it has a
//! deadline.

mod authorize;
mod functions;
mod open;

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use doorman::{Cancelled, ToolError, ToolResult, scope::OwnFile};
use rusqlite::{Batch, Connection, Statement, fallible_iterator::FallibleIterator};

use self::authorize::Gate;
pub(super) use self::open::{MAX_HEAP, MAX_SQL, MAX_VALUE};
use super::{fault::Fault, pool::POOL, settings::Bounds};

/// How many instructions of its virtual machine the engine runs between two looks at the clock. One instruction may be a
/// function on the largest value, which takes a tenth of a second: few of them may pass unseen.
const LOOK_EVERY: i32 = 20;
/// The longest wait for another connection's lock.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Held while a file is made, so that it is never opened (and closed, which would drop the process's locks on it) after
/// a connection to it exists. One for the process, as POSIX locks are.
static MAKING: Mutex<()> = Mutex::new(());

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// Which file it is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// The engine of one module.
pub(super) struct Engine {
    bounds: Bounds,
    id: EngineId,
}

/// Which engine a connection was opened for: its bounds are on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EngineId(u64);

impl Engine {
    pub(super) fn new(bounds: Bounds) -> Self {
        static ENGINES: AtomicU64 = AtomicU64::new(0);
        Self { bounds, id: EngineId(ENGINES.fetch_add(1, Ordering::Relaxed)) }
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Closes the connections that wait.
    pub(super) fn close(&self) {
        POOL.clear(self.id);
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        POOL.len(self.id)
    }

    /// Does a piece of work on the agent's database, in the time that is allowed.
    pub(super) fn run<T>(
        &self,
        own: &OwnFile,
        kind: Kind,
        cancelled: &Cancelled,
        work: impl Fn(&Session) -> Result<T, Fault>,
    ) -> ToolResult<T> {
        let until = Instant::now() + self.bounds.timeout;
        let mut done = self.attempt(own, kind, Settled::Unknown, until, cancelled, &work);
        if kind == Kind::Read && done.as_ref().is_err_and(Fault::is_unsettled) {
            // A killed process left its journal: a reading connection can't roll it back, a writing one does.
            let settle = |session: &Session| session.settle();
            let settled = self.attempt(own, Kind::Write, Settled::Unknown, until, cancelled, &settle);
            done = settled.and_then(|()| self.attempt(own, kind, Settled::Tried, until, cancelled, &work));
        }
        done.map_err(|fault| fault.answer(&self.bounds))
    }

    fn attempt<T>(
        &self,
        own: &OwnFile,
        kind: Kind,
        settled: Settled,
        until: Instant,
        cancelled: &Cancelled,
        work: &impl Fn(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let path = own.path();
        let identity = made(own)?;
        let mut session = match POOL.take(self.id, &path, kind, identity) {
            Some(session) => session,
            None => Session::open(self, own, path, identity, kind, settled, until)?,
        };
        session.watch(until, cancelled.clone())?;
        let done = work(&session).map_err(|fault| session.gate.explain(fault));
        session.connection.progress_handler(0, None::<fn() -> bool>)?;
        if done.as_ref().err().is_none_or(Fault::spares_connection) && session.connection.is_autocommit() {
            POOL.put(session);
        }
        done
    }
}

/// Whether a writing connection has had the chance to put the database right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Unknown,
    Tried,
}

/// The file, made if it wasn't there.
fn made(own: &OwnFile) -> io::Result<Identity> {
    let found = match own.look()? {
        Some(found) => found,
        None => {
            let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
            match own.look()? {
                Some(found) => found,
                None => own.open()?.metadata()?,
            }
        }
    };
    Ok(Identity::of(&found))
}

/// A connection and what watches over it.
pub(super) struct Session {
    connection: Connection,
    gate: Arc<Gate>,
    engine: EngineId,
    kind: Kind,
    path: PathBuf,
    identity: Identity,
}

impl Session {
    fn open(
        engine: &Engine,
        own: &OwnFile,
        path: PathBuf,
        identity: Identity,
        kind: Kind,
        settled: Settled,
        until: Instant,
    ) -> Result<Self, Fault> {
        let wait = MAX_WAIT.min(until.saturating_duration_since(Instant::now()));
        let mut connection = open::open(&path, kind, wait, settled == Settled::Tried, &engine.bounds)?;
        // The engine opened by name: what it has is what was looked at, or nothing is read from it.
        if own.look()?.is_none_or(|found| Identity::of(&found) != identity) {
            return Err(ToolError::internal("an agent's file was replaced while it was opened").into());
        }
        let gate = authorize::install(&mut connection, kind)?;
        Ok(Self { connection, gate, engine: engine.id, kind, path, identity })
    }

    pub(super) fn engine(&self) -> EngineId {
        self.engine
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The row that the last statement inserted last, if it inserted one with a number.
    pub(super) fn inserted(&self) -> Option<i64> {
        self.gate.inserted()
    }

    /// Prepares an agent's SQL: exactly one statement, as the engine's own parser counts them.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Fault> {
        if sql.contains('\0') {
            // The engine's text ends there, so what follows would be ignored.
            return Err(ToolError::user("the SQL has a NUL character in it").into());
        }
        self.gate.clear();
        let mut batch = Batch::new(&self.connection, sql);
        let Some(statement) = batch.next()? else {
            return Err(ToolError::user("expected an SQL statement, found none").into());
        };
        match batch.next() {
            Ok(None) => Ok(statement),
            _ => Err(ToolError::denied("several statements are not allowed here: send one at a time").into()),
        }
    }

    /// Prepares SQL of this module, which may ask the engine about a table.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        let _open = self.gate.ask();
        Ok(question(&self.connection)?)
    }

    /// Reads something, so that the engine rolls back what a killed process left behind.
    fn settle(&self) -> Result<(), Fault> {
        self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(())
    }

    /// Sets the deadline of this use.
    fn watch(&mut self, until: Instant, cancelled: Cancelled) -> Result<(), Fault> {
        self.gate.clear();
        self.connection.busy_timeout(MAX_WAIT.min(until.saturating_duration_since(Instant::now())))?;
        let over = move || cancelled.is_cancelled() || Instant::now() >= until;
        self.connection.progress_handler(LOOK_EVERY, Some(over))?;
        Ok(())
    }
}
