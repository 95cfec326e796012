//! MCP over streamable HTTP, as an axum router. A request comes in; its addressing, caller, size, bytes and session are
//! settled in that order, each refusal cheap and counted; what is left goes to rmcp with the caller in its extensions.

mod agreement;
mod authenticate;
mod origin;
mod refuse;
mod serve;
mod sessions;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::never::NeverSessionManager,
};
use tokio_util::sync::CancellationToken;

pub(super) use authenticate::Authenticator;
pub(super) use origin::Origins;
use refuse::Refused;
pub(super) use serve::{Reach, ReachOptions};
use sessions::Sessions;

use super::{
    handler::{Arrival, Door, Handler},
    scan::{self, ScanLimits},
};
use crate::{audit::Transport, guard::Access};

tokio::task_local! {
    /// Who calls, for what rmcp asks before it dispatches a request: which headers a tool's arguments repeat.
    static CALLER: Arc<Access>;
}

/// The caller of the request that rmcp is reading.
pub(super) fn caller() -> Option<Arc<Access>> {
    CALLER.try_with(Arc::clone).ok()
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
}

struct Server {
    door: Arc<Door>,
    settings: Settings,
    /// Earlier protocol versions in sessions, for callers whom a verifier vouches for.
    sessions: Sessions,
    /// Without sessions: unverified callers leave nothing behind (S10).
    stateless: StreamableHttpService<Handler, NeverSessionManager>,
}

/// The router: the MCP endpoint and `/health`. `stop` ends sessions and open streams.
pub(super) fn router(door: Arc<Door>, settings: Settings, stop: &CancellationToken) -> Router {
    let handler = Handler::new(Arc::clone(&door), None);
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
    let stateless = StreamableHttpService::new(move || Ok(shared.clone()), Arc::default(), config(false));
    let sessions = Sessions::new(handler, config(true));
    let path = settings.path.clone();
    let server = Arc::new(Server { door, settings, sessions, stateless });
    Router::new()
        .route(&path, any(endpoint))
        .route("/health", get(|| async { ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#) }))
        .with_state(server)
}

async fn endpoint(State(server): State<Arc<Server>>, request: Request) -> Response {
    match server.answer(request).await {
        Ok(response) => response,
        Err(refused) => {
            server.door.guard.audit.rejected(refused.reason(), Transport::Http);
            refused.into_response()
        }
    }
}

impl Server {
    async fn answer(&self, request: Request) -> Result<Response, Refused> {
        let (mut parts, body) = request.into_parts();
        self.settings.origins.check(&parts)?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let access = self.settings.authenticator.authenticate(&parts, peer, &self.door.guard)?;
        // The token has done its work: nothing behind this line can see it (S08).
        parts.headers.remove(header::AUTHORIZATION);
        let body = match parts.method {
            Method::POST => self.read(body).await?,
            _ => Bytes::new(),
        };
        let opens = if parts.method == Method::POST {
            let envelope = scan::scan(&body, &self.settings.scan)?;
            agreement::check(&parts.headers, &envelope)?;
            envelope.method.as_deref() == Some("initialize")
        } else {
            false
        };
        let mut arrival = Arrival { access, session: None, transport: Transport::Http };
        if self.settings.stateless || !arrival.access.principal.is_verified() {
            if parts.headers.contains_key(sessions::HEADER) {
                return Err(Refused::UnknownSession);
            }
            let access = Arc::clone(&arrival.access);
            parts.extensions.insert(arrival);
            let served = self.stateless.handle(Request::from_parts(parts, Full::new(body)));
            return Ok(CALLER.scope(access, served).await.map(Body::new).into_response());
        }
        let ticket = self.sessions.admit(&parts, arrival.access.caller, opens).await?;
        arrival.session = ticket.tag();
        let access = Arc::clone(&arrival.access);
        parts.extensions.insert(arrival);
        let served = self.sessions.service().handle(Request::from_parts(parts, Full::new(body)));
        let response = CALLER.scope(access, served).await;
        self.sessions.settle(&ticket, &response);
        Ok(response.map(Body::new).into_response())
    }

    async fn read(&self, body: Body) -> Result<Bytes, Refused> {
        let collected = Limited::new(body, self.settings.max_body).collect().await;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() { Refused::TooLarge(self.settings.max_body) } else { Refused::BrokenBody }
        })
    }
}

/// The status of a refusal that has no body of its own.
fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}
