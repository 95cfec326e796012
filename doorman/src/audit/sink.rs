//! Where lines go.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Takes the lines of the audit log, one at a time and in order.
///
/// Calls wait for it, and it must not return before the line has left the process. A sink that is slow holds up the
/// calls, not the server: it is called by the log's own thread, unless it [never waits](Self::never_waits).
///
/// ```
/// use std::{io, net::TcpStream, sync::Mutex};
/// use doorman::audit::Sink;
///
/// /// Sends records to a collector, which answers nothing.
/// struct Collector {
///     address: &'static str,
///     connection: Mutex<Option<TcpStream>>,
/// }
///
/// impl Sink for Collector {
///     fn write_line(&self, line: &[u8]) -> io::Result<()> {
///         let mut connection = self.connection.lock().map_err(|_| io::Error::other("poisoned"))?;
///         let stream = connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
///         // What was sent in part is nobody's line: the next one goes over a new connection.
///         io::Write::write_all(stream, line).inspect_err(|_| *connection = None)
///     }
///
///     fn recover(&self) -> io::Result<()> {
///         let stream = TcpStream::connect(self.address)?;
///         *self.connection.lock().map_err(|_| io::Error::other("poisoned"))? = Some(stream);
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
pub trait Sink: Send + Sync + 'static {
    /// Writes one line: a JSON object with its newline, in one piece.
    ///
    /// # Errors
    /// The line may not be there, or not whole. The next one must begin on a line of its own all the same.
    fn write_line(&self, line: &[u8]) -> io::Result<()>;

    /// Writes several lines that came at the same time.
    ///
    /// # Errors
    /// How many of them are there, and why the next one isn't.
    fn write_lines(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        for (written, line) in lines.iter().enumerate() {
            self.write_line(line).map_err(|error| Stopped { written, error })?;
        }
        Ok(())
    }

    /// Waits until all that was written is on the disk. Asked for with [`Durability::Fsync`](super::Durability).
    ///
    /// # Errors
    /// It may not be there; or this sink can't say so, which is the default.
    fn sync(&self) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this sink knows no disk that it could wait for"))
    }

    /// Whether a write takes no longer than a system call that waits for nobody, so that any thread may do it.
    fn never_waits(&self) -> bool {
        false
    }

    /// Whether lines still go where they are looked for. Asked about once a second, lines or not.
    ///
    /// # Errors
    /// They don't: the sink counts as failed.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }

    /// Prepares for another attempt after a failure, by opening anew what may be stale. A line is written next; only
    /// when that succeeds, the sink counts as working again.
    ///
    /// # Errors
    /// It still can't work.
    fn recover(&self) -> io::Result<()> {
        Ok(())
    }

    /// What a hash chain needs that goes on over several files and starts of the server. Without it, each start of the
    /// server begins a chain of its own.
    fn segments(&self) -> Option<&dyn Segments> {
        None
    }
}

/// A log in several files, of which the youngest is written to.
pub trait Segments {
    /// What is there already.
    ///
    /// # Errors
    /// It can't be read.
    fn tail(&self) -> io::Result<Tail>;

    /// So many of the last whole lines, with their newlines, the oldest first, from the file before as well; fewer if
    /// there are no more, or if they take more than some MiB.
    ///
    /// # Errors
    /// They can't be read.
    fn recent(&self, lines: usize) -> io::Result<Vec<u8>>;

    /// Whether so many more bytes should go to a new file.
    fn is_full(&self, bytes: usize) -> bool;

    /// Begins a new file.
    ///
    /// # Errors
    /// There is none, then.
    fn rotate(&self) -> io::Result<()>;

    /// Writes lines to the present file, however large it becomes.
    ///
    /// # Errors
    /// As [`Sink::write_lines`].
    fn append(&self, lines: &[&[u8]]) -> Result<(), Stopped>;
}

/// The ends of a log's youngest file that isn't empty. Lines are without their newlines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The file's first line.
    pub first: Vec<u8>,
    /// The file's last whole line.
    pub last: Vec<u8>,
    /// What follows that, if a write was torn.
    pub torn: Vec<u8>,
    /// The file that is written to is empty: this is of the one before.
    pub rotated: bool,
}

/// Some lines were written, and then one wasn't.
#[derive(Debug)]
pub struct Stopped {
    /// How many were.
    pub written: usize,
    /// Why no more were.
    pub error: io::Error,
}

impl Sink for Box<dyn Sink> {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        (**self).write_line(line)
    }

    fn write_lines(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        (**self).write_lines(lines)
    }

    fn sync(&self) -> io::Result<()> {
        (**self).sync()
    }

    fn never_waits(&self) -> bool {
        (**self).never_waits()
    }

    fn check(&self) -> io::Result<()> {
        (**self).check()
    }

    fn recover(&self) -> io::Result<()> {
        (**self).recover()
    }

    fn segments(&self) -> Option<&dyn Segments> {
        (**self).segments()
    }
}

/// The audit record couldn't be written. For the operator, not for the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit record could not be written: {0}")]
pub struct SinkError(Arc<io::Error>);

impl SinkError {
    pub(super) fn stuck(patience: Duration) -> Self {
        let what = format!("the sink has taken no record for {patience:?}");
        io::Error::new(io::ErrorKind::TimedOut, what).into()
    }
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}
