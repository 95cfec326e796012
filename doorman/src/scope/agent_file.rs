use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::OFlags;

use super::{ResourceScope, ScopeViolation, host};
use crate::identity::Agent;

/// The only address there is.
const DEFAULT: &str = "default";

/// One file per agent: `{dir}/agent_{agent_id}.{extension}`.
///
/// Since there is nothing to choose, a tool that works on the agent's file needs no argument for it: its module calls
/// [`AgentFile::for_agent`] with the agent of the call. As a [`ResourceScope`] the one address is `"default"`, for tools
/// that are to look the same whether an agent has one file or many; everything else is a violation.
///
/// ```
/// use doorman::{identity::Agent, scope::AgentFile};
///
/// let dir = tempfile::tempdir()?;
/// let databases = AgentFile::new(dir.path(), "db")?;
/// let agent = Agent::new("billing-7", "billing")?;
///
/// let own = databases.for_agent(&agent);
/// own.open()?; // made on first use, private
/// assert_eq!(own.path(), dir.path().join("agent_billing-7.db"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AgentFile {
    dir: Arc<Path>,
    extension: Arc<str>,
}

impl AgentFile {
    /// Files in `dir`, which is made private if it is missing; its parent must exist. The extension, 1 to 16 lower-case
    /// letters and digits, is written without a dot.
    pub fn new(dir: impl Into<PathBuf>, extension: &str) -> Result<Self, InvalidExtension> {
        if !(1..=16).contains(&extension.len())
            || !extension.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        {
            return Err(InvalidExtension(()));
        }
        Ok(Self { dir: dir.into().into(), extension: extension.into() })
    }

    /// Makes the directory, private, if it is missing; its parent must exist. What stands there and isn't a directory
    /// is an error. The error is the operator's to read.
    pub fn make_dir(&self) -> io::Result<()> {
        open_dir(&self.dir).map(drop)
    }

    /// This agent's file, whether or not it exists yet.
    pub fn for_agent(&self, agent: &Agent) -> OwnFile {
        // Letters and digits after the last dot, so what an engine puts beside a file (`a.db-wal`) is nobody's file.
        OwnFile { dir: Arc::clone(&self.dir), name: format!("agent_{}.{}", agent.id(), self.extension) }
    }
}

impl ResourceScope for AgentFile {
    type Raw = String;
    type Resource = OwnFile;

    fn resolve(&self, raw: &String, agent: &Agent) -> Result<OwnFile, ScopeViolation> {
        if raw == DEFAULT {
            Ok(self.for_agent(agent))
        } else {
            Err(ScopeViolation::new(raw, "\"default\", the one file that you have"))
        }
    }
}

/// An extension that isn't 1 to 16 lower-case ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file extension is 1 to 16 lower-case ASCII letters and digits, without the dot")]
pub struct InvalidExtension(());

/// The one file of one agent.
#[derive(Clone)]
pub struct OwnFile {
    dir: Arc<Path>,
    name: String,
}

impl OwnFile {
    /// Opens the file for reading and writing, and makes it (and its directory) for the server's user only if it isn't
    /// there. What isn't a regular file with one name, a symlink first, is refused without blocking.
    ///
    /// The error is the operator's to read, not the model's.
    pub fn open(&self) -> io::Result<File> {
        let dir = open_dir(&self.dir)?;
        let file = host::open_entry(&dir, &self.name, OFlags::RDWR | OFlags::CREATE)?;
        regular(&file.metadata()?)?;
        Ok(file)
    }

