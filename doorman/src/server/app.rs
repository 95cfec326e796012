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

/// A shorter credential would be in half of all texts, so it couldn't be kept out of them.
const SHORTEST_SECRET: usize = 4;

/// How long running calls have to end when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// An application whose modules have started.
pub struct App {
    pub(super) door: Arc<Door>,
    pub(super) max_request: usize,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::Reach,
    pub(super) grants: Grants,
    pub(super) callers: Option<Arc<Callers>>,
    pub(super) dev: Option<Arc<Access>>,
    /// Modules that wait to be started, in order.
    modules: Vec<Module>,
    started: Vec<Module>,
    pub(super) stop: CancellationToken,
}

impl App {
    /// Checks everything before anything is served, then starts the modules.
    pub(super) async fn start(builder: Doorman, options: Options) -> Result<Self, Error> {
        let mut app = Self::prepare(builder, options)?;
        app.begin().await?;
        Ok(app)
    }

    /// Checks everything; nothing has happened yet.
    fn prepare(builder: Doorman, options: Options) -> Result<Self, Error> {
        let Doorman { name, version, instructions, listed, modules, state, secrets, manifests, .. } = builder;
        let mut redactor = Redactor::builder();
        for key in &builder.redact_keys {
            redactor = redactor.key(key);
        }
        let bearer = launch::token()?;
        for secret in secrets.iter().chain(&bearer) {
            if secret.expose().len() < SHORTEST_SECRET {
                let text = format!("a credential of fewer than {SHORTEST_SECRET} bytes can't be told from other text");
                return Err(Error::Setting(text));
            }
            redactor = redactor.secret(secret);
        }
        let redactor = Arc::new(redactor.build()?);
        if let Some(error) = builder.errors.into_iter().next() {
            return Err(error.scrubbed(&redactor));
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
        let stop = CancellationToken::new();
        Ok(Self {
            door: Arc::new(door),
            max_request: builder.max_request,
            #[cfg(feature = "http")]
            reach,
            grants,
            callers,
            dev,
            modules,
            started: Vec::new(),
            stop,
        })
    }

    /// Starts the modules, in order. If one can't start, those that did are stopped, last first.
    async fn begin(&mut self) -> Result<(), Error> {
        for module in std::mem::take(&mut self.modules) {
            if let Err(reason) = (module.start)(&*module.value).await {
                stop_modules(std::mem::take(&mut self.started)).await;
                let error = Error::Module { instance: module.instance, reason };
                return Err(error.scrubbed(&self.door.guard.redactor));
            }
            self.started.push(module);
        }
        Ok(())
    }

    /// Waits until no call runs, for so long as the process was asked to stop with patience; then a moment longer, for the
    /// last answers to leave.
    pub(super) async fn let_calls_end(&self) {
        let idle = async {
            while self.door.guard.concurrency.running() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drop(tokio::time::timeout(GRACE, idle).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Serves one client on stdin and stdout until it goes away or the process is asked to stop.
    async fn serve_stdio(&self, launched: Launched) -> Result<(), Error> {
        let handler = Handler::new(Arc::clone(&self.door), Some(launched));
        let asked = asked_to_stop();
        let stop = self.stop.child_token();
        let serving = stdio::serve(handler, self.max_request, ScanLimits::default(), stop.clone());
        let served = tokio::select! {
            served = serving => served,
            () = async { asked.await; self.let_calls_end().await } => Ok(()),
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

    /// For benchmarks: one call through the guard, of development mode's principal if there is one. Whether it succeeded.
    #[doc(hidden)]
    pub fn __call(&self, name: &str, arguments: serde_json::Value) -> BoxFuture<'_, bool> {
        let access = Arc::clone(self.dev.as_ref().unwrap_or(&self.door.nobody));
        let request = guard::Request {
            access,
            capability: name.into(),
            arguments,
            transport: crate::audit::Transport::Stdio,
            session: None,
            cancelled: CancellationToken::new(),
            progress: None,
        };
        Box::pin(async move {
            let answer = self.door.guard.call(request).await;
            answer.is_some_and(|answer| !matches!(answer.body, guard::Body::Error(_)))
        })
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
    let mut app = App::prepare(builder, options)?;
    scrubber.knows(Arc::clone(&app.door.guard.redactor));
    // Who calls, and where, is settled before a module does anything.
    #[cfg(feature = "http")]
    if let Some(address) = http {
        app.safe_to_serve(address)?;
    }
    #[cfg(not(feature = "http"))]
    let http = None::<std::convert::Infallible>;
    let launched = if http.is_none() { Some(app.launched()?) } else { None };
    app.begin().await?;
    let flusher = tokio::spawn(flush_rejections(Arc::clone(&app.door)));
    let served = match (launched, http) {
        (Some(launched), _) => app.serve_stdio(launched).await,
        #[cfg(feature = "http")]
        (None, Some(address)) => app.serve_http(address).await,
        (None, _) => Ok(()),
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

/// Waits for SIGINT or SIGTERM. Both are caught from the call on, not from the first poll: to be called before anybody is
/// served.
pub(super) fn asked_to_stop() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            _ => std::future::pending().await,
        }
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

async fn stop_modules(started: Vec<Module>) {
    for module in started.into_iter().rev() {
        (module.stop)(&*module.value).await;
    }
}
