//! The connection: made, watched, and made again by a task of its own.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use redis::{Client, InfoDict, RedisResult, aio::MultiplexedConnection};
use tokio::sync::Notify;

use super::{
    Failure,
    script::{Batch, Script},
};
use crate::state::{PATIENCE, Unavailable, watch::Watch};

/// How long connecting may take; nobody waits for it.
const CONNECT: Duration = Duration::from_secs(2);
/// How long we wait between two attempts: at first, and at last.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often a connection that nobody has complained about is asked whether it is there.
const ASK: Duration = Duration::from_secs(1);

/// The way to a server.
pub(super) struct Link(Arc<Inner>);

struct Inner {
    client: Client,
    script: Script,
    watch: Watch,
    /// A key of no meaning, to find out whether a server that refused to write does so again.
    probe: String,
    /// The connection and its number, if there is one.
    current: Mutex<Option<Connection>>,
    lost: Notify,
}

/// A connection that many calls use at once.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) to: MultiplexedConnection,
    number: u64,
}

impl Link {
    pub(super) fn new(client: Client, name: String, probe: String) -> Self {
        let (watch, current, lost) = (Watch::new(name), Mutex::default(), Notify::new());
        Self(Arc::new(Inner { client, script: Script::new(), watch, probe, current, lost }))
    }

    pub(super) fn script(&self) -> &Script {
        &self.0.script
    }

    pub(super) async fn start(&self) {
        let connected = self.0.connect(0).await.is_ok();
        tokio::spawn(tend(Arc::downgrade(&self.0), connected));
    }

    pub(super) fn answers(&self) -> bool {
        self.0.watch.answers()
    }

    /// The connection; without one, nobody waits for it.
    pub(super) fn connection(&self) -> Result<Connection, Unavailable> {
        self.0.lock().clone().ok_or(Unavailable)
    }

    /// Notes what came of a batch. A connection that is of no more use is given up, once.
    pub(super) fn saw<T>(&self, used: &Connection, outcome: Result<T, Failure>) -> Result<T, Unavailable> {
        if let Err(failure) = &outcome
            && failure.is_final()
        {
            self.0.give_up(used.number);
        }
        self.0.watch.saw(outcome)
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, number: u64) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|connection| connection.number == number) {
            *current = None;
            self.lost.notify_one();
        }
    }

    async fn connect(&self, number: u64) -> Result<(), Unavailable> {
        let connecting = async {
            let mut to = self.client.get_multiplexed_async_connection().await.map_err(|error| error.to_string())?;
            self.check(&mut to).await?;
            Ok(to)
        };
        let outcome = tokio::time::timeout(CONNECT, connecting).await;
        let outcome = outcome.unwrap_or_else(|_| Err(format!("no connection within {CONNECT:?}")));
        let to = self.watch.saw(outcome)?;
        *self.lock() = Some(Connection { to, number });
        Ok(())
    }

    /// Looks after the connection, so that nobody has to call to find out how the server is. Whatever is wrong, it is given
    /// up: the next one is made under the same eyes.
    async fn ask(&self) {
        let Some(mut connection) = self.lock().clone() else { return };
        let outcome = match tokio::time::timeout(PATIENCE, self.check(&mut connection.to)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Slow.to_string()),
        };
        if outcome.is_err() {
            self.give_up(connection.number);
        }
        let _ = self.watch.saw(outcome);
    }

    /// Whether the server can be counted on: it runs the script, it keeps what is in use, and, if it has failed, it writes.
    async fn check(&self, to: &mut MultiplexedConnection) -> Result<(), String> {
        keeps(to).await?;
        let peek = Batch { keys: Vec::new(), arguments: vec!["peek".into(), "0".into()] };
        let ran = self.script.run(to, &peek).await.map_err(|error| error.to_string())?;
        super::read(&ran, &mut []).map_err(|failure| failure.to_string())?;
        if !self.watch.answers() {
            let wrote: RedisResult<()> =
                redis::cmd("SET").arg(&self.probe).arg("").arg("PX").arg(1000).query_async(to).await;
            wrote.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Keeps a connection for as long as anybody may need it.
async fn tend(link: Weak<Inner>, mut connected: bool) {
    let (first, longest) = RETRY;
    let (mut pause, mut number) = (first, 1);
    loop {
        let Some(inner) = link.upgrade() else { return };
        if connected {
            drop(tokio::time::timeout(ASK, inner.lost.notified()).await);
            inner.ask().await;
            connected = inner.lock().is_some();
        } else {
            drop(inner);
            tokio::time::sleep(pause).await;
            let Some(inner) = link.upgrade() else { return };
            connected = inner.connect(number).await.is_ok();
            number += 1;
            pause = if connected { first } else { (pause * 2).min(longest) };
        }
    }
}

/// A server that drops what is in use when its memory is full would let exhausted callers start anew.
async fn keeps(to: &mut MultiplexedConnection) -> Result<(), String> {
    let info: RedisResult<InfoDict> = redis::cmd("INFO").arg("memory").query_async(to).await;
    let info = match info {
        Ok(info) => info,
        Err(error) if error.is_io_error() || error.is_timeout() => return Err(error.to_string()),
        Err(error) => return Err(format!("it doesn't say what it does when its memory is full: {error}")),
    };
    let bounded = info.get::<u64>("maxmemory").is_some_and(|bytes| bytes > 0);
    match info.get::<String>("maxmemory_policy") {
        Some(policy) if bounded && policy != "noeviction" => {
            Err(format!("its maxmemory-policy is {policy}, so it may drop counts that are in use; expected noeviction"))
        }
        _ => Ok(()),
    }
}
