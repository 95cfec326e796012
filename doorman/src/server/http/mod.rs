//! MCP over streamable HTTP, as an axum router. A request comes in; its addressing, caller, size, bytes and session are
//! settled in that order, each refusal cheap and counted; what is left goes to rmcp with the caller in its extensions.

mod agreement;
mod authenticate;
mod bodies;
mod connections;
mod forwarded;
mod health;
mod origin;
mod pulse;
mod refusals;
mod refuse;
mod routes;
mod serve;
mod sessions;
mod strangers;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::Full;
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::never::NeverSessionManager,
};
use tokio_util::sync::CancellationToken;

pub(super) use authenticate::Authenticator;
use bodies::Bodies;
use forwarded::Proxies;
pub(super) use forwarded::network;
use health::Writable;
pub(super) use origin::Origins;
use refusals::Alarm;
pub use refusals::Refusals;
use refuse::Refused;
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
use crate::{audit::Transport, identity::Principal};

tokio::task_local! {
    /// Who calls, for what rmcp asks before it dispatches a request: which headers a tool's arguments repeat.
    static ARRIVAL: Arrival;
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
    let path = settings.path.clone();
    let bodies = Bodies::new(settings.max_body);
    let writable = Writable::default();
    let server = Arc::new(Server { door, settings, sessions, bodies, writable, stateless });
    routes::router(&path, server)
}

async fn endpoint(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = forwarded::peer(&parts, &server.settings.proxies);
    match server.answer(Request::from_parts(parts, body), peer).await {
        Ok(response) => response,
        Err(refused) => {
            count(&server.door, &server.settings.alarm, &refused, peer);
            refused.into_response()
        }
    }
}

/// Counts a refusal: in the audit log, and for bursts.
fn count(door: &Door, alarm: &Alarm, refused: &Refused, peer: Option<IpAddr>) {
    door.guard.audit.rejected(refused.reason(), Transport::Http);
    if refused.is_of_strangers() {
        alarm.count(refused.reason(), peer);
    }
}

impl Server {
    async fn answer(self: &Arc<Self>, request: Request, peer: Option<IpAddr>) -> Result<Response, Refused> {
        let (mut parts, body) = request.into_parts();
        self.settings.origins.check(&parts)?;
        let mut arrival = self.arrival(&parts, peer)?;
        let (body, held, means) = match parts.method {
            Method::POST => {
                let (body, held) = self.bodies.read(arrival.access.caller, &parts.headers, body).await?;
                // A body takes the time that its sender takes: what counts is what holds now.
                arrival = self.arrival(&parts, peer)?;
                let envelope = scan::scan(&body, &self.settings.scan)?;
                agreement::check(&parts.headers, &envelope)?;
                let means = Means::of(&envelope);
                (body, Some(held), means)
            }
            _ => (Bytes::new(), None, Means::Else),
        };
        // The token has done its work: nothing behind this line can see it (S08).
        parts.headers.remove(header::AUTHORIZATION);
        let bound = parts.headers.contains_key(sessions::HEADER);
        let stateless = self.settings.stateless || !arrival.access.principal.is_verified();
        if stateless && bound {
            return Err(Refused::UnknownSession);
        }
        if stateless || (means == Means::Stateless && !bound) {
            parts.extensions.insert(Pass::of(&arrival));
            let served = Box::pin(self.stateless.handle(Request::from_parts(parts, Full::new(body))));
            return Ok(ARRIVAL.scope(arrival, served).await.map(Body::new).into_response());
        }
        let ticket = self.sessions.admit(&parts, arrival.access.caller, means == Means::Opening).await?;
        arrival.session = ticket.tag();
        parts.extensions.insert(Pass::of(&arrival));
        let (server, request) = (Arc::clone(self), Request::from_parts(parts, Full::new(body)));
        let served = ARRIVAL.scope(arrival, async move {
            let _held = held;
            let response = Box::pin(server.sessions.service().handle(request)).await;
            server.sessions.settle(&ticket, &response);
            response.map(Body::new).into_response()
        });
        match means {
            // On a task of its own: a client that goes away can't part a session from its owner.
            Means::Opening => tokio::spawn(served).await.map_err(|_| Refused::BrokenBody),
            _ => Ok(served.await),
        }
    }

    /// Who sends a request, and what is served to them now.
    fn arrival(&self, parts: &Parts, peer: Option<IpAddr>) -> Result<Arrival, Refused> {
        let generation = self.door.present();
        let access = self.settings.authenticator.authenticate(parts, peer, &generation)?;
        Ok(Arrival { generation, access, session: None, transport: Transport::Http })
    }
}

/// What a message is about, as far as sessions go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    /// It opens a session.
    Opening,
    /// It is of a protocol version that has no sessions.
    Stateless,
    Else,
}

impl Means {
    fn of(envelope: &scan::Envelope<'_>) -> Self {
        match (envelope.method.as_deref(), envelope.protocol_version.as_deref()) {
            (Some("initialize"), _) => Self::Opening,
            (Some(_), Some("2026-07-28")) => Self::Stateless,
            _ => Self::Else,
        }
    }
}

/// The status of a refusal that has no body of its own.
fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}
