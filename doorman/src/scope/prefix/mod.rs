//! Paths of an agent's own, beneath `{base}/agents/{agent_id}`.
//!
//! In comes a path that a model sent; out goes a [`ScopedPath`], whose operations each start from an open handle of the
//! agent's root directory and never leave it, whatever stands on disk at that moment. `path` decides what may be looked
//! up at all, `root` opens the agent's root, `read`, `list` and `write` are the operations, `error` is what they say.

mod error;
#[cfg(test)]
mod laws;
mod list;
mod path;
mod read;
mod root;
#[cfg(test)]
mod tests;
mod write;

use std::{fmt, io, path::PathBuf, sync::Arc};

pub use error::{PathError, Problem};
pub use list::{Entries, Entry, Found, Walk};
pub use read::{Kind, Metadata};

use self::{path::RelativePath, root::Root};
use super::{ResourceScope, ScopeViolation, host};
use crate::identity::Agent;

/// Files and directories beneath `{base}/agents/{agent_id}`.
///
/// A path is relative to the agent's root, with forward slashes; `""` and `.` are the root itself. `..` anywhere,
/// absolute, drive, UNC and backslash forms and NUL are refused before anything is looked up, as is what exceeds 4096
/// bytes, 64 components or 255 bytes in one. Names are bytes: nothing is folded, decoded or normalized.
///
/// The base directory must exist; what is beneath it is made on the first write, readable by the server's user only.
///
/// ```
/// use std::io::Read;
/// use doorman::{identity::Agent, scope::{Prefix, ResourceScope}};
///
/// let base = tempfile::tempdir()?;
/// let prefix = Prefix::beneath(base.path());
/// let agent = Agent::new("billing-7", "billing")?;
///
/// let note = prefix.resolve(&"notes/today.txt".into(), &agent)?;
/// note.create(b"paid")?;
/// let mut text = String::new();
/// note.open()?.read_to_string(&mut text)?;
/// assert_eq!(text, "paid");
///
/// assert!(prefix.resolve(&"../billing-8/notes/today.txt".into(), &agent).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prefix {
    agents: Arc<std::path::Path>,
    links: Links,
}

/// How many names a file may have. A second one may stand outside of the agent's root, and then what is behind the
/// first isn't the agent's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    One,
    Any,
}

impl Prefix {
    /// Gives each agent the directory `agents/{agent_id}` beneath `base`.
    pub fn beneath(base: impl Into<PathBuf>) -> Self {
        Self { agents: base.into().join("agents").into(), links: Links::One }
    }

    /// Whether files with more than one hard link may be read and written; by default they are refused.
    #[must_use]
    pub fn allow_hard_links(mut self, allow: bool) -> Self {
        self.links = if allow { Links::Any } else { Links::One };
        self
    }

    /// Makes `{base}/agents` if it isn't there, so that a base that is missing or read-only is an error at start and
    /// not at the first call.
    pub fn prepare(&self) -> io::Result<()> {
        root::make_agents(&self.agents).map(drop)
    }
}

impl ResourceScope for Prefix {
    type Raw = String;
    type Resource = ScopedPath;

    fn resolve(&self, raw: &String, agent: &Agent) -> Result<ScopedPath, ScopeViolation> {
        let path = RelativePath::parse(raw)?;
        let root = Root { agents: Arc::clone(&self.agents), agent: agent.clone() };
        Ok(ScopedPath { root, path, links: self.links })
    }
}

/// A path beneath one agent's root, and what can be done there.
///
/// Operations block on the file system: call them where blocking is allowed. A symlink that stays beneath the root is
/// followed when it is read through or stands in the middle of a path; a write, move or delete whose last component is a
/// symlink is refused.
#[derive(Clone)]
pub struct ScopedPath {
    root: Root,
    path: RelativePath,
    links: Links,
}

impl ScopedPath {
    /// The path relative to the agent's root, without empty and `.` components; empty for the root itself.
    pub fn as_str(&self) -> &str {
        self.path.as_str()
    }

    /// Whether this is the agent's root directory, which can be listed but neither read nor written.
    pub fn is_root(&self) -> bool {
        self.as_str().is_empty()
    }

    /// The agent whose path it is.
    pub fn agent(&self) -> &Agent {
        &self.root.agent
    }

    /// The agent's root directory.
    #[must_use]
    pub fn root(&self) -> Self {
        self.with(RelativePath::root())
    }

    /// The directory that holds the last component; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.path.parent().map(|path| self.with(path))
    }

    /// A path beneath this one, by the same rules as one that a model sent.
    ///
    /// ```
    /// # use doorman::{identity::Agent, scope::{Prefix, ResourceScope}};
    /// # let agent = Agent::new("billing-7", "billing")?;
    /// let notes = Prefix::beneath("/srv/agents").resolve(&"notes".into(), &agent)?;
    /// assert_eq!(notes.join("2026/today.txt")?.as_str(), "notes/2026/today.txt");
    /// assert!(notes.join("../keys").is_err() && notes.join("/etc/passwd").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join(&self, path: &str) -> Result<Self, ScopeViolation> {
        self.path.join(path).map(|path| self.with(path))
    }

    fn with(&self, path: RelativePath) -> Self {
        Self { root: self.root.clone(), path, links: self.links }
    }

    fn error(&self, error: impl Into<error::Cause>) -> PathError {
        PathError::new(self.as_str(), error.into())
    }
}

impl fmt::Display for ScopedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Without the host path that the root is at.
impl fmt::Debug for ScopedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedPath").field(&self.as_str()).finish()
    }
}
