//! Why an operation failed, in words that name the caller's path and nothing of the host.

use std::io;

use rustix::io::Errno;

use super::super::violation::Shown;

/// An operation on a [`ScopedPath`](super::ScopedPath) that failed. `Display` is fit for the caller; the system's own
/// words, where there are any, are the error's source.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PathError {
    path: Shown,
    problem: Problem,
    source: Option<io::Error>,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is there.
    #[error("no such file or directory")]
    NotFound,
    /// Something is there, and isn't to be replaced.
    #[error("already exists")]
    Exists,
    /// A directory where a file is needed.
    #[error("is a directory; expected a file")]
    IsDirectory,
    /// A file where a directory is needed.
    #[error("is not a directory, or leads through something that is none")]
    NotDirectory,
    /// A FIFO, device or socket.
    #[error("is not a regular file")]
    NotRegular,
    /// The root of the agent, where a path beneath it is needed.
    #[error("is your root directory; expected a path beneath it")]
    Root,
    /// A file with a second name, which may stand elsewhere.
    #[error("has more than one hard link, which is not allowed here")]
    HardLinked,
    /// A symlink that isn't followed: written to, moved, deleted, or one of too many.
    #[error("is or leads through a symbolic link that is not followed here")]
    Symlink,
    /// A symlink, directly or on the way, that leaves the agent's root.
    #[error("leads outside of your root directory")]
    Escapes,
    /// A move between the roots of two agents or scopes, to another device, or of a directory into itself.
    #[error("can't be moved there")]
    CannotMove,
    /// A file that would become longer than it may.
    #[error("would become too long")]
    TooLong,
    /// No space or quota is left.
    #[error("no space is left")]
    Full,
    /// The storage failed, or isn't the server's to use.
    #[error("the storage is not available")]
    Unavailable,
}

impl PathError {
    pub(super) fn new(path: &str, Cause { problem, source }: Cause) -> Self {
        Self { path: Shown::new(path), problem, source }
    }

    /// What was wrong.
    pub fn problem(&self) -> Problem {
        self.problem
    }

    /// Whether what stands at the path is out of the agent's scope, as opposed to missing or of the wrong kind.
    pub fn is_violation(&self) -> bool {
        matches!(self.problem, Problem::Escapes | Problem::Symlink | Problem::HardLinked | Problem::NotRegular)
    }
}

/// A problem and what the system said.
pub(super) struct Cause {
    problem: Problem,
    source: Option<io::Error>,
}

impl Cause {
    /// The agent's root itself couldn't be opened: the operator's to mend, whatever the reason.
    pub(super) fn root(source: io::Error) -> Self {
        let problem = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Problem::Full,
            _ => Problem::Unavailable,
        };
        Self { problem, source: Some(source) }
    }
}

impl From<Problem> for Cause {
    fn from(problem: Problem) -> Self {
        Self { problem, source: None }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as E;
        let problem = match (error.kind(), Errno::from_io_error(&error)) {
            // cap-std's own word for leaving the directory that a lookup started from.
            (E::PermissionDenied, None) => Problem::Escapes,
            (_, Some(Errno::LOOP)) => Problem::Symlink,
            (_, Some(Errno::NXIO)) => Problem::NotRegular,
            (E::NotFound | E::InvalidFilename, _) => Problem::NotFound,
            (E::AlreadyExists | E::DirectoryNotEmpty, _) => Problem::Exists,
            (E::IsADirectory, _) => Problem::IsDirectory,
            (E::NotADirectory, _) => Problem::NotDirectory,
            // Only moves cross devices, or end in themselves.
            (E::CrossesDevices | E::InvalidInput, _) => Problem::CannotMove,
            (E::StorageFull | E::QuotaExceeded, _) => Problem::Full,
            _ => Problem::Unavailable,
        };
        Self { problem, source: Some(error) }
    }
}
