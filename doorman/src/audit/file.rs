//! A private file that rotates by size.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::sink::Sink;

/// The most old files that can be kept.
const MAX_KEEP: u32 = 1_000;

/// Appends to a file of mode 0600, and to a new one when it would grow beyond a size.
///
/// The old files are `NAME.1` (the youngest) to `NAME.N`. A line is one `write(2)`; a line that was torn, by a full disk
/// or a crash, stays behind as a broken line and the next begins on a line of its own. A lock (`flock`) keeps a second
/// process from writing to the same file. When the file can't be rotated, the line is refused, not written beyond the size.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    /// `None` after a failure between two files.
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    file: File,
    len: u64,
    /// The file doesn't end in a newline.
    torn: bool,
}

impl RotatingFile {
    /// Opens the file, or creates it. `max_bytes` is the size of a file, exceeded only by a single line that is larger;
    /// `keep` is how many old files are kept, 1 to 1000. A file that others may read is made private.
    ///
    /// # Errors
    /// A symlink, anything but a regular file, a file of another user, one with a second hard link, or one that another
    /// process writes to; a size or a number of files out of bounds; and what the system says.
    pub fn open(path: impl Into<PathBuf>, max_bytes: u64, keep: u32) -> io::Result<Self> {
        if max_bytes == 0 || !(1..=MAX_KEEP).contains(&keep) {
            return Err(refused("expected a size of at least 1 byte, and 1 to 1000 old files to keep"));
        }
        let path = path.into();
        let current = Current::open(&path)?;
        Ok(Self { path, max_bytes, keep, current: Mutex::new(Some(current)) })
    }

