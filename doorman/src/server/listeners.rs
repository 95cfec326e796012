//! Who is told when its list of tools changes: sessions of earlier protocol versions, and subscriptions. Each is told when
//! what *it* sees has changed, and not of what others see (S02).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rmcp::{
    RoleServer,
    service::{Peer, SubscriptionSink},
};

use super::generation::Generation;
use crate::{exposure::Kind, guard::Access, identity::Principal, limits::CallerKey};

/// Listeners of one caller, and of all.
const MOST: (usize, usize) = (64, 8192);
/// How long a client may take to be told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a listener is reached.
#[derive(Clone)]
pub(super) enum Ear {
    Session(Peer<RoleServer>),
    Subscription(SubscriptionSink, Peer<RoleServer>),
}

impl Ear {
    fn is_closed(&self) -> bool {
        match self {
            Self::Session(peer) | Self::Subscription(_, peer) => peer.is_transport_closed(),
        }
    }

    async fn tell(self) {
        let told = async {
            match self {
                Self::Session(peer) => drop(peer.notify_tool_list_changed().await),
                Self::Subscription(sink, _) => drop(sink.notify_tool_list_changed().await),
            }
        };
        drop(tokio::time::timeout(PATIENCE, told).await);
    }
}

struct Listener {
    number: u64,
    ear: Ear,
    caller: CallerKey,
    principal: Arc<Principal>,
    /// The [fingerprint](Generation::fingerprint) of what it was last told of.
    seen: u64,
}

#[derive(Default)]
pub(super) struct Listeners(Mutex<State>);

#[derive(Default)]
struct State {
    listening: Vec<Listener>,
    last: u64,
}

/// A listener that listens for as long as this is there.
pub(super) struct Listening<'l>(&'l Listeners, u64);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.lock().listening.retain(|listener| listener.number != self.1);
    }
}

/// There are too many listeners already.
pub(super) struct Full;

impl Listeners {
    /// Notes a listener, with what it sees now. Returns the number that [`until_dropped`](Self::until_dropped) takes.
    pub(super) fn add(&self, ear: Ear, access: &Access, present: &Generation) -> Result<u64, Full> {
        let mut state = self.lock();
        let of_caller = |state: &State| state.listening.iter().filter(|it| it.caller == access.caller).count();
        let full = |state: &State| state.listening.len() >= MOST.1 || of_caller(state) >= MOST.0;
        if full(&state) {
            state.listening.retain(|listener| !listener.ear.is_closed());
        }
        if full(&state) {
            return Err(Full);
        }
        state.last += 1;
        let (number, principal) = (state.last, Arc::clone(&access.principal));
        let seen = present.fingerprint(access, &[Kind::Tool]);
        state.listening.push(Listener { number, ear, caller: access.caller, principal, seen });
        Ok(number)
    }

    /// Forgets a listener as soon as what this returns is dropped.
    pub(super) fn until_dropped(&self, number: u64) -> Listening<'_> {
        Listening(self, number)
    }

    /// Tells those whose list isn't what it was when they were last told.
    pub(super) fn announce(&self, present: &Generation) {
        let mut state = self.lock();
        state.listening.retain(|listener| !listener.ear.is_closed() && present.knows(listener.caller));
        for listener in &mut state.listening {
            let seen = present.fingerprint(&present.access(&listener.principal), &[Kind::Tool]);
            if seen != listener.seen {
                listener.seen = seen;
                tokio::spawn(listener.ear.clone().tell());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
