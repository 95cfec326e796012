//! Writing: whole files at once, appending, moving, deleting, directories.
//!
//! Everything is done to one name in a directory held open, so a link that takes the name's place meanwhile is at worst
//! renamed over or unlinked itself; what it points to is not touched.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Write},
};

use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, FileType, OFlags, RenameFlags, Stat},
    io::Errno,
};

use super::{Links, PathError, Problem, ScopedPath, error::Cause, host, read};

/// What stands in the way of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

impl ScopedPath {
    /// Writes a new file; if anything has that name, fails and changes nothing. Missing directories are made.
    ///
    /// A reader sees the whole file or none. Nothing is forced to disk: after a power failure the file may be missing.
    pub fn create(&self, contents: &[u8]) -> Result<(), PathError> {
        self.write(contents, Existing::Keep)
    }

    /// Writes a file, in the place of the one that has that name, if there is one. Missing directories are made.
    ///
    /// A reader sees the old file or the new one, never a part. The new one is readable by the server's user only.
    pub fn replace(&self, contents: &[u8]) -> Result<(), PathError> {
        self.write(contents, Existing::Replace)
    }

    fn write(&self, contents: &[u8], existing: Existing) -> Result<(), PathError> {
        self.at_entry(Missing::Make, |dir, name| {
            match (host::entry(dir, name)?, existing) {
                (None, _) => {}
                (Some(_), Existing::Keep) => return Err(Problem::Exists.into()),
                (Some(stat), Existing::Replace) => replaceable(&stat, self.links)?,
            }
            let (mut file, temporary) = Temporary::new(dir)?;
            file.write_all(contents)?;
            match existing {
                Existing::Keep => rename_new(dir, &temporary.name, dir, name)?,
                Existing::Replace => rustix::fs::renameat(dir, &temporary.name, dir, name).map_err(io::Error::from)?,
            }
            temporary.keep();
            Ok(())
        })
    }

    /// Writes at the end of a file, which is made if it is missing, as are directories.
    pub fn append(&self, contents: &[u8]) -> Result<(), PathError> {
        self.append_within(contents, u64::MAX).map(drop)
    }

    /// Writes at the end of a file as [`append`](Self::append) does, unless the file would then have more than `limit`
    /// bytes ([`Problem::TooLong`]). Returns the file's length.
    ///
    /// Of several at once, each sees the length before the others' bytes: have one at a time where the limit is strict.
    pub fn append_within(&self, contents: &[u8], limit: u64) -> Result<u64, PathError> {
        let added = contents.len() as u64;
        if added > limit {
            return Err(self.error(Problem::TooLong));
        }
        self.at_entry(Missing::Make, |dir, name| {
            let mut file = host::open_entry(dir, name, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?;
            read::check(&file, self.links)?;
            let len = file.metadata()?.len().saturating_add(added);
            if len > limit {
                return Err(Problem::TooLong.into());
            }
            file.write_all(contents)?;
            Ok(len)
        })
    }

    /// Deletes a file.
    pub fn remove_file(&self) -> Result<(), PathError> {
        self.at_entry(Missing::Refuse, |dir, name| {
            match file_type(host::entry(dir, name)?)? {
                FileType::Symlink => return Err(Problem::Symlink.into()),
                FileType::Directory => return Err(Problem::IsDirectory.into()),
                _ => {}
            }
            Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty()).map_err(io::Error::from)?)
        })
    }

    /// Moves a file or directory to a new name of the same agent; if anything has that name, fails and changes nothing.
    /// Missing directories are made.
    pub fn rename_to(&self, to: &Self) -> Result<(), PathError> {
        if self.root != to.root {
            return Err(self.error(Problem::CannotMove));
        }
        if to.as_str().strip_prefix(self.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(self.error(Problem::CannotMove));
        }
        let (dir, name) = self.entry(Missing::Refuse)?;
        let kind = host::entry(&dir, name).map_err(Cause::from).and_then(file_type);
        if kind.map_err(|cause| self.error(cause))? == FileType::Symlink {
            return Err(self.error(Problem::Symlink));
        }
        let (to_dir, to_name) = to.entry(Missing::Make)?;
        rename_new(&dir, name, &to_dir, to_name).map_err(|error| {
            let taken = error.kind() == io::ErrorKind::AlreadyExists;
            if taken { to.error(error) } else { self.error(error) }
        })
    }

    /// Makes a directory and those on the way to it; one that is there already is fine.
    pub fn create_dir_all(&self) -> Result<(), PathError> {
        let root = self.made_root()?;
        make_dirs(&root, self.path.lookup()).map(drop).map_err(|error| self.error(error))
    }

    /// Does something to the last component, in the directory that holds it.
    fn at_entry<T>(&self, missing: Missing, act: impl FnOnce(&Dir, &str) -> Result<T, Cause>) -> Result<T, PathError> {
        let (dir, name) = self.entry(missing)?;
        act(&dir, name).map_err(|cause| self.error(cause))
    }

    /// The directory that holds the last component, and that component.
    fn entry(&self, missing: Missing) -> Result<(Dir, &str), PathError> {
        let (parent, name) = self.path.split().ok_or_else(|| self.error(Problem::Root))?;
        let dir = match missing {
            Missing::Make => make_dirs(&self.made_root()?, parent),
            Missing::Refuse => match self.root.open().map_err(|error| self.error(Cause::root(error)))? {
                Some(root) => root.open_dir(parent),
                None => return Err(self.error(Problem::NotFound)),
            },
        };
        Ok((dir.map_err(|error| self.error(error))?, name))
    }

    fn made_root(&self) -> Result<Dir, PathError> {
        self.root.create().map_err(|error| self.error(Cause::root(error)))
    }
}

