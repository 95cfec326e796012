//! The files of one log.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Opens a file to read it. What is no file (a pipe that nobody writes to) holds nobody up.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file")),
    }
}

/// The name of a log's file of this number; 0 is the present one.
pub(super) fn numbered(log: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(log);
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.into()
}

/// A log's files, oldest first: `LOG.N` to `LOG.1`, and `LOG`, as far as they are there.
pub(crate) fn log_files(log: &Path) -> Vec<PathBuf> {
    const MOST: u32 = 1_000;
    (0..=MOST).rev().map(|number| numbered(log, number)).filter(|path| path.exists()).collect()
}
