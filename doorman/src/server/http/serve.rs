//! An application on a network: as a router, or on an address of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use futures::future::BoxFuture;
use tokio::net::TcpListener;

use super::{
    Alarm, Authenticator, Origins, Proxies, Refusals, Settings,
    connections::{Connections, Room},
    count,
    pulse::Patience,
    routes,
    strangers::Strangers,
};
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
    pub(super) trusted_proxies: Vec<String>,
    pub(super) max_connections: usize,
    pub(super) alarm: Arc<Alarm>,
    #[cfg(feature = "telemetry")]
    pub(super) scraping: Option<super::Scraping>,
    #[cfg(feature = "tls")]
    pub(in crate::server) pair: Option<super::Pair>,
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
            trusted_proxies: Vec::new(),
            max_connections: 1024,
            alarm: Arc::default(),
            #[cfg(feature = "telemetry")]
            scraping: None,
            #[cfg(feature = "tls")]
            pair: None,
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
    pub(in crate::server) trusted_proxies: Vec<String>,
    pub(in crate::server) max_connections: Option<usize>,
    #[cfg(feature = "tls")]
    pub(in crate::server) pair: Option<super::Pair>,
}

impl Reach {
    pub(in crate::server) fn with(mut self, options: ReachOptions) -> Self {
        self.path = options.path.unwrap_or(self.path);
        self.hosts.extend(options.hosts);
        self.origins.extend(options.origins);
        self.behind_tls_proxy |= options.behind_tls_proxy;
        self.trusted_proxies.extend(options.trusted_proxies);
        self.max_connections = options.max_connections.unwrap_or(self.max_connections);
        #[cfg(feature = "tls")]
        {
            self.pair = options.pair.or(self.pair);
        }
        self
    }

    fn proxies(&self, dev: bool) -> Result<Arc<Proxies>, Error> {
        Proxies::new(&self.trusted_proxies, self.behind_tls_proxy, dev).map(Arc::new).map_err(Error::Setting)
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

    /// Networks of proxies in front, as in `["10.0.0.0/8"]`: the last address in `Forwarded` or `X-Forwarded-For` that isn't
    /// theirs is the caller's. Each of them must add the address that it sees to one of these headers. From everybody else
    /// these headers say nothing.
    ///
    /// ```no_run
    /// # use doorman::Doorman;
    /// let app = Doorman::new("billing").behind_tls_proxy().trusted_proxies(["10.0.0.0/8", "192.0.2.7"]);
    /// ```
    pub fn trusted_proxies<T: Into<String>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        self.reach.trusted_proxies.extend(networks.into_iter().map(Into::into));
        self
    }

    /// How many connections there may be at once, a quarter of them from one address (this machine's and trusted proxies'
    /// may have all). Above that a connection is closed at once. Default: 1,024.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.reach.max_connections = connections;
        self
    }

    /// Serves HTTPS: certificates in PEM, the server's own first, and its private key, which must be 0600. For
    /// [`run`](Self::run). Both are read again when manifests are.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, cert: impl Into<std::path::PathBuf>, key: impl Into<std::path::PathBuf>) -> Self {
        self.reach.pair = Some(super::Pair { cert: cert.into(), key: key.into() });
        self
    }

    /// Is told once of each burst of requests that are refused because nobody vouches for them, or because there is no room
    /// for their connection: 100 in 10 s are one. It runs on a thread of its own.
    ///
    /// ```no_run
    /// # use doorman::Doorman;
    /// let app = Doorman::new("billing").on_refusals(|burst| eprintln!("{} refused: {:?}", burst.total(), burst.reasons));
    /// ```
    pub fn on_refusals(mut self, hook: impl Fn(&Refusals) + Send + Sync + 'static) -> Self {
        self.reach.alarm = Arc::new(Alarm::with_hook(Arc::new(hook)));
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
    /// The MCP endpoint, `/health` and `/ready` as a router. `Doorman::dev()` and anonymous callers need the peer's address:
    /// serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Result<Router, Error> {
        Ok(super::router(Arc::clone(&self.door), self.settings()?, &self.stop))
    }

    /// What routes on an address of their own are served by.
    #[cfg(feature = "telemetry")]
    pub(super) fn server(&self) -> Result<Arc<super::Server>, Error> {
        Ok(super::server(Arc::clone(&self.door), self.settings()?, &self.stop))
    }

    fn settings(&self) -> Result<Settings, Error> {
        let reach = &self.reach;
        let proxies = reach.proxies(self.door.present().dev.is_some())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        if !reach.path.starts_with('/') || !reach.path.chars().all(plain) || !routes::is_free(&reach.path) {
            let text = "the endpoint's path must begin with `/`, be plain, and not be that of another route";
            return Err(Error::Setting(text.to_owned()));
        }
        let origins = Origins::new(&reach.hosts, &reach.origins).map_err(Error::Setting)?;
        Ok(Settings {
            path: reach.path.clone(),
            max_body: self.max_request,
            scan: ScanLimits::default(),
            stateless: reach.stateless,
            origins,
            authenticator: Authenticator {
                anonymous: reach.anonymous,
                strangers: Strangers::new(Arc::clone(&proxies)),
            },
            proxies,
            alarm: Arc::clone(&reach.alarm),
            #[cfg(feature = "telemetry")]
            scraping: reach.scraping.clone().map(|it| (it, Arc::clone(&self.door.exports))),
            stopping: self.stopping.clone(),
        })
    }

    /// Serves HTTP on an address until the process is asked to stop.
    pub(in crate::server) async fn serve_http(&self, address: SocketAddr) -> Result<(), Error> {
        let router = self.router()?;
        let proxies = self.reach.proxies(self.door.present().dev.is_some())?;
        if proxies.is_unnamed() {
            tracing::warn!("all callers have their proxy's address; say --trusted-proxy for bounds by address");
        }
        let (door, alarm) = (Arc::clone(&self.door), Arc::clone(&self.reach.alarm));
        let room = Room::new(self.reach.max_connections, proxies);
        #[cfg(feature = "telemetry")]
        self.door.observed.connections({
            let room = Arc::clone(&room);
            move || room.taken()
        });
        let connections = Connections {
            router,
            room,
            patience: Patience::default(),
            count: Arc::new(move |refused, peer| count(&door, &alarm, &refused, Some(peer))),
            #[cfg(feature = "tls")]
            tls: self.tls(),
            stopping: self.stopping.clone(),
        };
        let io = |error| Error::Io { what: format!("serving {address}"), error };
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        let asked = asked_to_stop();
        let scheme = if self.has_tls() { "https" } else { "http" };
        tell(&format!("serving MCP on {scheme}://{bound}{}", self.reach.path));
        tracing::info!(address = %bound, "serving");
        // Sessions and streams end when the last call has: with them, its answer would.
        let winding_down = async {
            asked.await;
            self.stopping.cancel();
            self.let_calls_end().await;
            self.stop.cancel();
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = connections.serve(listener) => {}
            () = winding_down => {}
        }
        Ok(())
    }

    /// Whether connections are encrypted here.
    fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls().is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Nothing is served to nobody; beyond this machine nothing without a verifier, and nothing without TLS, here or in
    /// front.
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
            () if !self.reach.behind_tls_proxy && !self.has_tls() => refuse(
                "tokens would cross the network in the clear; give --tls-cert and --tls-key, or put a TLS proxy in front \
                 and say --behind-tls-proxy",
            ),
            () => Ok(()),
        }
    }
}
