//! Sessions of earlier protocol versions: rmcp keeps them, here they get an owner, a bound and an end. A session's id is
//! no proof of anything: to everyone but its owner it doesn't exist (S10).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{Method, Response, header::HeaderName, request::Parts};
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::{SessionManager, local::LocalSessionManager},
};

use super::{super::handler::Handler, refuse::Refused};
use crate::{audit::SessionTag, limits::CallerKey};

pub(super) const HEADER: HeaderName = HeaderName::from_static("mcp-session-id");

/// Sessions of one caller: above this, its longest idle one ends.
const PER_CALLER: usize = 32;
/// Sessions of all callers: above this, no new one begins.
const IN_ALL: usize = 4096;
/// A session that nobody used for this long may end.
const IDLE: Duration = Duration::from_secs(30 * 60);

struct Session {
    owner: CallerKey,
    used: Instant,
}

/// How many sessions are being opened, as names that no session has.
static OPENING: AtomicU64 = AtomicU64::new(0);

/// What a request has to do with a session.
pub(super) struct Ticket {
    owner: CallerKey,
    presented: Option<String>,
    /// The place that is kept for a session which is being opened.
    place: Option<String>,
    ends: bool,
}

impl Ticket {
    pub(super) fn tag(&self) -> Option<SessionTag> {
        self.presented.as_deref().map(SessionTag::of)
    }
}

pub(super) struct Sessions {
    service: StreamableHttpService<Handler, LocalSessionManager>,
    manager: Arc<LocalSessionManager>,
    open: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    pub(super) fn new(handler: Handler, config: StreamableHttpServerConfig) -> Self {
        let mut manager = LocalSessionManager::default();
        // rmcp's idle timer would end a session in the middle of a silent tool call; ours counts from the last request.
        manager.session_config.keep_alive = None;
        let manager = Arc::new(manager);
        let service =
            StreamableHttpService::new(move || Ok(handler.for_caller(super::caller())), Arc::clone(&manager), config);
        Self { service, manager, open: Mutex::default() }
    }

    pub(super) fn service(&self) -> &StreamableHttpService<Handler, LocalSessionManager> {
        &self.service
    }

    /// Lets a request near its session, or makes room for a new one.
    pub(super) async fn admit(&self, parts: &Parts, caller: CallerKey, opens: bool) -> Result<Ticket, Refused> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let presented = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(one), None) => Some(one.to_str().map_err(|_| Refused::UnknownSession)?.to_owned()),
            (Some(_), Some(_)) => return Err(Refused::UnknownSession),
        };
        if let Some(id) = &presented {
            let mut open = self.lock();
            let session = open.get_mut(id).filter(|session| session.owner == caller).ok_or(Refused::UnknownSession)?;
            session.used = Instant::now();
        }
        let place = match presented {
            None if opens => Some(self.make_room(caller).await?),
            _ => None,
        };
        Ok(Ticket { owner: caller, presented, place, ends: parts.method == Method::DELETE })
    }

    /// Notes a session that the response opened, or forgets one that the request ended. Until then a session that is
    /// being opened keeps its place, so that many at once don't pass the bound.
    pub(super) fn settle<B>(&self, ticket: &Ticket, response: &Response<B>) {
        let mut open = self.lock();
        if let Some(place) = &ticket.place {
            open.remove(place);
        }
        match &ticket.presented {
            // What rmcp refused to end goes on, and goes on counting.
            Some(id) if ticket.ends && response.status().is_success() => drop(open.remove(id)),
            Some(_) => {}
            None => {
                if let Some(id) = response.headers().get(HEADER).and_then(|id| id.to_str().ok()) {
                    open.insert(id.to_owned(), Session { owner: ticket.owner, used: Instant::now() });
                }
            }
        }
    }

    async fn make_room(&self, caller: CallerKey) -> Result<String, Refused> {
        let place = format!("opening {}", OPENING.fetch_add(1, Ordering::Relaxed));
        let ended = {
            let mut open = self.lock();
            let mut ended: Vec<String> = Vec::new();
            let mut own: Vec<(Instant, &String)> = open
                .iter()
                .filter(|(_, session)| session.owner == caller)
                .map(|(id, session)| (session.used, id))
                .collect();
            own.sort_unstable();
            let excess = (own.len() + 1).saturating_sub(PER_CALLER);
            ended.extend(own.into_iter().take(excess).map(|(_, id)| id.clone()));
            if open.len() >= IN_ALL / 2 {
                ended
                    .extend(open.iter().filter(|(_, session)| session.used.elapsed() > IDLE).map(|(id, _)| id.clone()));
            }
            for id in &ended {
                open.remove(id);
            }
            if open.len() >= IN_ALL {
                return Err(Refused::TooManySessions);
            }
            open.insert(place.clone(), Session { owner: caller, used: Instant::now() });
            ended
        };
        for id in ended {
            drop(self.manager.close_session(&id.into()).await);
        }
        Ok(place)
    }

    /// How many are open.
    #[cfg(feature = "telemetry")]
    pub(super) fn open(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
