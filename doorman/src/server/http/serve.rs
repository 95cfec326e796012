//! An application on a network: as a router, or on an address of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::ListenerExt};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Authenticator, HEALTH, Origins, Settings};
use crate::server::{App, Doorman, Error, app::asked_to_stop, log::tell, scan::ScanLimits};

/// How long connections have to close once sessions and streams have ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How an application is reached over HTTP.
pub(in crate::server) struct Reach {
    pub(super) path: String,
    pub(super) stateless: bool,
    pub(super) anonymous: bool,
    pub(super) behind_tls_proxy: bool,
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            path: "/mcp".to_owned(),
            stateless: false,
            anonymous: false,
            behind_tls_proxy: false,
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// What the command line adds to it.
#[derive(Debug, Default)]
pub(in crate::server) struct ReachOptions {
    pub(in crate::server) path: Option<String>,
    pub(in crate::server) behind_tls_proxy: bool,
    pub(in crate::server) hosts: Vec<String>,
    pub(in crate::server) origins: Vec<String>,
}

impl Reach {
    pub(in crate::server) fn with(mut self, options: ReachOptions) -> Self {
        self.path = options.path.unwrap_or(self.path);
        self.hosts.extend(options.hosts);
        self.origins.extend(options.origins);
        self.behind_tls_proxy |= options.behind_tls_proxy;
        self
    }
}

/// Serving over HTTP (feature `http`).
impl Doorman {
    /// Lets callers without a token see and call public capabilities over HTTP. A token that doesn't verify stays a 401.
    pub fn allow_anonymous(mut self) -> Self {
        self.reach.anonymous = true;
        self
    }

    /// Gives protocol versions before 2026-07-28 no sessions either.
    pub fn stateless(mut self) -> Self {
        self.reach.stateless = true;
        self
    }

    /// The path of the MCP endpoint. Default: `/mcp`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.reach.path = path.into();
        self
    }

    /// A `Host` that this server answers to, besides this machine's names: `mcp.example.com`.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.reach.hosts.push(host.into());
        self
    }

    /// A web origin whose pages may call, besides this machine's: `https://app.example.com`.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.reach.origins.push(origin.into());
        self
    }

    /// Says that a proxy in front speaks TLS, so that an address beyond this machine may be served.
    pub fn behind_tls_proxy(mut self) -> Self {
        self.reach.behind_tls_proxy = true;
        self
    }

    /// As [`start`](Self::start), as a router to mount in an application that exists. The application serves it with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, so that anonymous callers are told apart. Modules are not
    /// stopped; use [`App`] where that matters.
    pub fn into_router(self) -> BoxFuture<'static, Result<Router, Error>> {
        Box::pin(async move { self.start().await?.router() })
    }
}

impl App {
    /// The MCP endpoint and `/health` as a router. `Doorman::dev()` and anonymous callers need the peer's address:
    /// serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Result<Router, Error> {
        let authenticator = Authenticator { anonymous: self.reach.anonymous };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        if !self.reach.path.starts_with('/') || !self.reach.path.chars().all(plain) || self.reach.path == HEALTH {
            let text = format!("the endpoint's path must begin with `/`, be plain, and not be {HEALTH}");
            return Err(Error::Setting(text));
        }
        let origins = Origins::new(&self.reach.hosts, &self.reach.origins).map_err(Error::Setting)?;
        let settings = Settings {
            path: self.reach.path.clone(),
            max_body: self.max_request,
            scan: ScanLimits::default(),
            stateless: self.reach.stateless,
            origins,
            authenticator,
        };
        Ok(super::router(Arc::clone(&self.door), settings, &self.stop))
    }

    /// Serves HTTP on an address until the process is asked to stop.
    pub(in crate::server) async fn serve_http(&self, address: SocketAddr) -> Result<(), Error> {
        let router = self.router()?;
        let io = |error| Error::Io { what: format!("serving {address}"), error };
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        let asked = asked_to_stop();
        tell(&format!("serving MCP on http://{bound}{}", self.reach.path));
        tracing::info!(address = %bound, "serving");
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let stopping = CancellationToken::new();
        let stopped = stopping.clone();
        let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                asked.await;
                stopped.cancel();
            });
        // Sessions and streams end when the last call has: with them, its answer would.
        let winding_down = async {
            stopping.cancelled().await;
            self.let_calls_end().await;
            self.stop.cancel();
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            served = serving.into_future() => served.map_err(io),
            () = winding_down => Ok(()),
        }
    }

    /// Nothing is served to nobody; beyond this machine nothing without a verifier, and nothing without TLS in front.
    pub(in crate::server) fn safe_to_serve(&self, address: SocketAddr) -> Result<(), Error> {
        let present = self.door.present();
        let refuse = |reason| Err(Error::Unsafe { address: address.to_string(), reason });
        match () {
            () if present.callers.is_none() && present.dev.is_none() && !self.reach.anonymous => {
                refuse("nobody could ever call; give --tokens, --auth or DOORMAN_BEARER_TOKEN")
            }
            () if address.ip().to_canonical().is_loopback() => Ok(()),
            () if present.dev.is_some() => refuse("development mode grants everything and serves this machine only"),
            () if present.callers.is_none() => {
                refuse("callers can't be told apart; give --tokens, --auth or DOORMAN_BEARER_TOKEN")
            }
            () if !self.reach.behind_tls_proxy => refuse(
                "tokens would cross the network in the clear; put a TLS proxy in front and say --behind-tls-proxy",
            ),
            () => Ok(()),
        }
    }
}
