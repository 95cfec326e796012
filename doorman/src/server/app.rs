//! A started application, and how it is served.

use std::{
    ffi::OsString,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

#[cfg(feature = "telemetry")]
use super::observed::observe;
use super::{
    Error,
    builder::{Doorman, Source},
    checked::{self, Checked, Lasting, Purpose},
    cli::{self, Asked, Options},
    door::{Bell, Door},
    generation::Generation,
    handler::Handler,
    inspect,
    launch::{self, Launch, TokenSource},
    log,
    modules::Modules,
    reload::{Last, Reloader},
    scan::ScanLimits,
    stdio,
    verifying::VerifierSource,
    watch,
};
use crate::{
    call::Trace,
    guard::{self, Guard, Steps, Tasks},
    input::Sealer,
    limits::Concurrency,
    redact::Knowledge,
    telemetry::{Exports, Process},
};

/// How long running calls have to end when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// An application whose modules have started.
pub struct App {
    pub(super) door: Arc<Door>,
    pub(super) max_request: usize,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::Reach,
    reloader: Arc<Reloader>,
    /// The process was asked to stop; calls may still run.
    pub(super) stopping: CancellationToken,
    pub(super) stop: CancellationToken,
}

impl App {
    /// Checks everything before anything is served, then starts the modules.
    pub(super) async fn start(builder: Doorman) -> Result<Self, Error> {
        let knowledge = Knowledge::default();
        let service = (&*builder.name, &*builder.version);
        let opened = Exports::open(&builder.telemetry, Process::Others, service, &knowledge);
        let (exports, _) = opened.map_err(Error::Setting)?;
        let app = Self::prepare(builder, Options::default(), false, knowledge, exports).await?;
        app.begin().await?;
        Ok(app)
    }

    /// Checks everything; nothing has happened yet.
    async fn prepare(
        mut builder: Doorman,
        options: Options,
        stdio: bool,
        log: Knowledge,
        exports: Exports,
    ) -> Result<Self, Error> {
        builder.manifests.extend(options.manifests.into_iter().map(Source::At));
        builder.watch |= options.watch;
        let bearer = launch::token()?;
        builder.secrets.extend(bearer.iter().chain(&exports.secrets).cloned());
        builder.store = options.state.or(builder.store);
        builder.state_password = launch::state_password()?;
        let input_keys = options.input_keys.or(builder.input_keys.take());
        let sealer = match &input_keys {
            Some(path) => Sealer::read(path).map_err(|error| Error::Files(vec![error].into())),
            None => Sealer::random().map_err(Error::Setting),
        }?;
        guard::install_hook();
        checked::sound(&mut builder)?;
        let verifier = options.auth.map_or_else(|| std::mem::take(&mut builder.verifier), VerifierSource::File);
        let tokens = match (options.tokens, builder.tokens.take(), bearer) {
            (Some(path), ..) => TokenSource::File(path),
            (None, Some(tokens), _) => TokenSource::Given(tokens),
            // On stdio it is the launcher's, and for the verifier to judge if there is one.
            (None, None, Some(token)) if !stdio || matches!(verifier, VerifierSource::Nowhere) => {
                TokenSource::Environment(token)
            }
            (None, None, _) => TokenSource::Nowhere,
        };
        #[cfg(feature = "http")]
        let reach = std::mem::take(&mut builder.reach).with(options.reach);
        #[cfg(all(feature = "http", feature = "telemetry"))]
        let reach = reach.showing_metrics(&mut builder)?;
        let launch = Launch {
            dev: builder.dev,
            stdio,
            tokens,
            verifier,
            #[cfg(feature = "tls")]
            tls: launch::tls(reach.pair.clone().filter(|_| !stdio))?,
        };
        let verifying = launch.verifier.open(&builder.name, None)?;
        builder.secrets.extend(verifying.iter().flat_map(|it| it.secrets.iter().cloned()));
        let seen = watch::look(builder.manifest_paths().into_iter().chain(launch.files()));
        let reloads = Arc::default();
        let mut checked = Checked::of(&builder, Lasting::new(&reloads), Purpose::Serving)?;
        if builder.dev {
            log::tell(
                "WARNING: development mode: everything is granted to whoever reaches this server from this machine",
            );
        }
        let audit = options.audit.open(&builder.name, builder.sink.take(), std::mem::take(&mut builder.audit))?;
        let counts = checked.counts.clone();
        if input_keys.is_some() && !counts.limits.outlive_the_process() {
            // Another process with the same keys, or this one after a restart, would take an answer again (S25).
            let missing = "input keys need a state that is kept: --state or state_backend with a file or Redis";
            return Err(Error::Setting(missing.to_owned()));
        }
        let (concurrency, limits) = (Concurrency::new(builder.running), counts.limits.clone());
        let meters = exports.meters.clone();
        let guard =
            Guard { limits, concurrency, audit, sealer, tasks: Tasks::default(), steps: Steps::default(), meters };
        let last = Last::of(&mut checked, verifying.as_ref());
        let bearer = launch.bearer(verifying.as_ref()).await;
        let first = Generation::of(1, checked, &launch, verifying, bearer, None)?;
        #[cfg(all(feature = "http", feature = "telemetry"))]
        reach.check_metrics_token(&first)?;
        log.knows(Arc::clone(&first.rules.redactor));
        let (door, max_request) = (Arc::new(Door::new(guard, first, reloads, exports, &builder)), builder.max_request);
        builder.updates.connect(Bell(Arc::downgrade(&door)));
        #[cfg(feature = "telemetry")]
        if let Some(meter) = door.exports.meter() {
            observe(meter, &door);
        }
        let reloader = Reloader {
            door: Arc::clone(&door),
            modules: Modules::default(),
            counts,
            last: Mutex::new(last),
            seen,
            builder,
            launch,
            log,
        };
        Ok(Self {
            door,
            max_request,
            #[cfg(feature = "http")]
            reach,
            reloader: Arc::new(reloader),
            stopping: CancellationToken::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Connects to what counts are kept in, and starts the modules.
    async fn begin(&self) -> Result<(), Error> {
        let Reloader { modules, counts, last, .. } = &*self.reloader;
        counts.store.start().await;
        tokio::spawn(keep_verifying(Arc::downgrade(&self.door)));
        modules.start(&last.lock().await.modules, &self.door, &self.door.present().rules.redactor).await
    }

    /// Reads manifests, their credentials' files, the tokens' file and what TLS uses again: all of them, or, if anything in them is wrong,
    /// none. Limits go on counting, calls that run end under the rules that they began with, module instances whose
    /// configuration is the same go on, and clients whose list of tools has changed are told.
    ///
    /// # Errors
    /// What is wrong; everything stays as it was.
    pub fn reload(&self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(Arc::clone(&self.reloader).reload())
    }

    /// What connections are encrypted with, if they are.
    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Option<Arc<super::http::Tls>> {
        self.reloader.launch.tls.clone()
    }

    /// How often each step of the guard has run so far, in their order: none can be left out, and this shows it.
    pub fn steps(&self) -> Vec<(&'static str, u64)> {
        self.door.guard.steps.counts().collect()
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
    async fn serve_stdio(&self) -> Result<(), Error> {
        let handler = Handler::new(Arc::clone(&self.door));
        let asked = asked_to_stop();
        let stop = self.stop.child_token();
        let reloader = Arc::clone(&self.reloader);
        let serving = stdio::serve(handler, reloader, self.max_request, ScanLimits::default(), stop.clone());
        let served = tokio::select! {
            served = serving => served,
            () = async { asked.await; self.let_calls_end().await } => Ok(()),
        };
        served.map_err(|error| Error::Io { what: "stdio".to_owned(), error })
    }

    /// For benchmarks: one call through the guard, of development mode's principal if there is one. Whether it succeeded.
    #[doc(hidden)]
    pub fn __call(&self, name: &str, arguments: serde_json::Value) -> BoxFuture<'_, bool> {
        let present = self.door.present();
        let request = guard::Request {
            rules: Arc::clone(&present.rules),
            access: Arc::clone(present.dev.as_ref().unwrap_or(&present.nobody)),
            asked: guard::Asked::Tool { name: name.into(), arguments },
            continuation: guard::Continuation::default(),
            transport: crate::audit::Transport::Stdio,
            session: None,
            protocol: None,
            trace: Trace::default(),
            cancelled: CancellationToken::new(),
            client: Arc::new(guard::Nobody),
        };
        Box::pin(async move {
            let answer = self.door.guard.call(request).await;
            answer.is_some_and(|answer| !matches!(answer.body, guard::Body::Error(_)))
        })
    }

    /// Ends sessions and streams, and stops the modules.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.stopping.cancel();
            self.stop.cancel();
            self.reloader.modules.stop().await;
            if let Err(error) = self.door.guard.audit.finish().await {
                tracing::error!(%error, "the end of the audit log is missing");
            }
            self.door.exports.finish().await;
        })
    }
}

/// Does what the command line says.
pub(super) async fn run(builder: Doorman, args: Vec<OsString>) -> Result<(), Error> {
    match cli::parse(&builder, args)? {
        Asked::Nothing => Ok(()),
        Asked::Audit(command) => command.run(),
        Asked::Redact(command) => command.run(builder),
        Asked::Own(run) => run().await,
        Asked::Validate(manifests, auth) => inspect::validate(builder, manifests, auth),
        Asked::Inspect(manifests, form) => inspect::inspect(builder, manifests, form),
        Asked::Run(options) => serve(builder, *options).await,
    }
}

async fn serve(builder: Doorman, mut options: Options) -> Result<(), Error> {
    // From here on it doesn't end the process.
    let hangups = signal(SignalKind::hangup()).map_err(|error| Error::Io { what: "SIGHUP".to_owned(), error })?;
    #[cfg(all(feature = "http", feature = "telemetry"))]
    let builder = builder.showing_metrics(&mut options);
    let knowledge = Knowledge::default();
    let service = (&*builder.name, &*builder.version);
    let opened = Exports::open(&builder.telemetry, Process::Own, service, &knowledge);
    let (exports, spans) = opened.map_err(Error::Setting)?;
    log::set_up(options.ops_log.take(), spans, &knowledge)?;
    #[cfg(feature = "http")]
    let http = options.http.take();
    #[cfg(not(feature = "http"))]
    let http = None::<std::convert::Infallible>;
    // Who calls, and where, is settled before a module does anything.
    let app = App::prepare(builder, options, http.is_none(), knowledge, exports).await?;
    if app.door.present().rules.catalog.all().is_empty() {
        return Err(Error::Usage("nothing to serve: give --manifest FILE".to_owned()));
    }
    #[cfg(feature = "http")]
    if let Some(address) = http {
        app.safe_to_serve(address)?;
    }
    app.begin().await?;
    let mut beside = JoinSet::new();
    beside.spawn(flush_rejections(Arc::clone(&app.door)));
    beside.spawn(reload_when_told(Arc::clone(&app.reloader), hangups));
    if http.is_none() {
        beside.spawn(keep_launched(Arc::clone(&app.reloader)));
    }
    if app.reloader.builder.watch {
        let mut seen = app.reloader.seen.clone();
        seen.extend(watch::look(app.reloader.credential_files()));
        beside.spawn(watch::watch(Arc::clone(&app.reloader), seen));
    }
    #[cfg(all(feature = "http", feature = "telemetry"))]
    if let Some(serving) = app.serve_metrics().await? {
        beside.spawn(serving);
    }
    let served = match http {
        #[cfg(feature = "http")]
        Some(address) => app.serve_http(address).await,
        _ => app.serve_stdio().await,
    };
    beside.shutdown().await;
    app.stop().await;
    tracing::info!("stopped");
    served
}

/// SIGHUP: reads the operator's files again.
async fn reload_when_told(reloader: Arc<Reloader>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        // What is wrong, the reload itself tells.
        drop(Arc::clone(&reloader).reload().await);
    }
}

/// Has a verifier get ready, also one that a reload brought, and again for as long as it has trouble: a server that isn't
/// ready may get no calls that would have it try.
async fn keep_verifying(door: Weak<Door>) {
    const PAUSE: Duration = Duration::from_secs(5);
    loop {
        let Some(verifying) = door.upgrade().map(|door| door.present().verifying.clone()) else { return };
        if let Some(verifying) = verifying
            && verifying.verifier.trouble().is_some()
        {
            verifying.verifier.prepare().await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Those who listen on stdio, and say nothing, hear on for as long as the launcher's token is good.
async fn keep_launched(reloader: Arc<Reloader>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        reloader.launch.refresh(&reloader.door.present()).await;
    }
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
