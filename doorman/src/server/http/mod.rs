//! MCP over streamable HTTP, as an axum router. A request comes in; its addressing, caller, size, bytes and session are
//! settled in that order, each refusal cheap and counted; what is left goes to rmcp with the caller in its extensions.

mod agreement;
mod authenticate;
mod bodies;
mod connections;
mod forwarded;
mod health;
mod lasting;
mod metadata;
mod origin;
mod pulse;
mod refusals;
mod refuse;
mod routes;
#[cfg(feature = "telemetry")]
mod scrape;
mod serve;
mod sessions;
mod step_up;
mod strangers;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::Full;
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::never::NeverSessionManager,
};
use tokio_util::sync::CancellationToken;

pub(super) use authenticate::Authenticator;
use authenticate::Presented;
use bodies::Bodies;
pub(super) use bodies::Held;
use forwarded::Proxies;
pub(super) use forwarded::network;
use health::Writable;
pub(super) use metadata::Metadata;
pub(super) use origin::Origins;
use refusals::Alarm;
pub use refusals::Refusals;
use refuse::Refused;
#[cfg(feature = "telemetry")]
use scrape::Scraping;
pub(super) use serve::{Reach, ReachOptions};
use sessions::Sessions;
#[cfg(feature = "tls")]
pub(super) use tls::{Fresh, Pair, Tls};

use super::{
    arrival::{Arrival, Pass},
    door::Door,
    handler::Handler,
    scan::{self, ScanLimits},
};
use crate::{audit::Transport, call::Trace, identity::Principal};

tokio::task_local! {
    /// Who calls, for what rmcp asks before it dispatches a request: which headers a tool's arguments repeat.
    static ARRIVAL: Arrival;
}

