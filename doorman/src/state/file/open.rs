//! The file itself: found or made, and locked.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::layout::{self, GROUP, HEAD, MOST_KEYS, Noted, Shape, broken};

/// The file's time when it is made; any but 0 would do.
const BEGINNING: u64 = 1_000_000_000;

/// An open file whose header has been read.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) shape: Shape,
    /// Which boot of the system this is.
    pub(super) boot: u64,
    path: PathBuf,
}

impl Opened {
    /// Opens the file; if there is none, makes one. Of several processes that make it at the same time all get the same.
    pub(super) fn open(path: &Path, keys: usize) -> io::Result<Self> {
        match Self::existing(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened,
        }
        match make(path, keys) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Self::existing(path),
        }
    }

    fn existing(path: &Path) -> io::Result<Self> {
        // Non-blocking, so that a pipe in the file's place can't hang the server.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::LOOP) => return Err(refused("it is a symbolic link")),
            opened => File::from(opened?),
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused("expected a regular file"));
        }
        private(&stat)?;
        let mut bytes = [0; HEAD];
        file.read_exact_at(&mut bytes, 0).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken("it is cut off"),
            _ => error,
        })?;
        let (shape, _) = layout::read_header(&bytes)?;
        match file.metadata()?.len() == shape.size() {
            true => Ok(Self { file, shape, boot: boot(), path: path.to_owned() }),
            false => Err(broken("it is cut off")),
        }
    }

    /// Locks the file for this process, if nobody else has; the lock of a process that is killed is free again.
    pub(super) fn lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(false),
            locked => locked?,
        }
        // Whoever comes next would count in another file.
        let there = match rustix::fs::lstat(&self.path) {
            Ok(there) => there,
            Err(Errno::NOENT) => return Err(refused("it was removed")),
            Err(error) => return Err(error.into()),
        };
        let ours = rustix::fs::fstat(&self.file)?;
        if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) {
            return Err(refused("another file is in its place"));
        }
        private(&ours).map(|()| true)
    }

    pub(super) fn unlock(&self) -> io::Result<()> {
        Ok(rustix::fs::flock(&self.file, FlockOperation::Unlock)?)
    }
}

/// Makes the file as a whole under another name first: nobody ever sees half of one.
fn make(path: &Path, keys: usize) -> io::Result<()> {
    // A quarter more than asked for, so that keys find room in their groups.
    let cells = (keys as u64).saturating_mul(5) / 4;
    let cells = cells.clamp(GROUP as u64, MOST_KEYS).next_power_of_two();
    let random = |()| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
    let shape = Shape { keys: cells, salt: u128::from(random(())) << 64 | u128::from(random(())) };
    let mut name = OsString::from(path);
    name.push(format!(".{:016x}", random(())));
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(&name, flags, Mode::RUSR | Mode::WUSR)?);
    let moved = |()| Ok(rustix::fs::renameat_with(CWD, &name, CWD, path, RenameFlags::NOREPLACE)?);
    let made = fill(&file, shape).and_then(moved);
    if made.is_err() {
        std::fs::remove_file(&name)?;
    }
    made
}

/// Whether nobody else can write to a file, or has it under another name.
fn private(stat: &Stat) -> io::Result<()> {
    if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_nlink > 1 {
        return Err(refused("expected a file that belongs to this user and has no second hard link"));
    }
    match Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        true => Err(refused("expected a file that nobody else may read or write (0600)")),
        false => Ok(()),
    }
}

fn fill(file: &File, shape: Shape) -> io::Result<()> {
    file.set_len(shape.size())?;
    // A disk that is full later would refuse calls then.
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, shape.size()) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => {}
        Err(error) => return Err(error.into()),
    }
    file.write_all_at(&layout::header(shape, Noted { ns: BEGINNING, system: 0, boot: 0 }), 0)?;
    file.sync_all()
}

/// A number for this boot of the system; 0 where there is none to be had.
fn boot() -> u64 {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.chunks(8).fold(0, |sum, word| layout::mix(sum ^ word.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))))
}

fn refused(expected: &str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, expected)
}
