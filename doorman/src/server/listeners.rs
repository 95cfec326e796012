//! Who is told when something changes: sessions of earlier protocol versions, and subscriptions. Each is told when what *it*
//! sees has changed, and not of what others see (S02).

use std::{
    cell::OnceCell,
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::{ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::{Peer, SubscriptionSink},
};

use super::generation::Generation;
use crate::{
    call::Change,
    exposure::Kind,
    guard::Access,
    identity::{Agent, Principal},
    limits::CallerKey,
};

/// Listeners of one caller, and of all.
const MOST: (usize, usize) = (64, 8192);
/// Resources that one listener can subscribe to, and the bytes of their URIs together.
const MOST_URIS: (usize, usize) = (256, 64 * 1024);
/// How long a client may take to be told.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many changes are kept for those whose subscription has been acknowledged and isn't noted yet.
const RECENT: usize = 256;

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

    async fn tell(&self, change: Change) {
        let told = async {
            match self {
                Self::Session(peer) => drop(match change {
                    Change::Tools => peer.notify_tool_list_changed().await,
                    Change::Prompts => peer.notify_prompt_list_changed().await,
                    Change::Resources => peer.notify_resource_list_changed().await,
                    Change::Resource { uri, .. } => {
                        peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
                    }
                }),
                Self::Subscription(sink, _) => drop(match change {
                    Change::Tools => sink.notify_tool_list_changed().await,
                    Change::Prompts => sink.notify_prompt_list_changed().await,
                    Change::Resources => sink.notify_resource_list_changed().await,
                    Change::Resource { uri, .. } => sink.notify_resource_updated(uri).await,
                }),
            }
        };
        drop(tokio::time::timeout(PATIENCE, told).await);
    }
}

/// What a listener wants to hear of.
#[derive(Default)]
pub(super) struct Wants {
    lists: [bool; 3],
    /// As the client spells them, each with what it names, once that has been looked up.
    uris: BTreeMap<String, OnceCell<Option<Named>>>,
}

/// A resource: its place in the catalog, and the template's variables.
type Named = (usize, Vec<(String, String)>);

/// What a URI names for a caller.
fn named(uri: &str, access: &Access) -> Option<Named> {
    let found = access.view.resource(uri)?;
    Some((found.id, found.variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// The lists that change, and the kinds that are in each.
const LISTS: [(Change, &[Kind]); 3] = [
    (Change::Tools, &[Kind::Tool]),
    (Change::Prompts, &[Kind::Prompt]),
    (Change::Resources, &[Kind::Resource, Kind::Template]),
];

impl Wants {
    /// Sessions hear of all lists.
    pub(super) fn lists() -> Self {
        Self { lists: [true; 3], uris: BTreeMap::new() }
    }

    pub(super) fn of(filter: &SubscriptionFilter) -> Self {
        let said = |it: Option<bool>| it == Some(true);
        let lists = [filter.tools_list_changed, filter.prompts_list_changed, filter.resources_list_changed].map(said);
        let uris = filter.resource_subscriptions.iter().flatten().map(|uri| (uri.clone(), OnceCell::new())).collect();
        Self { lists, uris }
    }

    /// Subscribes to one more resource; whether there was room.
    fn add(&mut self, uri: String) -> bool {
        let bytes: usize = self.uris.keys().map(String::len).sum();
        let room = self.uris.len() < MOST_URIS.0 && bytes + uri.len() <= MOST_URIS.1;
        self.uris.contains_key(&uri) || (room && self.uris.insert(uri, OnceCell::new()).is_none())
    }
}

/// As many of these URIs as one listener has room for.
pub(super) fn shorten(uris: &mut Vec<String>) {
    let mut bytes = 0;
    let fit = uris.iter().take(MOST_URIS.0).take_while(|uri| {
        bytes += uri.len();
        bytes <= MOST_URIS.1
    });
    uris.truncate(fit.count());
}

struct Listener {
    number: u64,
    ear: Ear,
    wants: Wants,
    caller: CallerKey,
    principal: Arc<Principal>,
    /// What it may under the generation of this number; what its URIs name is looked up with that.
    access: (u64, Arc<Access>),
    /// The [fingerprints](Generation::fingerprint) of the lists that it was last told of.
    seen: [u64; 3],
    waiting: Arc<Mutex<Waiting>>,
}

/// What a listener has yet to be told: each change once, however often it comes meanwhile, in the order in which they came,
/// so that what changes all the time holds up nothing else.
#[derive(Default)]
struct Waiting {
    changes: VecDeque<Change>,
    /// Whether somebody is telling it.
    told: bool,
}

impl Listener {
    fn tell(&self, change: Change) {
        let mut waiting = lock(&self.waiting);
        if !waiting.changes.contains(&change) {
            waiting.changes.push_back(change);
        }
        if std::mem::replace(&mut waiting.told, true) {
            return;
        }
        let (ear, waiting) = (self.ear.clone(), Arc::clone(&self.waiting));
        tokio::spawn(async move {
            loop {
                let next = {
                    let mut waiting = lock(&waiting);
                    let next = waiting.changes.pop_front();
                    waiting.told = next.is_some();
                    next
                };
                match next {
                    Some(change) => ear.tell(change).await,
                    None => return,
                }
            }
        });
    }

    /// Tells it of a change of the application's, if it wants to hear of it, and may.
    fn pass_on(&self, change: &Change, access: &Access, present: &Generation) {
        if let Change::Resource { uri, agent } = change {
            for uri in self.spellings(uri, agent.as_ref(), access, present) {
                self.tell(Change::Resource { uri: uri.clone(), agent: None });
            }
            return;
        }
        let list = LISTS.iter().zip(self.wants.lists).find(|((known, _), _)| known == change);
        if list.is_some_and(|((_, kinds), wanted)| wanted && kinds.iter().any(|&kind| access.view.has(kind))) {
            self.tell(change.clone());
        }
    }

    /// Its spellings of a resource that has changed, if it may read it now, and it is the same one for it (S13).
    fn spellings<'l>(
        &'l self,
        changed: &str,
        agent: Option<&Agent>,
        access: &Access,
        present: &Generation,
    ) -> Vec<&'l String> {
        let Some(changed) = named(changed, access) else { return Vec::new() };
        let each_has_its_own = present.rules.catalog.get(changed.0).is_each_agents_own();
        if each_has_its_own && (agent.is_none() || agent != self.principal.agent()) {
            return Vec::new();
        }
        let is_it = |(uri, known): &(&String, &OnceCell<Option<Named>>)| {
            known.get_or_init(|| named(uri, access)).as_ref() == Some(&changed)
        };
        self.wants.uris.iter().filter(is_it).map(|(uri, _)| uri).collect()
    }
}

#[derive(Default)]
pub(super) struct Listeners(Mutex<State>);

#[derive(Default)]
struct State {
    listening: Vec<Listener>,
    last: u64,
    /// The application's changes, the last ones of so many.
    recent: VecDeque<Change>,
    changes: u64,
}

/// How many changes there had been at some time.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

/// A listener that listens for as long as this is there.
pub(super) struct Listening<'l>(&'l Listeners, u64);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).listening.retain(|listener| listener.number != self.1);
    }
}