/// The trace that a request says to belong to: in its `_meta` (SEP-414), else in its headers. What one of them says isn't
/// mixed with the other's.
pub(super) fn trace(meta: [Option<&str>; 3], headers: &HeaderMap) -> Trace {
    let [parent, state, baggage] = meta;
    let said = Trace::said(parent, state, baggage);
    if said != *Trace::NONE {
        return said;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Trace::said(header("traceparent"), header("tracestate"), header("baggage"))
}

/// The request that rmcp is reading.
pub(super) fn arrival() -> Option<Arrival> {
    ARRIVAL.try_with(Clone::clone).ok()
}

/// Who sent the request that rmcp is reading.
fn caller() -> Option<Arc<Principal>> {
    ARRIVAL.try_with(|arrival| Arc::clone(&arrival.access.principal)).ok()
}

/// How HTTP is served.
pub(super) struct Settings {
    pub(super) path: String,
    pub(super) max_body: usize,
    pub(super) scan: ScanLimits,
    /// Earlier protocol versions get no sessions either.
    pub(super) stateless: bool,
    pub(super) origins: Origins,
    pub(super) authenticator: Authenticator,
    proxies: Arc<Proxies>,
    alarm: Arc<Alarm>,
    /// To whom metrics are shown, and which.
    #[cfg(feature = "telemetry")]
    scraping: Option<(Scraping, Arc<crate::telemetry::Exports>)>,
    /// The process was asked to stop.
    stopping: CancellationToken,
}

struct Server {
    door: Arc<Door>,
    settings: Settings,
    /// Earlier protocol versions in sessions, for callers whom a verifier vouches for.
    sessions: Sessions,
    bodies: Arc<Bodies>,
    writable: Writable,
    /// Without sessions: unverified callers leave nothing behind (S10).
    stateless: StreamableHttpService<Handler, NeverSessionManager>,
}

/// The router: the MCP endpoint, `/health` and `/ready`. `stop` ends sessions and open streams.
pub(super) fn router(door: Arc<Door>, settings: Settings, stop: &CancellationToken) -> Router {
    let path = settings.path.clone();
    routes::router(&path, server(door, settings, stop))
}

/// What routes are served by.
fn server(door: Arc<Door>, settings: Settings, stop: &CancellationToken) -> Arc<Server> {
    let handler = Handler::new(Arc::clone(&door));
    let config = |sessions: bool| {
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_legacy_session_mode(sessions)
            .with_max_request_body_bytes(settings.max_body)
            .with_cancellation_token(stop.child_token());
        // Host and Origin have been checked before rmcp sees a request.
        config.allowed_hosts.clear();
        config
    };
    let shared = handler.clone();
    let stateless = StreamableHttpService::new(move || Ok(shared.for_caller(caller())), Arc::default(), config(false));
    let sessions = Sessions::new(handler, config(true));
    let bodies = Bodies::new(settings.max_body);
    let writable = Writable::default();
    let server = Arc::new(Server { door, settings, sessions, bodies, writable, stateless });
    #[cfg(feature = "telemetry")]
    server.door.observed.sessions({
        let server = Arc::downgrade(&server);
        move || server.upgrade().map_or(0, |server| server.sessions.open())
    });
    server
}

async fn endpoint(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = forwarded::peer(&parts, &server.settings.proxies);
    match server.answer(Request::from_parts(parts, body), peer).await {
        Ok(response) => response,
        Err(refused) => {
            count(&server.door, &server.settings.alarm, &refused, peer);
            refused.into_response(server.metadata().as_deref())
        }
    }
}

/// Counts a refusal: in the audit log, and for bursts.
fn count(door: &Door, alarm: &Alarm, refused: &Refused, peer: Option<IpAddr>) {
    door.guard.rejected(refused.reason(), Transport::Http);
    if refused.is_of_strangers() {
        alarm.count(refused.reason(), peer);
    }
}

impl Server {
    async fn answer(self: &Arc<Self>, request: Request, peer: Option<IpAddr>) -> Result<Response, Refused> {
        let (mut parts, body) = request.into_parts();
        self.settings.origins.check(&parts, self.metadata().as_deref())?;
        let sender = Sender { presented: Presented::take(&mut parts)?, peer };
        let (mut arrival, mut until) = self.arrival(&sender).await?;
        let (body, means) = match parts.method {
            Method::POST => {
                let began = Instant::now();
                let (body, held) =
                    self.bodies.read((arrival.access.caller, sent_by(&arrival)), &parts.headers, body).await?;
                // A body takes the time that its sender takes: what counts is what holds now.
                let lapsed = until.is_some_and(|until| until <= SystemTime::now()) || began.elapsed() > AT_ONCE;
                if lapsed || !Arc::ptr_eq(&arrival.generation, &self.door.present()) {
                    (arrival, until) = self.arrival(&sender).await?;
                }
                let envelope = scan::scan(&body, &self.settings.scan)?;
                agreement::check(&parts.headers, &envelope)?;
                if let Some(answer) = self.step_up(&arrival, &envelope, &body, &parts.headers).await {
                    return Ok(answer);
                }
                let means = Means::of(&envelope);
                arrival.room = Some(Arc::new(held));
                (body, means)
            }
            _ => (Bytes::new(), Means::Else),
        };
        // An answer that lasts ends with what its caller may.
        let lasts = parts.method == Method::GET || means == Means::Listening;
        let watch = lasts.then(|| lasting::Watch {
            server: Arc::clone(self),
            sender,
            opened: Arc::clone(&arrival.access),
            until,
        });
        let bound = parts.headers.contains_key(sessions::HEADER);
        let stateless = self.settings.stateless || !arrival.access.principal.is_verified();
        if stateless && bound {
            return Err(Refused::UnknownSession);
        }
        if stateless || (means.is_stateless() && !bound) {
            parts.extensions.insert(Pass::of(&arrival));
            let served = Box::pin(self.stateless.handle(Request::from_parts(parts, Full::new(body))));
            return Ok(lasting::last(ARRIVAL.scope(arrival, served).await.map(Body::new).into_response(), watch));
        }
        let ticket = self.sessions.admit(&parts, arrival.access.caller, means == Means::Opening).await?;
        arrival.session = ticket.tag();
        parts.extensions.insert(Pass::of(&arrival));
        let (server, request) = (Arc::clone(self), Request::from_parts(parts, Full::new(body)));
        let served = ARRIVAL.scope(arrival, async move {
            let response = Box::pin(server.sessions.service().handle(request)).await;
            server.sessions.settle(&ticket, &response);
            response.map(Body::new).into_response()
        });
        match means {
            // On a task of its own: a client that goes away can't part a session from its owner.
            Means::Opening => tokio::spawn(served).await.map_err(|_| Refused::BrokenBody),
            _ => Ok(lasting::last(served.await, watch)),
        }
    }

    /// Whether metrics are shown beside the endpoint.
    #[cfg(feature = "telemetry")]
    fn shows_metrics(&self) -> bool {
        self.settings.scraping.as_ref().is_some_and(|(scraping, _)| scraping.is_beside())
    }

    /// What strangers are told of tokens.
    fn metadata(&self) -> Option<Arc<Metadata>> {
        self.door.present().verifying.as_ref()?.metadata.clone()
    }

    /// Who sends a request, until when that is known to hold, and what is served to them now.
    async fn arrival(&self, sender: &Sender) -> Result<(Arrival, Option<SystemTime>), Refused> {
        let generation = self.door.present();
        let known = self.settings.authenticator.authenticate(&sender.presented, sender.peer, &generation).await?;
        let arrival =
            Arrival { generation, access: known.access, session: None, transport: Transport::Http, room: None };
        Ok((arrival, known.until))
    }
}

fn sent_by(arrival: &Arrival) -> bodies::From {
    if arrival.access.principal.is_verified() { bodies::From::Known } else { bodies::From::Stranger }
}

/// Who says to be the sender of a request, and from where it came.
struct Sender {
    presented: Presented,
    peer: Option<IpAddr>,
}

/// A body that comes within this time changes nothing of who sent it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What a message is about, as far as sessions go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    /// It opens a session.
    Opening,
    /// It is of a protocol version that has no sessions.
    Stateless,
    /// As such, and its answer goes on for as long as the caller listens.
    Listening,
    Else,
}

impl Means {
    fn of(envelope: &scan::Envelope<'_>) -> Self {
        match (envelope.method.as_deref(), envelope.protocol_version.as_deref()) {
            (Some("initialize"), _) => Self::Opening,
            (Some("subscriptions/listen"), Some("2026-07-28")) => Self::Listening,
            (Some(_), Some("2026-07-28")) => Self::Stateless,
            _ => Self::Else,
        }
    }

    fn is_stateless(self) -> bool {
        matches!(self, Self::Stateless | Self::Listening)
    }
}

/// The status of a refusal that has no body of its own.
fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}
