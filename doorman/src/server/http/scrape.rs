//! Metrics for Prometheus, to whoever bears the operator's token; or on an address of this machine, to everybody on it. No
//! caller's token opens them, and theirs opens nothing else (S12).

use std::{net::SocketAddr, sync::Arc};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    extract::{Request, State},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use super::{
    Reach, Refused, Server,
    authenticate::Presented,
    connections::{Connections, Room},
    count, forwarded,
    pulse::Patience,
    routes,
};
use crate::{
    credentials::{Secret, read_private},
    identity::token_hash as hash,
    manifest::FileError,
    server::{App, Doorman, Error, cli::Options, generation::Generation, log::tell},
    telemetry::Telemetry,
};

/// A token that is shorter can be guessed.
const SHORTEST: usize = 16;
/// Scrapers come one by one.
const CONNECTIONS: usize = 16;
/// Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where metrics are shown, and to whom.
#[derive(Clone)]
pub(in crate::server) struct Scraping {
    token: Option<Secret>,
    /// An address of their own, instead of a route beside the endpoint.
    pub(super) on: Option<SocketAddr>,
}

impl Scraping {
    /// As the operator says.
    fn of(said: &Telemetry) -> Result<Option<Self>, Error> {
        let token = match &said.token {
            Some(path) => Some(token(path).map_err(|expected| FileError::whole(path, expected))?),
            None => None,
        };
        match said.listen {
            Some(address) if !address.ip().to_canonical().is_loopback() => Err(Error::Unsafe {
                address: address.to_string(),
                reason: "metrics are served on this machine only; for others, --metrics-token-file serves them beside the \
                         MCP endpoint",
            }),
            None if token.is_none() => Ok(None),
            on => Ok(Some(Self { token, on })),
        }
    }

    /// Whether the route is beside the MCP endpoint.
    pub(super) fn is_beside(&self) -> bool {
        self.on.is_none()
    }
}

fn token(path: &std::path::Path) -> Result<Secret, String> {
    let text = read_private(path)?;
    let token = text.trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("expected one token of {SHORTEST} printable ASCII characters at least, without spaces"));
    }
    Ok(Secret::new(token))
}

impl Doorman {
    /// What the command line says of metrics goes before.
    pub(in crate::server) fn showing_metrics(mut self, options: &mut Options) -> Self {
        self.telemetry.say(options.metrics_token.take(), options.metrics);
        self
    }
}

impl Reach {
    /// Shows metrics as the operator says. Their token is a credential like any other.
    pub(in crate::server) fn showing_metrics(mut self, builder: &mut Doorman) -> Result<Self, Error> {
        self.scraping = Scraping::of(&builder.telemetry)?;
        builder.secrets.extend(self.metrics_token().cloned());
        Ok(self)
    }

    /// No caller's token opens metrics.
    pub(in crate::server) fn check_metrics_token(&self, first: &Generation) -> Result<(), Error> {
        let is_a_callers = |token: &Secret| {
            first.callers.as_ref().is_some_and(|callers| callers.have_borne(token.expose().as_bytes()))
        };
        match self.metrics_token() {
            Some(token) if is_a_callers(token) => {
                Err(Error::Setting("the token for metrics is a caller's: expected one of its own".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn metrics_token(&self) -> Option<&Secret> {
        self.scraping.as_ref()?.token.as_ref()
    }
}

/// The page, or why there is none.
pub(super) async fn show(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let peer = forwarded::peer(&parts, &server.settings.proxies);
    match server.scrape(&mut parts, peer).await {
        Ok(page) => ([(header::CONTENT_TYPE, FORMAT), (header::CACHE_CONTROL, "no-store")], page).into_response(),
        Err(refused) => {
            count(&server.door, &server.settings.alarm, &refused, peer);
            refused.into_response(None)
        }
    }
}

impl Server {
    async fn scrape(&self, parts: &mut Parts, peer: Option<std::net::IpAddr>) -> Result<String, Refused> {
        self.settings.origins.check(parts, self.metadata().as_deref())?;
        let presented = Presented::take(parts)?;
        let Some((scraping, exports)) = &self.settings.scraping else { return Err(Refused::NoToken) };
        if let Some(held) = &scraping.token {
            let token = presented.token().ok_or(Refused::NoToken)?;
            let strangers = &self.settings.authenticator.strangers;
            // A guess is charged for before it is looked at.
            strangers.may_try(peer)?;
            strangers.failed(peer);
            verify_slices_are_equal(&hash(held.expose().as_bytes()), &hash(token)).map_err(|_| Refused::BadToken)?;
            strangers.forgive(peer);
        }
        let exports = Arc::clone(exports);
        // Many series take their time.
        let page = tokio::task::spawn_blocking(move || exports.page()).await;
        page.ok().flatten().ok_or(Refused::Busy)
    }
}

impl App {
    /// Serves metrics on their own address, if they have one, until the process is asked to stop.
    pub(in crate::server) async fn serve_metrics(
        &self,
    ) -> Result<Option<impl Future<Output = ()> + Send + 'static>, Error> {
        let Some(address) = self.reach.scraping.as_ref().and_then(|it| it.on) else { return Ok(None) };
        let io = |error| Error::Io { what: format!("serving metrics on {address}"), error };
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        tell(&format!("serving metrics on http://{bound}{}", routes::METRICS));
        let server = self.server()?;
        let (door, alarm) = (Arc::clone(&self.door), Arc::clone(&self.reach.alarm));
        let connections = Connections {
            room: Room::new(CONNECTIONS, Arc::clone(&server.settings.proxies)),
            router: routes::operators(server),
            patience: Patience::default(),
            count: Arc::new(move |refused, peer| count(&door, &alarm, &refused, Some(peer))),
            #[cfg(feature = "tls")]
            tls: None,
            stopping: self.stopping.clone(),
        };
        Ok(Some(connections.serve(listener)))
    }
}
