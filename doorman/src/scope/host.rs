//! What `Prefix` and `AgentFile` do to the host's file system beneath a directory they hold open.

use std::io;

use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, DirBuilderExt},
};
use rustix::{
    fs::{AtFlags, Mode, OFlags, Stat},
    io::Errno,
};

/// Opens the operator's own directory, by the path he gave.
pub(super) fn open_ambient(path: &std::path::Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Makes one directory that only the server's user can enter, unless something is there already.
pub(super) fn make_private(dir: &Dir, path: &str) -> io::Result<()> {
    match dir.create_dir_with(path, DirBuilder::new().mode(0o700)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Opens a file by its last component alone, so that nothing but it is looked up, and doesn't follow it.
///
/// Opening never blocks (a FIFO would), and no terminal becomes ours.
pub(super) fn open_entry(dir: &Dir, name: &str, flags: OFlags) -> io::Result<std::fs::File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// What stands under a name, symlinks themselves included; `None` if nothing does.
pub(super) fn entry(dir: &Dir, name: &str) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
