//! A started application, and how it is served.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, serve::ListenerExt};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    builder::{Doorman, Module, Source},
    cli::{self, Options},
    handler::{Door, Handler},
    http::{self, Authenticator, Origins, Settings},
    launch,
    scan::ScanLimits,
    stdio,
};
use crate::{
    audit::{Audit, RotatingFile, Sink, Stderr},
    exposure::Catalog,
    guard::{self, Access, Guard, Policies},
    identity::{Agent, Identity, Principal, Tokens},
    limits::{Concurrency, Limits, Monotonic, Quotas},
    manifest::{FileError, Grants, Manifest},
    redact::Redactor,
};

/// How an application is reached.
pub(super) struct Transports {
    pub(super) path: String,
    pub(super) max_request: usize,
    pub(super) stateless: bool,
    pub(super) anonymous: bool,
    pub(super) behind_tls_proxy: bool,
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
}

impl Default for Transports {
    fn default() -> Self {
        Self {
            path: "/mcp".to_owned(),
            max_request: 4 << 20,
            stateless: false,
            anonymous: false,
            behind_tls_proxy: false,
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// How long running calls have to end when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);
/// An audit file's size before it is rotated, and how many old ones are kept.
const AUDIT_FILE: (u64, u32) = (64 << 20, 8);

/// An application whose modules have started.
pub struct App {
    door: Arc<Door>,
    grants: Grants,
    transports: Transports,
    tokens: Option<Arc<Tokens>>,
    dev: Option<Arc<Access>>,
    started: Vec<Module>,
    stop: CancellationToken,
}

impl App {
    /// Checks everything before anything is served, then starts the modules.
    pub(super) async fn start(builder: Doorman, options: Options) -> Result<Self, Error> {
        let Doorman { name, version, instructions, listed, modules, state, secrets, manifests, .. } = builder;
        if let Some(error) = builder.errors.into_iter().next() {
            return Err(error);
        }
        if builder.dev {
            eprintln!(
                "WARNING: development mode: everything is granted to whoever reaches this server from this machine"
            );
        }
        guard::install_hook();
        let catalog = Catalog::build(listed, &state)?;
        let manifests = manifests.into_iter().chain(options.manifests.into_iter().map(Source::At));
        let grants = read_grants(manifests, &catalog)?;
        let mut redactor = Redactor::builder();
        for key in &builder.redact_keys {
            redactor = redactor.key(key);
        }
        let bearer = launch::token()?;
        for secret in secrets.iter().chain(&bearer) {
            redactor = redactor.secret(secret);
        }
        let redactor = redactor.build()?;
        let quotas = Quotas::parse(builder.rate.as_deref(), builder.budget.as_deref())?;
        let limits = Limits::new(Monotonic::start(), &quotas);
        let policies = Policies::compile(&catalog, &limits, &redactor, builder.defaults)?;
        let sink: Box<dyn Sink> = match (builder.sink, options.audit_log) {
            (_, Some(path)) => {
                let (bytes, keep) = AUDIT_FILE;
                Box::new(RotatingFile::open(path, bytes, keep).map_err(Error::Audit)?)
            }
            (Some(sink), None) => sink,
            (None, None) => Box::new(Stderr),
        };
        let mut transports = builder.transports;
        transports.hosts.extend(options.hosts);
        transports.origins.extend(options.origins);
        transports.behind_tls_proxy |= options.behind_tls_proxy;
        let tokens = match (options.tokens, builder.tokens, bearer) {
            (Some(path), ..) => Some(Tokens::read(path)?),
            (None, Some(tokens), _) => Some(tokens),
            (None, None, Some(token)) => Some(match launch::agent(&grants)? {
                Some(agent) => Tokens::default().with(&token, agent),
                None => Tokens::default().with_bearer(&token, "bearer"),
            }),
            (None, None, None) => None,
        };
        let guard = Guard {
            concurrency: Concurrency::new(builder.running),
            audit: Audit::new(sink),
            state: Arc::new(state),
            catalog,
            policies,
            limits,
            redactor,
        };
        let dev = match builder.dev {
            true => Some(Arc::new(Access::everything(Principal::verified(developer()?), &guard.catalog))),
            false => None,
        };
        let nobody = Arc::new(Access::of(Principal::anonymous(None), &guard.catalog, &grants));
        let door = Door { tools: Door::publish(&guard), guard, nobody, name, version, instructions };
        let started = start_modules(modules).await?;
        let stop = CancellationToken::new();
        Ok(Self { door: Arc::new(door), grants, transports, tokens: tokens.map(Arc::new), dev, started, stop })
    }

    /// The MCP endpoint and `/health` as a router. `Doorman::dev()` and anonymous callers need the peer's address:
    /// serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Result<Router, Error> {
        let authenticator = self.authenticator()?;
        let origins = Origins::new(&self.transports.hosts, &self.transports.origins).map_err(Error::Setting)?;
        let settings = Settings {
            path: self.transports.path.clone(),
            max_body: self.transports.max_request,
            scan: ScanLimits::default(),
            stateless: self.transports.stateless,
            origins,
            authenticator,
        };
        Ok(http::router(Arc::clone(&self.door), settings, &self.stop))
    }

    fn authenticator(&self) -> Result<Authenticator, Error> {
        if let Some(access) = &self.dev {
            return Ok(Authenticator::Dev(Arc::clone(access)));
        }
        let catalog = &self.door.guard.catalog;
        Ok(Authenticator::tokens(&self.tokens, self.transports.anonymous, catalog, &self.grants))
    }

    /// Serves one client on stdin and stdout until it goes away or the process is asked to stop.
    async fn serve_stdio(&self) -> Result<(), Error> {
        let handler = Handler::new(Arc::clone(&self.door), Some(self.launched()?));
        let stop = self.stop.child_token();
        let serving = stdio::serve(handler, self.transports.max_request, ScanLimits::default(), stop.clone());
        let served = tokio::select! {
            served = serving => served,
            () = asked_to_stop() => Ok(()),
        };
        served.map_err(|error| Error::Io { what: "stdio".to_owned(), error })
    }

    /// Who calls on stdio: the agent of the launch configuration, or of a token in the environment that verifies (S06).
    fn launched(&self) -> Result<Arc<Access>, Error> {
        if let Some(access) = &self.dev {
            return Ok(Arc::clone(access));
        }
        let catalog = &self.door.guard.catalog;
        if let Some(agent) = launch::agent(&self.grants)? {
            let principal = Principal::verified(Identity::of_agent(agent));
            return Ok(Arc::new(Access::of(principal, catalog, &self.grants)));
        }
        if let (Some(tokens), Some(token)) = (&self.tokens, launch::token()?) {
            let (_, bearer) = tokens
                .verify(token.expose().as_bytes(), SystemTime::now())
                .ok_or_else(|| Error::Launch(format!("the token in {} doesn't verify", launch::TOKEN)))?;
            let principal = Principal::verified(bearer.identity.clone());
            return Ok(Arc::new(Access::of(principal, catalog, &self.grants)));
        }
        tracing::warn!("no AGENT_ID and AGENT_TYPE, and no token: only public capabilities are there");
        Ok(Arc::clone(&self.door.nobody))
    }

    /// Serves HTTP on an address until the process is asked to stop.
    async fn serve_http(&self, address: SocketAddr) -> Result<(), Error> {
        self.safe_to_serve(address)?;
        let router = self.router()?;
        let io = |error| Error::Io { what: format!("serving {address}"), error };
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        eprintln!("serving MCP on http://{bound}{}", self.transports.path);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let stopping = CancellationToken::new();
        let (asked, stop) = (stopping.clone(), self.stop.clone());
        let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                asked_to_stop().await;
                asked.cancel();
                stop.cancel();
            });
        tokio::select! {
            served = serving.into_future() => served.map_err(io),
            () = async { stopping.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    }

    /// Beyond this machine nothing is served without a verifier, and nothing without TLS in front.
    fn safe_to_serve(&self, address: SocketAddr) -> Result<(), Error> {
        let refuse = |reason| Err(Error::Unsafe { address: address.to_string(), reason });
        match () {
            () if address.ip().to_canonical().is_loopback() => Ok(()),
            () if self.dev.is_some() => refuse("development mode grants everything and serves this machine only"),
            () if self.tokens.is_none() => refuse("callers can't be told apart; give --tokens or DOORMAN_BEARER_TOKEN"),
            () if !self.transports.behind_tls_proxy => refuse(
                "tokens would cross the network in the clear; put a TLS proxy in front and say --behind-tls-proxy",
            ),
            () => Ok(()),
        }
    }

    /// Ends sessions and streams, and stops the modules.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.stop.cancel();
            stop_modules(self.started).await;
            drop(self.door.guard.audit.finish());
        })
    }
}

