//! A started application, and how it is served.

use std::{
    ffi::OsString,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "http")]
use super::modules::Health;
use super::{
    Error,
    builder::{Doorman, Source},
    callers::Callers,
    checked::{Checked, Purpose},
    cli::{self, Asked, Options},
    handler::{Door, Handler, Launched},
    inspect, launch, log,
    modules::Modules,
    scan::ScanLimits,
    stdio,
};
use crate::{
    guard::{self, Access, Guard},
    identity::{Agent, Identity, Principal, Tokens},
    limits::Concurrency,
    manifest::Grants,
};

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
    #[cfg(feature = "http")]
    pub(super) health: Arc<Health>,
    modules: Modules,
    pub(super) stop: CancellationToken,
}

impl App {
    /// Checks everything before anything is served, then starts the modules.
    pub(super) async fn start(builder: Doorman, options: Options) -> Result<Self, Error> {
        let mut app = Self::prepare(builder, options)?;
        app.modules.start(&app.door.guard.redactor).await?;
        Ok(app)
    }

    /// Checks everything; nothing has happened yet.
    fn prepare(mut builder: Doorman, options: Options) -> Result<Self, Error> {
        builder.manifests.extend(options.manifests.into_iter().map(Source::At));
        let bearer = launch::token()?;
        builder.secrets.extend(bearer.clone());
        guard::install_hook();
        let Checked { catalog, policies, limits, grants, redactor, state, modules, health, rest } =
            Checked::of(builder, Purpose::Serving)?;
        #[cfg(not(feature = "http"))]
        drop(health);
        if rest.dev {
            log::tell(
                "WARNING: development mode: everything is granted to whoever reaches this server from this machine",
            );
        }
        let audit = options.audit.open(&rest.name, rest.sink, rest.audit)?;
        #[cfg(feature = "http")]
        let reach = rest.reach.with(options.reach);
        let tokens = match (options.tokens, rest.tokens, bearer) {
            (Some(path), ..) => Some(Tokens::read(path)?),
            (None, Some(tokens), _) => Some(tokens),
            (None, None, Some(token)) => Some(match launch::agent(&grants)? {
                Some(agent) => Tokens::default().with(&token, agent),
                None => Tokens::default().with_bearer(&token, "bearer"),
            }),
            (None, None, None) => None,
        };
        let guard = Guard {
            concurrency: Concurrency::new(rest.running),
            audit,
            state: Arc::new(state),
            catalog,
            policies,
            limits,
            redactor,
        };
        let callers = tokens.map(|tokens| Arc::new(Callers::new(tokens, &guard.catalog, &grants)));
        let dev = match rest.dev {
            true => Some(Arc::new(Access::everything(Principal::verified(developer()?), &guard.catalog))),
            false => None,
        };
        let nobody = Arc::new(Access::of(Principal::anonymous(None), &guard.catalog, &grants));
        let door = Door {
            tools: Door::publish(&guard),
            guard,
            nobody,
            name: rest.name,
            version: rest.version,
            instructions: rest.instructions,
        };
        Ok(Self {
            door: Arc::new(door),
            max_request: rest.max_request,
            #[cfg(feature = "http")]
            reach,
            #[cfg(feature = "http")]
            health,
            grants,
            callers,
            dev,
            modules: Modules::new(modules),
            stop: CancellationToken::new(),
        })
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
            self.modules.stop().await;
            if let Err(error) = self.door.guard.audit.finish().await {
                tracing::error!(%error, "the end of the audit log is missing");
            }
        })
    }
}

/// Does what the command line says.
pub(super) async fn run(builder: Doorman, args: Vec<OsString>) -> Result<(), Error> {
    match cli::parse(&builder, args)? {
        Asked::Nothing => Ok(()),
        Asked::Audit(command) => command.run(),
        Asked::Own(run) => run().await,
        Asked::Validate(manifests) => inspect::validate(builder, manifests),
        Asked::Inspect(manifests, form) => inspect::inspect(builder, manifests, form),
        Asked::Run(options) => serve(builder, options).await,
    }
}

async fn serve(builder: Doorman, mut options: Options) -> Result<(), Error> {
    let scrubber = log::set_up(options.ops_log.take())?;
    #[cfg(feature = "http")]
    let http = options.http.take();
    let mut app = App::prepare(builder, options)?;
    scrubber.knows(Arc::clone(&app.door.guard.redactor));
    if app.door.guard.catalog.all().is_empty() {
        return Err(Error::Usage("nothing to serve: give --manifest FILE".to_owned()));
    }
    // Who calls, and where, is settled before a module does anything.
    #[cfg(feature = "http")]
    if let Some(address) = http {
        app.safe_to_serve(address)?;
    }
    #[cfg(not(feature = "http"))]
    let http = None::<std::convert::Infallible>;
    let launched = if http.is_none() { Some(app.launched()?) } else { None };
    app.modules.start(&app.door.guard.redactor).await?;
    let flusher = tokio::spawn(flush_rejections(Arc::clone(&app.door)));
    let served = match (launched, http) {
        (Some(launched), _) => app.serve_stdio(launched).await,
        #[cfg(feature = "http")]
        (None, Some(address)) => app.serve_http(address).await,
        (None, _) => Ok(()),
    };
    flusher.abort();
    app.stop().await;
    tracing::info!("stopped");
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
