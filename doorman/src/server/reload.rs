//! Reading the operator's files again while serving: as a whole or not at all (S26). What was checked at the start is
//! checked again; a mistake anywhere leaves everything as it was, and is told in the log and in the status.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex as Lock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;

use super::{
    Doorman, Error,
    checked::{Checked, Counts, Lasting, Purpose},
    door::Door,
    generation::Generation,
    launch::Launch,
    modules::{Module, Modules},
    verifying::Verifying,
    watch::Seen,
};
use crate::{
    credentials::Secret,
    guard::Rules,
    identity::{Bearer, Unverified},
    manifest::FileError,
    redact::Knowledge,
};

/// What a reload begins with.
pub(super) struct Reloader {
    pub(super) builder: Doorman,
    pub(super) launch: Launch,
    pub(super) door: Arc<Door>,
    pub(super) modules: Modules,
    pub(super) counts: Counts,
    pub(super) log: Knowledge,
    /// The state of the operator's files before they were first read.
    pub(super) seen: Seen,
    /// One at a time.
    pub(super) last: Mutex<Last>,
}

/// What the present generation was made from.
pub(super) struct Last {
    pub(super) modules: Arc<[Module]>,
    /// The credentials of its manifests, and of its verifier.
    pub(super) secrets: Vec<Secret>,
    /// Those before it under which calls may still run.
    pub(super) older: Vec<Older>,
    /// What connections are encrypted with from then on.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::http::Fresh>,
}

impl Last {
    pub(super) fn of(checked: &mut Checked, verifying: Option<&Verifying>) -> Self {
        let (modules, mut secrets) = (std::mem::take(&mut checked.modules), std::mem::take(&mut checked.secrets));
        secrets.extend(verifying.iter().flat_map(|it| it.secrets.iter().cloned()));
        Self {
            modules: modules.into(),
            secrets,
            older: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Reloader {
    /// Reads everything again. What is wrong is the error, and also in the log and in the status.
    pub(super) async fn reload(self: Arc<Self>) -> Result<(), Error> {
        let mut last = self.last.lock().await;
        let reloaded = self.replace(&mut last).await;
        match &reloaded {
            Ok(number) => {
                tracing::warn!(generation = number, "reloaded");
                self.door.reloads.note(None);
            }
            Err(error) => {
                let number = self.door.present().number;
                tracing::error!(generation = number, "RELOAD REFUSED, all stays as it was: {error}");
                self.door.reloads.note(Some(error));
            }
        }
        reloaded.map(drop)
    }

    async fn replace(self: &Arc<Self>, last: &mut Last) -> Result<u64, Error> {
        let number = self.door.present().number + 1;
        let verifying = self.verifying().await?;
        let bearer = self.launch.bearer(verifying.as_ref()).await;
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "there is no TLS"))]
        let (next, mut made_from) = self.check(number, last, verifying, bearer).await?;
        // It knows all that the one before does, so it may stay also if what follows fails; and a module that starts may log.
        self.log.knows(Arc::clone(&next.rules.redactor));
        self.modules.start(&made_from.modules, &self.door, &next.rules.redactor).await?;
        // From here on nothing can fail.
        #[cfg(feature = "tls")]
        if let Some((tls, fresh)) = self.launch.tls.as_ref().zip(made_from.tls.take()) {
            tls.replace(fresh);
        }
        let before = self.door.replace(Arc::new(next));
        let mut older = std::mem::take(&mut last.older);
        older.retain(|it| it.rules.strong_count() > 0);
        older.push(Older::of(&before));
        drop(before);
        *last = Last { older: older.clone(), ..made_from };
        self.modules.keep(&last.modules, unused(older));
        Ok(number)
    }

