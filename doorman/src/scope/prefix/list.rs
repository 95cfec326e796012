//! Listing: one directory, or all that is beneath one.

use std::{ffi::OsString, fmt, io};

use cap_std::fs::{Dir, DirEntry, ReadDir};

use super::{Kind, PathError, Problem, ScopedPath, read::kind};

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name; bytes that aren't UTF-8 are shown as U+FFFD, and such an entry can't be addressed.
    pub name: String,
    /// What has that name, symlinks not followed.
    pub kind: Kind,
    /// The length of a file in bytes.
    pub len: u64,
}

impl ScopedPath {
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

    /// Goes through all that is beneath a directory, in no particular order; a directory comes before what is in it.
    /// Symlinks are shown and not followed. Reads as it is asked to, so bound what you take.
    ///
    /// However deep the tree, one walk holds two open directories.
    pub fn walk(&self) -> Result<Walk, PathError> {
        Ok(Walk { entries: self.read_dir()?, root: self.existing_root()?, pending: Vec::new() })
    }
}

/// The entries of a directory.
pub struct Entries {
    entries: Option<ReadDir>,
    path: ScopedPath,
}

impl Entries {
    fn advance(&mut self) -> Option<Result<(OsString, Kind, u64), PathError>> {
        // Not what the listing itself says: some file systems don't know there what an entry is.
        let facts = |entry: DirEntry| {
            let metadata = entry.metadata()?;
            Ok::<_, io::Error>((entry.file_name(), kind(metadata.file_type()), metadata.len()))
        };
        loop {
            match self.entries.as_mut()?.next()?.and_then(facts) {
                // Gone since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                entry => return Some(entry.map_err(|error| self.path.error(error))),
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, PathError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.advance()?;
        Some(entry.map(|(name, kind, len)| Entry { name: name.to_string_lossy().into_owned(), kind, len }))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entries").field(&self.path).finish()
    }
}

/// Something that a [`Walk`] came by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// Where it is; `None` if it can't be addressed, because its name isn't UTF-8, say. Such a directory isn't entered.
    pub path: Option<ScopedPath>,
    /// What it is, symlinks not followed.
    pub kind: Kind,
    /// The length of a file in bytes.
    pub len: u64,
}

/// All that is beneath a directory, from [`ScopedPath::walk`]. What can't be looked at is an error among the others, and
/// the walk goes on.
pub struct Walk {
    root: Option<Dir>,
    entries: Entries,
    /// Directories still to be entered, by parent and name. A parent is shared, so that a wide tree far down costs no
    /// more than its names.
    pending: Vec<(ScopedPath, Box<str>)>,
}

impl Walk {
    fn enter(&mut self, path: ScopedPath) -> Result<(), PathError> {
        let root = self.root.as_ref().ok_or_else(|| path.error(Problem::NotFound))?;
        // A symlink in the directory's place by now leads at most elsewhere beneath the root.
        let entries = root.open_dir(path.path.lookup()).and_then(|dir| dir.entries());
        let entries = entries.map_err(|error| path.error(error))?;
        self.entries = Entries { entries: Some(entries), path };
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<Found, PathError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.advance() {
                return Some(entry.map(|(name, kind, len)| {
                    let name = name.to_str();
                    let path = name.and_then(|name| self.entries.path.join(name).ok());
                    if let (Kind::Directory, Some(_), Some(name)) = (kind, &path, name) {
                        self.pending.push((self.entries.path.clone(), name.into()));
                    }
                    Found { path, kind, len }
                }));
            }
            let (parent, name) = self.pending.pop()?;
            // What was a path when it was found is one now.
            let Ok(path) = parent.join(&name) else { continue };
            if let Err(error) = self.enter(path) {
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Walk").field(&self.entries.path).finish()
    }
}