/// What becomes of directories that aren't there.
#[derive(Clone, Copy)]
enum Missing {
    Make,
    Refuse,
}

/// A handle of the directory, made if needed, each part of it looked up from the root.
fn make_dirs(root: &Dir, path: &str) -> io::Result<Dir> {
    match root.open_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    for (slash, _) in path.match_indices('/') {
        host::make_private(root, &path[..slash])?;
    }
    host::make_private(root, path)?;
    root.open_dir(path)
}

fn file_type(stat: Option<Stat>) -> Result<FileType, Cause> {
    stat.map(|stat| FileType::from_raw_mode(stat.st_mode)).ok_or(Problem::NotFound.into())
}

fn replaceable(stat: &Stat, links: Links) -> Result<(), Cause> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if links == Links::One && stat.st_nlink > 1 => Err(Problem::HardLinked.into()),
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Problem::IsDirectory.into()),
        FileType::Symlink => Err(Problem::Symlink.into()),
        _ => Err(Problem::NotRegular.into()),
    }
}

/// Renames unless the new name is taken.
fn rename_new(dir: &Dir, name: &str, to_dir: &Dir, to_name: &str) -> io::Result<()> {
    match rustix::fs::renameat_with(dir, name, to_dir, to_name, RenameFlags::NOREPLACE) {
        // NFS and a few others have no such flag; there a name that is taken in this very moment is lost.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        renamed => return Ok(renamed?),
    }
    if host::entry(to_dir, to_name)?.is_some() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(rustix::fs::renameat(dir, name, to_dir, to_name)?)
}

/// A file under a name of its own, deleted unless it is kept.
struct Temporary<'a> {
    dir: &'a Dir,
    name: String,
}

impl<'a> Temporary<'a> {
    fn new(dir: &'a Dir) -> io::Result<(File, Self)> {
        let random = RandomState::new();
        for attempt in 0..8 {
            let name = format!(".{:016x}.tmp", random.hash_one(attempt));
            match host::open_entry(dir, &name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => return Ok((file, Self { dir, name })),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Renamed: nothing is left to delete.
    fn keep(mut self) {
        self.name.clear();
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // Nobody is left to tell; the write has failed already.
            let _ = rustix::fs::unlinkat(self.dir, self.name.as_str(), AtFlags::empty());
        }
    }
}
