//! A started application, and how it is served.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    builder::{Doorman, Module, Source},
    callers::Callers,
    cli::{self, Options},
    handler::{Door, Handler, Launched},
    launch, log,
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

/// An audit file's size before it is rotated, and how many old ones are kept.
const AUDIT_FILE: (u64, u32) = (64 << 20, 8);

/// An application whose modules have started.
pub struct App {
    pub(super) door: Arc<Door>,
    pub(super) max_request: usize,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::Reach,
    pub(super) grants: Grants,
    pub(super) callers: Option<Arc<Callers>>,
    pub(super) dev: Option<Arc<Access>>,
    started: Vec<Module>,
    pub(super) stop: CancellationToken,
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
        let redactor = Arc::new(redactor.build()?);
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
        #[cfg(feature = "http")]
        let reach = builder.reach.with(options.reach);
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
        let callers = tokens.map(|tokens| Arc::new(Callers::new(tokens, &guard.catalog, &grants)));
        let dev = match builder.dev {
            true => Some(Arc::new(Access::everything(Principal::verified(developer()?), &guard.catalog))),
            false => None,
        };
        let nobody = Arc::new(Access::of(Principal::anonymous(None), &guard.catalog, &grants));
        let door = Door { tools: Door::publish(&guard), guard, nobody, name, version, instructions };
        let started = start_modules(modules).await?;
        let stop = CancellationToken::new();
        Ok(Self {
            door: Arc::new(door),
            max_request: builder.max_request,
            #[cfg(feature = "http")]
            reach,
            grants,
            callers,
            dev,
            started,
            stop,
        })
    }

    /// Serves one client on stdin and stdout until it goes away or the process is asked to stop.
    async fn serve_stdio(&self) -> Result<(), Error> {
        let handler = Handler::new(Arc::clone(&self.door), Some(self.launched()?));
        let stop = self.stop.child_token();
        let serving = stdio::serve(handler, self.max_request, ScanLimits::default(), stop.clone());
        let served = tokio::select! {
            served = serving => served,
            () = asked_to_stop() => Ok(()),
        };
        served.map_err(|error| Error::Io { what: "stdio".to_owned(), error })
    }

    /// Who calls on stdio: the agent of the launch configuration, or of a token in the environment that verifies (S06).
    fn launched(&self) -> Result<Launched, Error> {
        if let Some(access) = &self.dev {
            return Ok(Launched::for_good(Arc::clone(access)));
        }
        let catalog = &self.door.guard.catalog;
        if let Some(agent) = launch::agent(&self.grants)? {
            let principal = Principal::verified(Identity::of_agent(agent));
            return Ok(Launched::for_good(Arc::new(Access::of(principal, catalog, &self.grants))));
        }
        if let (Some(callers), Some(token)) = (&self.callers, launch::token()?) {
            let caller = callers.of(token.expose().as_bytes(), SystemTime::now());
            let (access, expires) =
                caller.ok_or_else(|| Error::Launch(format!("the token in {} doesn't verify", launch::TOKEN)))?;
            return Ok(Launched { access, expires });
        }
        tracing::warn!("no AGENT_ID and AGENT_TYPE, and no token: only public capabilities are there");
        Ok(Launched::for_good(Arc::clone(&self.door.nobody)))
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
    let scrubber = log::to_stderr();
    #[cfg(feature = "http")]
    let http = options.http;
    let app = App::start(builder, options).await?;
    scrubber.knows(Arc::clone(&app.door.guard.redactor));
    let flusher = tokio::spawn(flush_rejections(Arc::clone(&app.door)));
    #[cfg(feature = "http")]
    let served = match http {
        Some(address) => app.serve_http(address).await,
        None => app.serve_stdio().await,
    };
    #[cfg(not(feature = "http"))]
    let served = app.serve_stdio().await;
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

/// Waits for SIGINT or SIGTERM.
pub(super) async fn asked_to_stop() {
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
