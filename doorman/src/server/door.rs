//! The door: the guard, what is served at present, and who is to be told when that changes. One for all connections.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{Doorman, generation::Generation, listeners::Listeners, reload::Reloads};
use crate::{
    call::{Announce, Change},
    guard::Guard,
    telemetry::Exports,
};

pub(super) struct Door {
    pub(super) guard: Arc<Guard>,
    present: ArcSwap<Generation>,
    /// The number of the generation that is served.
    number: watch::Sender<u64>,
    pub(super) listeners: Listeners,
    /// What counts, and exports that, for as long as anybody is served.
    pub(super) exports: Arc<Exports>,
    /// How reloads went.
    pub(super) reloads: Arc<Reloads>,
    #[cfg(all(feature = "http", feature = "telemetry"))]
    pub(super) observed: super::observed::Observed,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) instructions: Option<String>,
    /// How many capabilities a page of a list has.
    pub(super) page_size: usize,
}

impl Door {
    /// `builder` says what clients see of the application.
    pub(super) fn new(
        guard: Guard,
        first: Generation,
        reloads: Arc<Reloads>,
        exports: Exports,
        builder: &Doorman,
    ) -> Self {
        Self {
            guard: Arc::new(guard),
            number: watch::Sender::new(first.number),
            present: ArcSwap::from_pointee(first),
            listeners: Listeners::default(),
            exports: Arc::new(exports),
            reloads,
            #[cfg(all(feature = "http", feature = "telemetry"))]
            observed: Default::default(),
            name: builder.name.clone(),
            version: builder.version.clone(),
            instructions: builder.instructions.clone(),
            page_size: builder.page_size,
        }
    }

    /// What is served now. A request asks once, and ends under what it got.
    pub(super) fn present(&self) -> Arc<Generation> {
        self.present.load_full()
    }

    /// Changes when another generation is served.
    #[cfg(feature = "http")]
    pub(super) fn replaced(&self) -> watch::Receiver<u64> {
        self.number.subscribe()
    }

    /// Serves another generation from now on, and returns the one before.
    pub(super) fn replace(&self, next: Arc<Generation>) -> Arc<Generation> {
        let before = self.present.swap(Arc::clone(&next));
        self.number.send_replace(next.number);
        self.listeners.announce(&next);
        before
    }
}

/// The door, as the application tells it of changes. It doesn't keep it open.
pub(super) struct Bell(pub(super) Weak<Door>);

impl Announce for Bell {
    fn announce(&self, change: Change) {
        if let Some(door) = self.0.upgrade() {
            door.listeners.pass_on(&change, &door.present());
        }
    }
}
