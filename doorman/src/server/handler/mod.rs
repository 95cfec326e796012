//! The one place where rmcp's requests become the guard's and the guard's answers become rmcp's: who sends a request, and
//! what it becomes (here); the protocol's methods, one after the other (`protocol`).

mod protocol;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use rmcp::{
    ErrorData, RoleServer,
    model::{ErrorCode, Extensions, PaginatedRequestParams},
    service::{Peer, RequestContext},
};

#[cfg(feature = "http")]
use super::arrival::Pass;
use super::{
    answers,
    arrival::Arrival,
    client::{Client, LogLevel, is_modern},
    door::Door,
    listeners::{Ear, Mark, Wants},
    pages::Page,
};
use crate::{
    audit::Transport,
    call::Trace,
    exposure::{Exposed, Kind, TaskUse, View},
    guard::{Answer, Asked, Continuation, Request, TaskRequest},
    identity::Principal,
};

/// What rmcp serves: cheap to clone, one for each connection, or for each request that stands alone.
#[derive(Clone)]
pub(super) struct Handler {
    door: Arc<Door>,
    /// Whose connection or request it is, over HTTP: a caller is told of features that there are for it.
    caller: Option<Arc<Principal>>,
    level: LogLevel,
    /// The number of the session's listener, if it has one.
    listener: Arc<OnceLock<Option<u64>>>,
    /// When subscriptions came whose listeners aren't there yet, by the task that each has.
    asked: Arc<Mutex<HashMap<tokio::task::Id, Mark>>>,
}

impl Handler {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self { door, caller: None, level: LogLevel::default(), listener: Arc::default(), asked: Arc::default() }
    }

    /// For a connection of its own.
    #[cfg(feature = "http")]
    pub(super) fn for_caller(&self, caller: Option<Arc<Principal>>) -> Self {
        Self { caller, ..Self::new(Arc::clone(&self.door)) }
    }

    /// Counts what was refused before it became a request.
    pub(super) fn refused(&self, reason: &'static str) {
        self.door.guard.rejected(reason, Transport::Stdio);
    }

    /// Who calls: over HTTP the caller of this very request, never the session's; on stdio the one who was launched.
    fn arrival(&self, extensions: &Extensions) -> Arrival {
        #[cfg(feature = "http")]
        if let Some(parts) = extensions.get::<axum::http::request::Parts>() {
            let passed = parts.extensions.get().and_then(Pass::arrival);
            return passed.unwrap_or_else(|| self.nobody(Transport::Http));
        }
        #[cfg(not(feature = "http"))]
        let _ = extensions;
        let mut arrival = self.nobody(Transport::Stdio);
        if let Some(access) = arrival.generation.launched.as_ref().and_then(|it| it.access()) {
            arrival.access = access;
        }
        arrival
    }

    fn nobody(&self, transport: Transport) -> Arrival {
        let generation = self.door.present();
        Arrival {
            access: Arc::clone(&generation.nobody),
            generation,
            session: None,
            transport,
            #[cfg(feature = "http")]
            room: None,
        }
    }

    /// What whoever this is for sees now.
    fn view(&self) -> Arc<View> {
        match &self.caller {
            Some(caller) => Arc::clone(&self.door.present().access(caller).view),
            None => Arc::clone(&self.arrival(&Extensions::default()).access.view),
        }
    }

    /// Whether some tool of a view can run as a task.
    fn has_tasks(&self, view: &View) -> bool {
        let present = self.door.present();
        let catalog = &present.rules.catalog;
        let uses = |id: usize| match catalog.get(id).spec.exposed {
            Exposed::Tool(uses) => uses != TaskUse::Never,
            Exposed::Resource { .. } | Exposed::Prompt => false,
        };
        // A view of the generation before may have more than there is now.
        view.listed(Kind::Tool).any(|id| id < catalog.all().len() && uses(id))
    }

    /// Notes a client that is to be told when something changes. Nobody who isn't known leaves anything behind (S10).
    fn listen_to(&self, ear: Ear, wants: Wants, arrival: &Arrival) -> Option<u64> {
        let known = arrival.transport == Transport::Stdio || arrival.access.principal.is_verified();
        if !known {
            return None;
        }
        self.door.listeners.add(ear, wants, &arrival.access, &arrival.generation).ok()
    }

    /// The session's listener. It is there from what comes first, `initialized` or a subscription, for rmcp handles a
    /// notification beside the request that follows it. A request without a session has nobody to be told anything
    /// afterwards.
    fn listener(&self, peer: &Peer<RoleServer>, arrival: &Arrival) -> Option<u64> {
        let lasts = arrival.transport == Transport::Stdio || arrival.session.is_some();
        let listen = || self.listen_to(Ear::Session(peer.clone()), Wants::lists(), arrival);
        if lasts { *self.listener.get_or_init(listen) } else { None }
    }

    /// A request on its way to the guard.
    fn request(
        &self,
        arrival: &Arrival,
        asked: Asked,
        continuation: Continuation,
        context: &mut RequestContext<RoleServer>,
    ) -> Request {
        Request {
            rules: Arc::clone(&arrival.generation.rules),
            access: Arc::clone(&arrival.access),
            asked,
            continuation,
            transport: arrival.transport,
            session: arrival.session,
            protocol: protocol(context),
            trace: trace(context),
            cancelled: context.ct.clone(),
            client: Arc::new(Client::of(context, &self.level)),
        }
    }

    /// What is asked of a task.
    async fn task(
        &self,
        id: String,
        request: TaskRequest,
        mut context: RequestContext<RoleServer>,
    ) -> Result<Answer, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        if !is_modern(&context) {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "method not found", None));
        }
        let asked = Asked::Task { id: id.into(), request };
        let request = self.request(&arrival, asked, Continuation::default(), &mut context);
        Box::pin(self.door.guard.call(request)).await.ok_or_else(answers::unknown_task)
    }

    /// A list, for a caller for whom there is one.
    fn page(
        &self,
        kind: Kind,
        there: &[Kind],
        page: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Option<(Page, Arrival)>, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        if !there.iter().any(|&kind| arrival.access.view.has(kind)) {
            return Ok(None);
        }
        Page::of(&self.door, &arrival, kind, page).map(|page| Some((page, arrival)))
    }
}

/// The protocol version of a request, if it is one that there is.
fn protocol(context: &RequestContext<RoleServer>) -> Option<&'static str> {
    known_version(context.protocol_version()?.as_str())
}

/// A protocol version in our words.
pub(super) fn known_version(said: &str) -> Option<&'static str> {
    VERSIONS.into_iter().find(|known| *known == said)
}

const VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// The trace that a request says to belong to.
fn trace(context: &RequestContext<RoleServer>) -> Trace {
    let meta = &context.meta;
    let meta = [meta.get_traceparent(), meta.get_tracestate(), meta.get_baggage()];
    #[cfg(feature = "http")]
    if let Some(parts) = context.extensions.get::<axum::http::request::Parts>() {
        return super::http::trace(meta, &parts.headers);
    }
    let [parent, state, baggage] = meta;
    Trace::said(parent, state, baggage)
}
