//! Reading: files and facts about them.

use std::{fs::File, time::SystemTime};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::{Links, PathError, Problem, ScopedPath, error::Cause};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symlink; in listings only, since elsewhere it is followed or refused.
    Symlink,
    /// A FIFO, device or socket.
    Other,
}

/// Facts about a file or directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub len: u64,
    /// When its content last changed, where the file system knows.
    pub modified: Option<SystemTime>,
}

impl ScopedPath {
    /// Opens a regular file for reading.
    ///
    /// Never blocks on what isn't one, and what is opened is what was checked: kind and links are those of the handle.
    pub fn open(&self) -> Result<File, PathError> {
        if self.is_root() {
            return Err(self.error(Problem::IsDirectory));
        }
        let root = self.existing_root()?.ok_or_else(|| self.error(Problem::NotFound))?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        let file = root.open_with(self.path.lookup(), &options).map_err(|error| self.error(error))?.into_std();
        check(&file, self.links).map_err(|cause| self.error(cause))?;
        Ok(file)
    }

    /// Facts about a file or directory. The root is there from the beginning.
    pub fn metadata(&self) -> Result<Metadata, PathError> {
        let Some(root) = self.existing_root()? else {
            return if self.is_root() {
                Ok(Metadata { kind: Kind::Directory, len: 0, modified: None })
            } else {
                Err(self.error(Problem::NotFound))
            };
        };
        let metadata = root.metadata(self.path.lookup()).map_err(|error| self.error(error))?;
        let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
        Ok(Metadata { kind: kind(metadata.file_type()), len: metadata.len(), modified })
    }

    pub(super) fn existing_root(&self) -> Result<Option<Dir>, PathError> {
        self.root.open().map_err(|error| self.error(Cause::root(error)))
    }
}

/// Only regular files, and only those that have the names they may have.
pub(super) fn check(file: &File, links: Links) -> Result<(), Cause> {
    use std::os::unix::fs::MetadataExt;

    let metadata = file.metadata()?;
    match metadata.file_type() {
        kind if kind.is_dir() => Err(Problem::IsDirectory.into()),
        kind if !kind.is_file() => Err(Problem::NotRegular.into()),
        _ if links == Links::One && metadata.nlink() > 1 => Err(Problem::HardLinked.into()),
        _ => Ok(()),
    }
}

pub(super) fn kind(kind: cap_std::fs::FileType) -> Kind {
    match kind {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        _ => Kind::Other,
    }
}
