//! The files of one log.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
