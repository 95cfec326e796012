//! The module instances of an application: started in order, tried again if they may be late, stopped last first.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Error, door::Door};
use crate::{
    call::Mounted,
    exposure::{Instance, ModuleError},
    manifest::{Assembled, Recipe},
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
    /// What a manifest made it from.
    pub(super) recipe: Option<Arc<Recipe>>,
}

impl Module {
    /// Whether both are the same instance.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.instance.mounted, &other.instance.mounted)
    }

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

/// The instances that run, and those that can't yet.
#[derive(Default)]
pub(super) struct Modules {
    running: Mutex<Vec<Running>>,
    /// Instances that no manifest declares any more, each waiting for the last call that uses it.
    leaving: Mutex<JoinSet<()>>,
    /// Fires when nothing waits any longer.
    ending: CancellationToken,
}

struct Running {
    module: Module,
    /// The attempts to start what couldn't be started.
    attempts: Option<Attempts>,
}

struct Attempts {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Modules {
    /// Starts those that are new, in order. If one can't that isn't optional, the new ones are stopped again.
    pub(super) async fn start(&self, wanted: &[Module], door: &Arc<Door>, redactor: &Redactor) -> Result<(), Error> {
        let known: Vec<Arc<Mounted>> = self.lock().iter().map(|it| Arc::clone(&it.module.instance.mounted)).collect();
        let mut begun = Vec::new();
        for module in wanted.iter().filter(|it| !known.iter().any(|known| Arc::ptr_eq(known, &it.instance.mounted))) {
            let attempts = match module.start().await {
                Ok(()) => {
                    tracing::info!(module = &*module.name, "started");
                    None
                }
                Err(reason) if module.optional => {
                    tracing::error!("{}; the server goes on without it", module.error(reason, redactor));
                    Some(Attempts::begin(module.clone(), Arc::clone(door)))
                }
                Err(reason) => {
                    stop(begun).await;
                    return Err(module.error(reason, redactor));
                }
            };
            begun.push(Running { module: module.clone(), attempts });
        }
        self.lock().append(&mut begun);
        Ok(())
    }

    /// Stops those that aren't wanted any more, once no call uses them.
    pub(super) fn keep(&self, wanted: &[Module], unused: impl Future<Output = ()> + Send + 'static) {
        let wanted = |it: &mut Running| wanted.iter().any(|wanted| wanted.is(&it.module));
        let gone: Vec<Running> = self.lock().extract_if(.., |it| !wanted(it)).collect();
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        while leaving.try_join_next().is_some() {}
        if gone.is_empty() {
            return;
        }
        let ending = self.ending.clone();
        leaving.spawn(async move {
            tokio::select! {
                () = unused => {}
                () = ending.cancelled() => {}
            }
            stop(gone).await;
        });
    }

    /// Stops them, last first.
    pub(super) async fn stop(&self) {
        self.ending.cancel();
        let leaving = std::mem::take(&mut *self.leaving.lock().unwrap_or_else(PoisonError::into_inner));
        leaving.join_all().await;
        let running = std::mem::take(&mut *self.lock());
        stop(running).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops instances, last first.
async fn stop(running: Vec<Running>) {
    for Running { module, attempts } in running.into_iter().rev() {
        if let Some(attempts) = attempts {
            attempts.stop.cancel();
            drop(attempts.task.await);
        }
        if module.instance.mounted.has_started() {
            module.instance.stop().await;
        }
    }
}

impl Attempts {
    fn begin(module: Module, door: Arc<Door>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = keep_trying(module, door) => {}
            }
        });
        Self { stop, task }
    }
}

/// Starts a module as soon as it can be, after ever longer pauses, and tells those who see its tools then.
async fn keep_trying(module: Module, door: Arc<Door>) {
    let (mut pause, longest) = RETRY;
    loop {
        tokio::time::sleep(pause).await;
        match module.start().await {
            Ok(()) => break,
            Err(reason) => tracing::warn!("{}", module.error(reason, &door.present().rules.redactor)),
        }
        pause = (pause * 2).min(longest);
    }
    tracing::warn!(module = &*module.name, "started after all");
    door.listeners.announce(&door.present());
}

/// How an application's modules are: for `/health` and for the agents that use them.
pub(super) struct Health {
    watched: Vec<Watched>,
    /// The manifest of each agent type.
    manifests: HashMap<String, PathBuf>,
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
    pub(super) fn of(modules: &[Module], manifests: &[Assembled], store: Store) -> Self {
        let watched = modules.iter().map(|module| Watched {
            name: Arc::clone(&module.name),
            agent_type: module.agent_type.clone(),
            optional: module.optional,
            mounted: Arc::clone(&module.instance.mounted),
        });
        let file = |it: &Assembled| (it.manifest.agent_type().to_owned(), it.manifest.file().to_owned());
        Self { watched: watched.collect(), manifests: manifests.iter().map(file).collect(), store }
    }

    /// Whether the shared state store answers; `None` where counts are in this process.
    pub(super) fn store_answers(&self) -> Option<bool> {
        self.store.answers()
    }

    /// The file of an agent type's manifest.
    pub(super) fn manifest(&self, agent_type: &str) -> Option<&Path> {
        self.manifests.get(agent_type).map(PathBuf::as_path)
    }

    /// The modules of one manifest.
    pub(super) fn of_type<'a>(&'a self, agent_type: &'a str) -> impl Iterator<Item = &'a Watched> {
        self.watched.iter().filter(move |it| it.agent_type.as_deref() == Some(agent_type))
    }

    /// How many modules there are, the application's own too, and how many don't run.
    #[cfg(feature = "telemetry")]
    pub(super) fn all(&self) -> (usize, usize) {
        (self.watched.len(), self.watched.iter().filter(|it| !it.runs()).count())
    }

    #[cfg(feature = "http")]
    /// How many modules manifests declare, how many of them don't run, and whether the server can do without those.
    pub(super) fn count(&self) -> (usize, usize, bool) {
        let declared = || self.watched.iter().filter(|it| it.agent_type.is_some());
        let down = || declared().filter(|it| !it.runs());
        (declared().count(), down().count(), down().all(|it| it.optional))
    }
}
