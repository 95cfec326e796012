//! Files that hold secrets.

use std::{io::Read, path::Path};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// Reads a file that only its owner may read, if that owner is us (S28). The checks are on the open handle. Errors say
/// what is expected, without the path and the content.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    const MOST: u64 = 16 << 20;
    let handle = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
        .map_err(|error| format!("can't be read: {}", std::io::Error::from(error).kind()))?;
    let status =
        rustix::fs::fstat(&handle).map_err(|error| format!("can't be read: {}", std::io::Error::from(error).kind()))?;
    if !rustix::fs::FileType::from_raw_mode(status.st_mode).is_file() {
        return Err("expected a regular file".to_owned());
    }
    if status.st_uid != rustix::process::geteuid().as_raw() {
        return Err("expected a file that belongs to the user who runs this server".to_owned());
    }
    if status.st_mode & 0o077 != 0 {
        return Err("expected a file that only its owner may read (mode 0600)".to_owned());
    }
    let mut text = Zeroizing::new(String::new());
    let mut file = std::fs::File::from(handle).take(MOST);
    file.read_to_string(&mut text).map_err(|_| "expected UTF-8 text".to_owned())?;
    Ok(text)
}
