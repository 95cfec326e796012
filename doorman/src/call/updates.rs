//! What an application tells its clients: that a resource has changed, or a list has.

use std::sync::{Arc, OnceLock};

/// Tells clients that something has changed; take it with `Call::updates`, `State<Updates>` or `Doorman::updates`. Clones
/// are the same.
///
/// Only those are told who asked to be, and who may read the resource at that moment. Nothing waits for them.
#[derive(Clone, Default)]
pub struct Updates(Arc<OnceLock<Box<dyn Announce>>>);

/// Who tells them; the server implements it.
pub(crate) trait Announce: Send + Sync {
    fn announce(&self, change: Change);
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Resource(String),
    Tools,
    Prompts,
    Resources,
}

impl Updates {
    /// The resource with this URI holds something else now. Before the application serves, this does nothing.
    pub fn resource(&self, uri: impl Into<String>) {
        self.announce(Change::Resource(uri.into()));
    }

    /// The list of tools has changed.
    pub fn tools(&self) {
        self.announce(Change::Tools);
    }

    /// The list of prompts has changed.
    pub fn prompts(&self) {
        self.announce(Change::Prompts);
    }

    /// The list of resources has changed.
    pub fn resources(&self) {
        self.announce(Change::Resources);
    }

    fn announce(&self, change: Change) {
        if let Some(to) = self.0.get() {
            to.announce(change);
        }
    }

    /// From now on there is somebody to tell. Once only.
    pub(crate) fn connect(&self, to: impl Announce + 'static) {
        drop(self.0.set(Box::new(to)));
    }
}