/// Serves as the command line says.
pub(super) async fn run(builder: Doorman, args: Vec<String>) -> Result<(), Error> {
    let Some(options) = cli::parse(&builder.name, &builder.version, args)? else { return Ok(()) };
    log_to_stderr();
    let http = options.http;
    let app = App::start(builder, options).await?;
    let flusher = tokio::spawn(flush_rejections(Arc::clone(&app.door)));
    let served = match http {
        Some(address) => app.serve_http(address).await,
        None => app.serve_stdio().await,
    };
    flusher.abort();
    app.stop().await;
    served
}

/// Aggregated refusals are written at most a second late.
async fn flush_rejections(door: Arc<Door>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        drop(door.guard.audit.flush());
    }
}

/// What the operator reads. rmcp logs arguments and results at `debug` and session ids at `info`, so whatever else is
/// asked for, it says errors only (S08, S20).
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let wanted = std::env::var("DOORMAN_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("warn"));
    let rmcp = "rmcp=error".parse();
    let filter = rmcp.map(|rmcp| filter.clone().add_directive(rmcp)).unwrap_or(filter);
    drop(tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).try_init());
}

/// Waits for SIGINT or SIGTERM.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        },
        _ => std::future::pending().await,
    }
}

/// The principal of development mode.
fn developer() -> Result<Identity, Error> {
    let agent = Agent::new("dev", "dev").map_err(|error| Error::Launch(error.to_string()))?;
    Ok(Identity::of_agent(agent))
}

