//! Reading: files, facts about them, and listings.

use std::{fs::File, io, time::SystemTime};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, ReadDir};
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

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name; bytes that aren't UTF-8 are shown as U+FFFD, and such an entry can't be addressed.
    pub name: String,
    /// What has that name, symlinks not followed.
    pub kind: Kind,
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

    /// Lists a directory, in no particular order. Reads as it is asked to, so bound what you take. The root is there,
    /// and empty, from the beginning.
    pub fn read_dir(&self) -> Result<Entries, PathError> {
        let entries = match self.existing_root()? {
            Some(root) => {
                let dir = root.open_dir(self.path.lookup()).and_then(|dir: Dir| dir.entries());
                Some(dir.map_err(|error| self.error(error))?)
            }
            None if self.is_root() => None,
            None => return Err(self.error(Problem::NotFound)),
        };
        Ok(Entries { entries, path: self.clone() })
    }

    fn existing_root(&self) -> Result<Option<Dir>, PathError> {
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

fn kind(kind: cap_std::fs::FileType) -> Kind {
    match kind {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        _ => Kind::Other,
    }
}

/// The entries of a directory.
pub struct Entries {
    entries: Option<ReadDir>,
    path: ScopedPath,
}

impl Iterator for Entries {
    type Item = Result<Entry, PathError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.as_mut()?.next()?.and_then(|entry| {
            // Some file systems don't say in the listing what an entry is.
            let kind = match kind(entry.file_type()?) {
                Kind::Other => entry.metadata().map_or(Kind::Other, |metadata| kind(metadata.file_type())),
                kind => kind,
            };
            Ok::<_, io::Error>(Entry { name: entry.file_name().to_string_lossy().into_owned(), kind })
        });
        Some(entry.map_err(|error| self.path.error(error)))
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entries").field(&self.path).finish()
    }
}
