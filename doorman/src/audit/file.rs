//! A private file that rotates by size.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::reading::open_regular;
use super::sink::{Segments, Sink, Stopped, Tail};
use super::tail;

/// How long lines may go into a file that has no name any more.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The most old files that can be kept.
const MAX_KEEP: u32 = 1_000;

/// Appends to a file of mode 0600, and to a new one when it would grow beyond a size.
///
/// The old files are `NAME.1` (the youngest) to `NAME.N`. A line is one `write(2)`; a line that was torn, by a full disk
/// or a crash, stays behind as a broken line and the next begins on a line of its own. A lock (`flock`) keeps a second
/// process from writing to the same file. A file that was deleted, moved or replaced is a failure, noticed within a second;
/// recovering opens the path again. When the file can't be rotated, the line is refused, not written beyond the size.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    /// `None` after a failure between two files.
    current: Mutex<Option<Current>>,
    /// Somebody waits for the disk, so that a file is on it before the next one begins.
    synced: AtomicBool,
}

#[derive(Debug)]
struct Current {
    file: File,
    len: u64,
    /// The file doesn't end in a newline.
    torn: bool,
    /// When it was last seen under its name.
    seen: Instant,
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
        Ok(Self { path, max_bytes, keep, current: Mutex::new(Some(current)), synced: AtomicBool::new(false) })
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

impl RotatingFile {
    /// Writes lines, to a new file when `fits` says that they don't belong to this one.
    fn put(&self, lines: &[&[u8]], fits: impl Fn(&Current, usize) -> bool) -> Result<(), Stopped> {
        let mut slot = self.current();
        let mut done = 0;
        while done < lines.len() {
            let stopped = |error| Stopped { written: done, error };
            let current = slot.as_mut().ok_or_else(closed).map_err(stopped)?;
            current.look_if_due(&self.path).map_err(stopped)?;
            let mut bytes = 0;
            let fitting = lines[done..].iter().take_while(|line| {
                bytes += line.len();
                fits(current, bytes)
            });
            match fitting.count() {
                0 => self.next(&mut slot).map_err(stopped)?,
                count => {
                    let appended = current.append(&lines[done..done + count]);
                    appended.map_err(|stopped| Stopped { written: done + stopped.written, ..stopped })?;
                    done += count;
                }
            }
        }
        Ok(())
    }

    /// Until the new file is open there is none: the old one has another name by then.
    fn next(&self, slot: &mut Option<Current>) -> io::Result<()> {
        if let Some(old) = slot {
            old.look(&self.path)?;
        }
        let old = slot.take();
        let synced = self.synced.load(Ordering::Relaxed);
        if let (Some(old), true) = (&old, synced) {
            old.file.sync_data()?;
        }
        *slot = Some(self.rotate().inspect_err(|_| drop(old))?);
        if synced { self.sync_folder() } else { Ok(()) }
    }

    /// Puts on the disk what the files are called.
    fn sync_folder(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn closed() -> io::Error {
    refused("the audit file isn't open")
}

impl Sink for RotatingFile {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.write_lines(&[line]).map_err(|stopped| stopped.error)
    }

    fn write_lines(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        // A line that is larger than a file gets one of its own.
        self.put(lines, |current, bytes| {
            let len = current.len.saturating_add(bytes as u64);
            len <= self.max_bytes || current.len == 0 && bytes == lines[0].len()
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.current().as_ref().ok_or_else(closed)?.file.sync_data()?;
        if !self.synced.load(Ordering::Relaxed) {
            self.sync_folder()?;
            self.synced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn never_waits(&self) -> bool {
        true
    }

    fn check(&self) -> io::Result<()> {
        self.current().as_mut().ok_or_else(closed)?.look_if_due(&self.path)
    }

    fn recover(&self) -> io::Result<()> {
        let mut slot = self.current();
        // Closed first: its lock would keep us out of our own file.
        *slot = None;
        *slot = Some(Current::open(&self.path)?);
        Ok(())
    }

    fn segments(&self) -> Option<&dyn Segments> {
        Some(self)
    }
}

impl Segments for RotatingFile {
    fn tail(&self) -> io::Result<Tail> {
        let slot = self.current();
        let current = slot.as_ref().ok_or_else(closed)?;
        if current.len > 0 {
            return tail::of(&current.file);
        }
        match open_regular(&self.numbered(1)) {
            Ok(before) => Ok(Tail { rotated: true, ..tail::of(&before)? }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Tail { rotated: true, ..Tail::default() }),
            Err(error) => Err(error),
        }
    }

    fn recent(&self, lines: usize) -> io::Result<Vec<u8>> {
        let slot = self.current();
        let recent = tail::recent(&slot.as_ref().ok_or_else(closed)?.file, lines)?;
        let missing = lines.saturating_sub(memchr::memchr_iter(b'\n', &recent).count());
        match open_regular(&self.numbered(1)) {
            Ok(before) if missing > 0 => Ok([tail::recent(&before, missing)?, recent].concat()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(recent),
        }
    }

    fn is_full(&self, bytes: usize) -> bool {
        let slot = self.current();
        slot.as_ref().is_some_and(|it| it.len > 0 && it.len.saturating_add(bytes as u64) > self.max_bytes)
    }

    fn rotate(&self) -> io::Result<()> {
        self.next(&mut self.current())
    }

    fn append(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        self.put(lines, |_, _| true)
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
        Ok(Self { file, len, torn: last != [b'\n'], seen: Instant::now() })
    }

    fn look_if_due(&mut self, path: &Path) -> io::Result<()> {
        if self.seen.elapsed() < LOOK_EVERY { Ok(()) } else { self.look(path) }
    }

    /// Whether the file is still the one of this name: what is written to another, nobody would see.
    fn look(&mut self, path: &Path) -> io::Result<()> {
        let (ours, named) = (self.file.metadata()?, std::fs::symlink_metadata(path)?);
        if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) {
            return Err(io::Error::other("the audit file was moved, replaced or deleted"));
        }
        self.seen = Instant::now();
        Ok(())
    }

    /// Writes whole lines or none: what a failed write left of a line is taken away again, if the system lets us.
    fn append(&mut self, lines: &[&[u8]]) -> Result<(), Stopped> {
        let closing: &[u8] = if self.torn { b"\n" } else { b"" };
        let joined;
        let bytes = match (lines, closing) {
            ([line], []) => *line,
            _ => {
                joined = [closing, &lines.concat()].concat();
                &joined
            }
        };
        let mut done = 0;
        while done < bytes.len() {
            let error = match self.file.write(&bytes[done..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(written) => {
                    done += written;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let ends = lines.iter().scan(closing.len(), |end, line| {
                *end += line.len();
                Some(*end)
            });
            let (written, whole) =
                ends.enumerate().map(|(i, end)| (i + 1, end)).take_while(|it| it.1 <= done).last().unwrap_or((0, 0));
            if done > whole && self.file.set_len(self.len + whole as u64).is_ok() {
                done = whole;
            }
            self.len += done as u64;
            self.torn = if done == 0 { self.torn } else { bytes[done - 1] != b'\n' };
            return Err(Stopped { written, error });
        }
        self.len += bytes.len() as u64;
        self.torn = false;
        Ok(())
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
