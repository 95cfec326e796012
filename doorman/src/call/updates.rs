//! What an application tells its clients: that a resource has changed, or a list has.

use std::sync::{Arc, OnceLock};

use crate::identity::Agent;

/// Tells clients that something has changed; take it with `Call::updates`, `State<Updates>` or `Doorman::updates`. Clones
/// are the same.
///
/// Only those are told who asked to be, and who may read the resource at that moment. Nothing waits for them.
///
/// A resource whose URI goes through a resource scope is another one for each agent: of a change to it only the agent is told
/// whose it is. From `Call::updates` that is the agent of the call; elsewhere say it with [`of`](Self::of).
#[derive(Clone, Default)]
pub struct Updates {
    to: Arc<OnceLock<Box<dyn Announce>>>,
    agent: Option<Agent>,
}

/// Who tells them; the server implements it.
pub(crate) trait Announce: Send + Sync {
    fn announce(&self, change: Change);
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Resource {
        uri: String,
        /// Whose it is, if it is one for each agent.
        agent: Option<Agent>,
    },
    Tools,
    Prompts,
    Resources,
}

impl Updates {
    /// The resource with this URI holds something else now. Before the application serves, this does nothing.
    pub fn resource(&self, uri: impl Into<String>) {
        self.announce(Change::Resource { uri: uri.into(), agent: self.agent.clone() });
    }

    /// For changes of this agent's own resources.
    #[must_use]
    pub fn of(&self, agent: &Agent) -> Self {
        Self { to: Arc::clone(&self.to), agent: Some(agent.clone()) }
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
        if let Some(to) = self.to.get() {
            to.announce(change);
        }
    }

    /// From now on there is somebody to tell. Once only.
    pub(crate) fn connect(&self, to: impl Announce + 'static) {
        drop(self.to.set(Box::new(to)));
    }
}
