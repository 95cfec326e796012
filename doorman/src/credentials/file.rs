//! Files of the operator's: opened without waiting for anybody, checked by their handle, read whole or not at all.

use std::{fs::File, io::Read, path::Path};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const MOST: u64 = 16 << 20;

/// Reads a file that only its owner may read, if that owner is us (S28). Errors say what is expected, without the path
/// and the content.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    read(open_private(path)?)
}

/// As [`read_private`], for what needn't be text.
pub(crate) fn read_private_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read_bytes(open_private(path)?)
}

/// As [`read_public`], for what needn't be text.
pub(crate) fn read_public_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read_bytes(open(path)?.0)
}

fn read_bytes(file: File) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MOST + 1).read_to_end(&mut bytes).map_err(|_| "can't be read".to_owned())?;
    if read as u64 > MOST { Err(format!("expected {MOST} bytes at most")) } else { Ok(bytes) }
}

fn open_private(path: &Path) -> Result<File, String> {
    let (file, status) = open(path)?;
    if status.st_uid != rustix::process::geteuid().as_raw() {
        return Err("expected a file that belongs to the user who runs this server".to_owned());
    }
    if status.st_mode & 0o077 != 0 {
        return Err("expected a file that only its owner may read (mode 0600)".to_owned());
    }
    Ok(file)
}

/// Reads a file that holds no secrets.
pub(crate) fn read_public(path: &Path) -> Result<Zeroizing<String>, String> {
    read(open(path)?.0)
}

/// Opens a regular file; a pipe that nobody writes to doesn't hold up the start.
fn open(path: &Path) -> Result<(File, Stat), String> {
    let unreadable = |error| format!("can't be read: {}", std::io::Error::from(error).kind());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(unreadable)?;
    let status = rustix::fs::fstat(&handle).map_err(unreadable)?;
    match FileType::from_raw_mode(status.st_mode).is_file() {
        true => Ok((handle.into(), status)),
        false => Err("expected a regular file".to_owned()),
    }
}

fn read(file: File) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::new());
    let read = file.take(MOST + 1).read_to_string(&mut text).map_err(|_| "expected UTF-8 text".to_owned())?;
    if read as u64 > MOST { Err(format!("expected {MOST} bytes at most")) } else { Ok(text) }
}
