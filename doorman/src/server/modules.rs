//! The module instances of an application: started in order, tried again if they may be late, stopped last first.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::Error;
use crate::{
    call::Mounted,
    exposure::{Instance, ModuleError},
    redact::Redactor,
    state::Store,
};

/// How long a module may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an optional module that couldn't start waits for the next attempt: at first, and at last.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// An instance, whose it is, and whether the server does without it.
#[derive(Clone)]
pub(super) struct Module {
    pub(super) name: Arc<str>,
    /// The agent type whose manifest declares it; `None` for one of the application's own.
    pub(super) agent_type: Option<Arc<str>>,
    pub(super) optional: bool,
    pub(super) instance: Instance,
}

impl Module {
    async fn start(&self) -> Result<(), ModuleError> {
        let started = tokio::time::timeout(PATIENCE, self.instance.start()).await;
        started.unwrap_or_else(|_| Err(format!("it takes more than {} s", PATIENCE.as_secs()).into()))
    }

    fn error(&self, reason: ModuleError, redactor: &Redactor) -> Error {
        let instance = match &self.agent_type {
            Some(agent_type) => format!("{agent_type}/{}", self.name),
            None => self.name.to_string(),
        };
        Error::Module { instance, reason }.scrubbed(redactor)
    }
}

/// All instances of an application.
pub(super) struct Modules {
    waiting: Vec<Module>,
    started: Arc<Mutex<Vec<Module>>>,
    /// Ends the attempts to start what couldn't be started.
    stop: CancellationToken,
}

impl Modules {
    pub(super) fn new(waiting: Vec<Module>) -> Self {
        Self { waiting, started: Arc::default(), stop: CancellationToken::new() }
    }

    /// Starts them. If one can't that isn't optional, those that did are stopped.
    pub(super) async fn start(&mut self, redactor: &Arc<Redactor>) -> Result<(), Error> {
        for module in std::mem::take(&mut self.waiting) {
            match module.start().await {
                Ok(()) => {
                    tracing::info!(module = &*module.name, "started");
                    lock(&self.started).push(module);
                }
                Err(reason) if module.optional => {
                    tracing::error!("{}; the server goes on without it", module.error(reason, redactor));
                    tokio::spawn(keep_trying(
                        module,
                        Arc::clone(redactor),
                        Arc::clone(&self.started),
                        self.stop.clone(),
                    ));
                }
                Err(reason) => {
                    let error = module.error(reason, redactor);
                    self.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Stops those that have started, last first.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let started = std::mem::take(&mut *lock(&self.started));
        for module in started.into_iter().rev() {
            module.instance.stop().await;
        }
    }
}

fn lock(modules: &Mutex<Vec<Module>>) -> std::sync::MutexGuard<'_, Vec<Module>> {
    modules.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a module as soon as it can be, after ever longer pauses.
async fn keep_trying(
    module: Module,
    redactor: Arc<Redactor>,
    started: Arc<Mutex<Vec<Module>>>,
    stop: CancellationToken,
) {
    let (mut pause, longest) = RETRY;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match module.start().await {
            Ok(()) => break,
            Err(reason) => tracing::warn!("{}", module.error(reason, &redactor)),
        }
        pause = (pause * 2).min(longest);
    }
    tracing::warn!(module = &*module.name, "started after all");
    lock(&started).push(module.clone());
    // The server may have stopped in the meantime.
    if stop.is_cancelled() {
        module.instance.stop().await;
    }
}

/// How an application's modules are: for `/health` and for the agents that use them.
pub(super) struct Health {
    modules: Vec<Watched>,
    store: Store,
}

pub(super) struct Watched {
    pub(super) name: Arc<str>,
    agent_type: Option<Arc<str>>,
    pub(super) optional: bool,
    mounted: Arc<Mounted>,
}

impl Watched {
    pub(super) fn runs(&self) -> bool {
        self.mounted.has_started()
    }
}

impl Health {
    pub(super) fn of(modules: &[Module], store: Store) -> Self {
        let watched = modules.iter().map(|module| Watched {
            name: Arc::clone(&module.name),
            agent_type: module.agent_type.clone(),
            optional: module.optional,
            mounted: Arc::clone(&module.instance.mounted),
        });
        Self { modules: watched.collect(), store }
    }

    /// Whether the shared state store answers; `None` where counts are in this process.
    pub(super) fn store_answers(&self) -> Option<bool> {
        self.store.answers()
    }

    /// The modules of one manifest.
    pub(super) fn of_type<'a>(&'a self, agent_type: &'a str) -> impl Iterator<Item = &'a Watched> {
        self.modules.iter().filter(move |it| it.agent_type.as_deref() == Some(agent_type))
    }

    #[cfg(feature = "http")]
    /// How many modules manifests declare, how many of them don't run, and whether the server can do without those.
    pub(super) fn count(&self) -> (usize, usize, bool) {
        let declared = || self.modules.iter().filter(|it| it.agent_type.is_some());
        let down = || declared().filter(|it| !it.runs());
        (declared().count(), down().count(), down().all(|it| it.optional))
    }
}