fn read_grants(manifests: impl Iterator<Item = Source>, catalog: &Catalog) -> Result<Grants, Error> {
    let (mut read, mut errors): (Vec<Manifest>, Vec<FileError>) = (Vec::new(), Vec::new());
    for source in manifests {
        match source {
            Source::Read(manifest) => read.push(manifest),
            Source::At(path) => match Manifest::read(path) {
                Ok(manifest) => read.push(manifest),
                Err(error) => errors.push(error),
            },
        }
    }
    match Grants::of(read, catalog) {
        Ok(grants) if errors.is_empty() => Ok(grants),
        Ok(_) => Err(Error::Files(errors)),
        Err(more) => Err(Error::Files(errors.into_iter().chain(more).collect())),
    }
}

/// Starts modules in order. If one can't start, those that did are stopped, last first.
async fn start_modules(modules: Vec<Module>) -> Result<Vec<Module>, Error> {
    let mut started = Vec::with_capacity(modules.len());
    for module in modules {
        match (module.start)(&*module.value).await {
            Ok(()) => started.push(module),
            Err(reason) => {
                stop_modules(started).await;
                return Err(Error::Module { instance: module.instance, reason });
            }
        }
    }
    Ok(started)
}

async fn stop_modules(started: Vec<Module>) {
    for module in started.into_iter().rev() {
        (module.stop)(&*module.value).await;
    }
}