    /// The verifier that is to be asked from now on, read on a thread of its own.
    async fn verifying(self: &Arc<Self>) -> Result<Option<Verifying>, Error> {
        let this = Arc::clone(self);
        let opening = tokio::task::spawn_blocking(move || {
            this.launch.verifier.open(&this.builder.name, this.door.present().verifying.as_ref())
        });
        opening.await.map_err(|_| Error::Setting("the files could not be checked".to_owned()))?
    }

    /// On a thread of its own: it reads files.
    async fn check(
        self: &Arc<Self>,
        number: u64,
        last: &Last,
        verifying: Option<Verifying>,
        bearer: Option<Result<Bearer, Unverified>>,
    ) -> Result<(Generation, Last), Error> {
        let this = Arc::clone(self);
        let (modules, mut known) = (Arc::clone(&last.modules), last.secrets.clone());
        known.extend(verifying.iter().flat_map(|it| it.secrets.iter().cloned()));
        let checking = tokio::task::spawn_blocking(move || {
            let lasting =
                Lasting { counts: Some(&this.counts), modules: &modules, secrets: &known, reloads: &this.door.reloads };
            let mut checked = Checked::of(&this.builder, lasting, Purpose::Serving)?;
            #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "there is no TLS"))]
            let mut made_from = Last::of(&mut checked, verifying.as_ref());
            #[cfg(feature = "tls")]
            {
                made_from.tls = this.launch.tls.as_ref().map(|tls| tls.read()).transpose()?;
            }
            let before = this.door.present();
            let next = Generation::of(number, checked, &this.launch, verifying, bearer, before.callers.as_ref())?;
            Ok((next, made_from))
        });
        checking.await.map_err(|_| Error::Setting("the files could not be checked".to_owned()))?
    }

    /// The operator's files.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        let mut paths = self.builder.manifest_paths();
        paths.extend(self.launch.files());
        paths.extend(self.credential_files());
        paths
    }

    /// Those of them that other files name.
    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        let present = self.door.present();
        let of_verifier = present.verifying.iter().flat_map(Verifying::files);
        present.grants.credential_files().map(PathBuf::from).chain(of_verifier).collect()
    }
}

/// A generation before the present one, for as long as calls run under its rules.
#[derive(Clone)]
pub(super) struct Older {
    rules: Weak<Rules>,
    longest: Duration,
}

impl Older {
    fn of(before: &Generation) -> Self {
        Self { rules: Arc::downgrade(&before.rules), longest: before.rules.longest_timeout() }
    }
}

/// Waits until the last call under these has ended, or until none of them can run any more. All of them, for a module that
/// went on through some has been used by each.
async fn unused(older: Vec<Older>) {
    let longest = older.iter().map(|it| it.longest).max().unwrap_or_default();
    let unused = async {
        while older.iter().any(|it| it.rules.strong_count() > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    drop(tokio::time::timeout(longest, unused).await);
}

/// How the last reload went, for those who ask how the server is.
#[derive(Default)]
pub(super) struct Reloads {
    /// What was wrong with the last one.
    mistakes: Lock<Option<Vec<FileError>>>,
    done: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    fn note(&self, refused: Option<&Error>) {
        let counted = if refused.is_some() { &self.refused } else { &self.done };
        counted.fetch_add(1, Ordering::Relaxed);
        let mistakes = refused.map(|error| match error {
            Error::Files(errors) => errors.iter().cloned().collect(),
            // Why is for the operator alone.
            _ => Vec::new(),
        });
        *self.lock() = mistakes;
    }

    /// How many were done, and how many refused.
    #[cfg(feature = "telemetry")]
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Whether what is written differs from what is served, because a reload was refused.
    pub(super) fn is_stale(&self) -> bool {
        self.lock().is_some()
    }

    /// What is wrong with one file, in the words of [`FileError::brief`].
    pub(super) fn mistakes(&self, file: &Path) -> Vec<String> {
        let refused = self.lock();
        refused.iter().flatten().filter(|error| error.file() == file).map(FileError::brief).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<FileError>>> {
        self.mistakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