/// There are too many listeners already.
pub(super) struct Full;

impl Listeners {
    /// This very time.
    pub(super) fn mark(&self) -> Mark {
        Mark(lock(&self.0).changes)
    }

    /// Tells a listener what has changed since a time before it was noted.
    pub(super) fn catch_up(&self, number: u64, since: Mark, access: &Access, present: &Generation) {
        let state = lock(&self.0);
        let Some(listener) = state.listening.iter().find(|it| it.number == number) else { return };
        let missed = usize::try_from(state.changes - since.0).unwrap_or(RECENT).min(state.recent.len());
        for change in state.recent.iter().skip(state.recent.len() - missed) {
            listener.pass_on(change, access, present);
        }
    }

    /// Notes a listener, with what it sees now. Returns the number that [`until_dropped`](Self::until_dropped) takes.
    pub(super) fn add(&self, ear: Ear, wants: Wants, access: &Access, present: &Generation) -> Result<u64, Full> {
        let mut state = lock(&self.0);
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
        let seen = seen(present, access);
        let (caller, waiting) = (access.caller, Arc::default());
        // With the first change it is looked up.
        let access = (0, Arc::clone(&present.nobody));
        state.listening.push(Listener { number, ear, wants, caller, principal, access, seen, waiting });
        Ok(number)
    }

    /// Lets a listener hear of a resource, too; whether there was room.
    pub(super) fn subscribe(&self, number: u64, uri: String) -> bool {
        let mut state = lock(&self.0);
        state.listening.iter_mut().find(|it| it.number == number).is_some_and(|it| it.wants.add(uri))
    }

    pub(super) fn unsubscribe(&self, number: u64, uri: &str) {
        let mut state = lock(&self.0);
        if let Some(listener) = state.listening.iter_mut().find(|it| it.number == number) {
            listener.wants.uris.remove(uri);
        }
    }

    /// Forgets a listener as soon as what this returns is dropped.
    pub(super) fn until_dropped(&self, number: u64) -> Listening<'_> {
        Listening(self, number)
    }

    /// Tells those whose lists aren't what they were when they were last told.
    pub(super) fn announce(&self, present: &Generation) {
        // A module that has started late shows more under the same generation.
        lock(&self.0).listening.iter_mut().for_each(|listener| listener.access.0 = 0);
        self.each(present, |listener, access| {
            let now = seen(present, access);
            for (at, (change, _)) in LISTS.into_iter().enumerate() {
                if listener.seen[at] != now[at] && listener.wants.lists[at] {
                    listener.tell(change);
                }
            }
            listener.seen = now;
        });
    }

    /// Tells those who want to hear of a change of the application's, and may.
    pub(super) fn pass_on(&self, change: &Change, present: &Generation) {
        {
            let mut state = lock(&self.0);
            state.changes += 1;
            if state.recent.len() == RECENT {
                state.recent.pop_front();
            }
            state.recent.push_back(change.clone());
        }
        self.each(present, |listener, access| listener.pass_on(change, access, present));
    }

    /// All who listen and may, with what they see now.
    fn each(&self, present: &Generation, mut with: impl FnMut(&mut Listener, &Access)) {
        let mut state = lock(&self.0);
        state
            .listening
            .retain(|listener| !listener.ear.is_closed() && present.knows(&listener.principal, listener.caller));
        for listener in &mut state.listening {
            if listener.access.0 != present.number {
                listener.access = (present.number, present.access(&listener.principal));
                listener.wants.uris.values_mut().for_each(|known| *known = OnceCell::new());
            }
            let access = Arc::clone(&listener.access.1);
            with(listener, &access);
        }
    }
}

fn seen(present: &Generation, access: &Access) -> [u64; 3] {
    LISTS.map(|(_, kinds)| present.fingerprint(access, kinds))
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