    /// Shifts `NAME` to `NAME.1`, that to `NAME.2`, and so on; the oldest is overwritten.
    fn rotate(&self) -> io::Result<Current> {
        for number in (0..self.keep).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Current::open(&self.path)
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.into()
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for RotatingFile {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut slot = self.current();
        let current = slot.as_mut().ok_or_else(|| refused("the audit file isn't open"))?;
        if current.len > 0 && current.len.saturating_add(line.len() as u64) > self.max_bytes {
            // Until the new file is open there is none: the old one has another name by then.
            let old = slot.take();
            *slot = Some(self.rotate().inspect_err(|_| drop(old))?);
        }
        slot.as_mut().map_or(Ok(()), |current| current.append(line))
    }

    fn recover(&self) -> io::Result<()> {
        let mut slot = self.current();
        // Closed first: its lock would keep us out of our own file.
        *slot = None;
        *slot = Some(Current::open(&self.path)?);
        Ok(())
    }
}

impl Current {
    fn open(path: &Path) -> io::Result<Self> {
        // Non-blocking, so that a pipe in the file's place can't hang the server. Read access is for the last byte.
        let flags =
            OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let private = Mode::RUSR | Mode::WUSR;
        let file = match rustix::fs::open(path, flags, private) {
            Err(Errno::LOOP) => return Err(refused("the audit file is a symbolic link")),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused("expected a regular file for the audit log"));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_nlink != 1 {
            return Err(refused("expected an audit file that belongs to this user and has no second hard link"));
        }
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                return Err(refused("another process writes to this audit file; give each its own"));
            }
            locked => locked?,
        }
        if Mode::from_raw_mode(stat.st_mode) != private {
            rustix::fs::fchmod(&file, private)?;
        }
        Self::new(File::from(file))
    }

    fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let mut last = [b'\n'];
        if len > 0 {
            file.read_exact_at(&mut last, len - 1)?;
        }
        Ok(Self { file, len, torn: last != [b'\n'] })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let restored;
        let mut rest = line;
        if self.torn {
            restored = [b"\n", line].concat();
            rest = &restored;
        }
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.len += written as u64;
                    self.torn = rest[..written].last() != Some(&b'\n');
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Current, RotatingFile, Sink};

    /// A directory that goes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("doorman-audit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).expect("a new directory");
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn rotates_by_size_and_keeps_so_many_private_files() {
        let dir = Scratch::new();
        let path = dir.file("audit.jsonl");
        let sink = RotatingFile::open(&path, 20, 2).expect("opens");
        for n in 0..9 {
            sink.write_line(format!("line {n}\n").as_bytes()).expect("writes");
        }
        let numbered = |n: u32| dir.file(&format!("audit.jsonl.{n}"));
        assert_eq!(read(&path), "line 8\n");
        assert_eq!(read(&numbered(1)), "line 6\nline 7\n");
        assert_eq!(read(&numbered(2)), "line 4\nline 5\n");
        assert!(!numbered(3).exists());
        assert_eq!([mode(&path), mode(&numbered(1)), mode(&numbered(2))], [0o600; 3]);

        sink.write_line(&[b'x'; 100]).expect("a line larger than a file gets one of its own");
        assert_eq!(read(&path).len(), 100);
        assert_eq!(read(&numbered(1)), "line 8\n");
    }

    #[test]
    fn what_is_no_private_file_of_ours_is_refused() {
        let dir = Scratch::new();
        let target = dir.file("target");
        fs::write(&target, "secret\n").expect("writes");
        symlink(&target, dir.file("symlink")).expect("links");
        symlink(dir.file("nowhere"), dir.file("dangling")).expect("links");
        fs::hard_link(&target, dir.file("hardlink")).expect("links");
        for name in ["symlink", "dangling", "hardlink", "."] {
            assert!(RotatingFile::open(dir.file(name), 100, 1).is_err(), "{name}");
        }
        assert!(RotatingFile::open("/dev/full", 100, 1).is_err());
        assert_eq!(read(&target), "secret\n");
        assert!(!dir.file("nowhere").exists());
        for (max_bytes, keep) in [(0, 1), (1, 0), (1, 1_001)] {
            assert!(RotatingFile::open(dir.file("new"), max_bytes, keep).is_err());
        }
    }

    #[test]
    fn an_existing_file_is_made_private_and_continued() {
        let dir = Scratch::new();
        let path = dir.file("audit");
        fs::write(&path, "old\n").expect("writes");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("changes");
        let sink = RotatingFile::open(&path, 100, 1).expect("opens");
        sink.write_line(b"new\n").expect("writes");
        assert_eq!((mode(&path), read(&path).as_str()), (0o600, "old\nnew\n"));
        let second = RotatingFile::open(&path, 100, 1).expect_err("locked").to_string();
        assert!(second.contains("another process"), "{second}");
        drop(sink);
        assert!(RotatingFile::open(&path, 100, 1).is_ok());
    }

    #[test]
    fn a_torn_line_swallows_no_other() {
        let dir = Scratch::new();
        let path = dir.file("audit");
        fs::write(&path, "whole\n{\"torn\":").expect("writes");
        let sink = RotatingFile::open(&path, 100, 1).expect("opens");
        for line in [b"one\n", b"two\n"] {
            sink.write_line(line).expect("writes");
        }
        assert_eq!(read(&path), "whole\n{\"torn\":\none\ntwo\n");
    }

    #[test]
    fn a_failed_rotation_fails_the_line_until_it_works() {
        let dir = Scratch::new();
        let path = dir.file("audit");
        let sink = RotatingFile::open(&path, 10, 1).expect("opens");
        sink.write_line(b"line 1\n").expect("writes");
        // A directory in the way of the old file's new name, full so that no rename replaces it.
        fs::create_dir_all(dir.file("audit.1/in/the/way")).expect("creates");
        assert!(sink.write_line(b"line 2\n").is_err());
        assert!(sink.write_line(b"line 2\n").is_err(), "not before it is told to recover");
        sink.recover().expect("the file itself opens");
        assert!(sink.write_line(b"line 2\n").is_err());
        fs::remove_dir_all(dir.file("audit.1")).expect("removes");
        sink.recover().expect("opens");
        sink.write_line(b"line 2\n").expect("writes");
        assert_eq!([read(&dir.file("audit.1")), read(&path)], ["line 1\n", "line 2\n"]);
    }

    #[test]
    fn a_full_disk_fails_the_line() {
        let Ok(full) = OpenOptions::new().read(true).write(true).open("/dev/full") else { return };
        let current = Current { file: full, len: 0, torn: false };
        let path = Scratch::new().file("unused");
        let sink = RotatingFile { path, max_bytes: 100, keep: 1, current: Mutex::new(Some(current)) };
        for _ in 0..2 {
            assert_eq!(sink.write_line(b"line\n").expect_err("full").kind(), ErrorKind::StorageFull);
        }
    }
}
