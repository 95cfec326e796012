//! Standard error: for audit records, which wait until somebody reads, and for the server's own log, which doesn't.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::sink::Sink;

/// What a pipe takes without waiting when it says that it takes something (`PIPE_BUF`).
const PIECE: usize = 4096;

/// How long a line of the server's own log may take.
const PATIENCE: Duration = Duration::from_millis(50);

/// Whether a line was left unfinished. Held while a line is written, so that none goes into another.
static TORN: Mutex<bool> = Mutex::new(false);

/// The last line of the server's own log wasn't taken: those after it don't wait any more.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Standard error; never standard output, which carries the protocol. Records wait while nobody reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stderr;

impl Sink for Stderr {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        write(TORN.lock().unwrap_or_else(PoisonError::into_inner), line, None)
    }
}

impl Stderr {
    /// Writes a line if somebody reads: nobody is held up for it.
    pub(crate) fn try_write_line(line: &[u8]) -> io::Result<()> {
        let deadline = Instant::now() + if UNREAD.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let written = Self::write_until(line, deadline);
        UNREAD.store(written.is_err(), Ordering::Relaxed);
        written
    }

    fn write_until(line: &[u8], deadline: Instant) -> io::Result<()> {
        loop {
            match TORN.try_lock() {
                Ok(torn) => return write(torn, line, Some(deadline)),
                Err(TryLockError::Poisoned(torn)) => return write(torn.into_inner(), line, Some(deadline)),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => return Err(ErrorKind::TimedOut.into()),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// In pieces, none of which is begun before it can be taken whole: a write that waits couldn't be given up.
fn write(mut torn: MutexGuard<'_, bool>, line: &[u8], deadline: Option<Instant>) -> io::Result<()> {
    let stderr = io::stderr();
    let lines = if *torn { &[b"\n", line][..] } else { &[line][..] };
    for mut rest in lines.iter().flat_map(|line| line.chunks(PIECE)) {
        while !rest.is_empty() {
            ready(&stderr, deadline)?;
            match stderr.lock().write(rest) {
                Ok(written) => {
                    rest = &rest[written..];
                    *torn = true;
                }
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
    }
    *torn = !line.ends_with(b"\n");
    Ok(())
}

/// Waits until a piece can be written, at most until then.
fn ready(stderr: &io::Stderr, deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() });
        match poll(&mut [PollFd::new(stderr, PollFlags::OUT)], left.as_ref()) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            // Broken ones are written to all the same, for the error's own words.
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