    /// What is known about the file without opening it; `None` if it isn't there yet. What [`OwnFile::open`] refuses is
    /// refused here.
    ///
    /// For engines that lock: closing any descriptor of a file drops all POSIX locks that the process has on it, so a
    /// database that may be in use is looked at, not opened (<https://sqlite.org/howtocorrupt.html>, 2.2).
    pub fn look(&self) -> io::Result<Option<Metadata>> {
        match std::fs::symlink_metadata(self.path()) {
            Ok(metadata) => regular(&metadata).map(|()| Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the file is on the host, for an engine that opens files itself. Call [`OwnFile::open`] first, have the
    /// engine not follow symlinks, and show the path to nobody.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }
}

/// Opens the directory of the files, and makes it if only it is missing.
fn open_dir(dir: &Path) -> io::Result<cap_std::fs::Dir> {
    match host::open_ambient(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name().and_then(|name| name.to_str())) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    host::make_private(&host::open_ambient(parent)?, name)?;
    host::open_ambient(dir)
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() && metadata.nlink() == 1 {
        Ok(())
    } else {
        Err(io::Error::other("an agent's file must be a regular file with one hard link"))
    }
}

/// Without the host path.
impl std::fmt::Debug for OwnFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OwnFile").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::PermissionsExt};

    use super::*;

    fn agent(id: &str) -> Agent {
        Agent::new(id, "t").expect("legal")
    }

    #[test]
    fn s28_the_file_and_its_directory_are_private() {
        let base = tempfile::tempdir().expect("temporary directory");
        let files = AgentFile::new(base.path().join("dbs"), "db").expect("legal");
        files.for_agent(&agent("a")).open().expect("made").write_all(b"x").expect("written");
        files.for_agent(&agent("a")).open().expect("opened again");
        assert!(files.for_agent(&agent("a")).look().expect("legal").is_some_and(|metadata| metadata.len() == 1));
        assert!(files.for_agent(&agent("b")).look().expect("legal").is_none());
        files.make_dir().expect("there already");
        assert_eq!(fs::read(base.path().join("dbs/agent_a.db")).expect("there"), b"x");
        for (path, mode) in [("dbs", 0o700), ("dbs/agent_a.db", 0o600)] {
            let metadata = fs::metadata(base.path().join(path)).expect("made");
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
        let orphan = AgentFile::new(base.path().join("no/dbs"), "db").expect("legal");
        assert!(orphan.for_agent(&agent("a")).open().is_err() && !base.path().join("no").exists());
    }

    #[test]
    fn s13_one_agent_one_file() {
        let base = tempfile::tempdir().expect("temporary directory");
        let files = AgentFile::new(base.path(), "db").expect("legal");
        let own = files.resolve(&"default".into(), &agent("a")).expect("legal");
        assert_eq!(own.path(), base.path().join("agent_a.db"));
        for raw in ["", "Default", "a", "a.db", "../a", "default\0"] {
            let violation = files.resolve(&raw.to_owned(), &agent("a")).expect_err(raw).to_string();
            assert!(violation.ends_with("expected \"default\", the one file that you have"), "{violation}");
        }
        for extension in ["", ".db", "d/b", "db-wal", "DB", "../x", "dbdbdbdbdbdbdbdbd"] {
            assert_eq!(AgentFile::new(base.path(), extension).err(), Some(InvalidExtension(())), "{extension}");
        }
        assert!(!format!("{own:?}").contains(base.path().to_str().expect("UTF-8")));
    }

    #[test]
    fn s13_links_and_special_files_are_refused() {
        let base = tempfile::tempdir().expect("temporary directory");
        let files = AgentFile::new(base.path(), "db").expect("legal");
        files.for_agent(&agent("victim")).open().expect("made").write_all(b"secret").expect("written");
        std::os::unix::fs::symlink("agent_victim.db", base.path().join("agent_soft.db")).expect("linked");
        std::os::unix::fs::symlink("new.db", base.path().join("agent_dangling.db")).expect("linked");
        fs::hard_link(base.path().join("agent_victim.db"), base.path().join("agent_hard.db")).expect("linked");
        fs::create_dir(base.path().join("agent_dir.db")).expect("made");
        for id in ["soft", "dangling", "hard", "dir"] {
            assert!(files.for_agent(&agent(id)).open().is_err(), "{id}");
            assert!(files.for_agent(&agent(id)).look().is_err(), "{id}");
        }
        assert!(!base.path().join("new.db").exists());
    }
}
