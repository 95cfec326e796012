//! The agent's root directory: every operation starts from a handle of it.
//!
//! The handle is opened anew for each operation, two system calls. Handles kept would have to be bounded, and would go on
//! meaning a directory that the operator has since moved away or restored.

use std::{io, path::Path, sync::Arc};

use cap_std::fs::Dir;
use rustix::fs::OFlags;

use super::host;
use crate::identity::Agent;

/// Where an agent's root is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) agents: Arc<Path>,
    pub(super) agent: Agent,
}

impl Root {
    /// The root's handle; `None` as long as the agent has written nothing.
    pub(super) fn open(&self) -> io::Result<Option<Dir>> {
        match host::open_ambient(&self.agents).and_then(|agents| self.open_in(&agents)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The root's handle, the directory being made if needed.
    pub(super) fn create(&self) -> io::Result<Dir> {
        if let Some(root) = self.open()? {
            return Ok(root);
        }
        let agents = make_agents(&self.agents)?;
        host::make_private(&agents, self.agent.id())?;
        self.open_in(&agents)
    }

    fn open_in(&self, agents: &Dir) -> io::Result<Dir> {
        host::open_entry(agents, self.agent.id(), OFlags::RDONLY | OFlags::DIRECTORY).map(Dir::from_std_file)
    }
}

/// The directory that holds the agents' roots. The base, its parent, is the operator's and must exist.
pub(super) fn make_agents(agents: &Path) -> io::Result<Dir> {
    match host::open_ambient(agents) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let base = agents.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new("."));
    host::make_private(&host::open_ambient(base)?, "agents")?;
    host::open_ambient(agents)
}
