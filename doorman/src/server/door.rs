//! The door: the guard, what is served at present, and who is to be told when that changes. One for all connections.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{generation::Generation, listeners::Listeners, reload::Reloads};
use crate::guard::Guard;

pub(super) struct Door {
    pub(super) guard: Guard,
    present: ArcSwap<Generation>,
    pub(super) listeners: Listeners,
    /// How reloads went.
    pub(super) reloads: Arc<Reloads>,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) instructions: Option<String>,
}

impl Door {
    /// `described`: the name, the version and the instructions that clients see.
    pub(super) fn new(
        guard: Guard,
        first: Generation,
        reloads: Arc<Reloads>,
        described: (String, String, Option<String>),
    ) -> Self {
        let (name, version, instructions) = described;
        let (present, listeners) = (ArcSwap::from_pointee(first), Listeners::default());
        Self { guard, present, listeners, reloads, name, version, instructions }
    }

    /// What is served now. A request asks once, and ends under what it got.
    pub(super) fn present(&self) -> Arc<Generation> {
        self.present.load_full()
    }

    /// Serves another generation from now on, and returns the one before.
    pub(super) fn replace(&self, next: Arc<Generation>) -> Arc<Generation> {
        let before = self.present.swap(Arc::clone(&next));
        self.listeners.announce(&next);
        before
    }
}
