//! Where lines go.

use std::io::{self, Write};

/// Takes the lines of the audit log, one at a time and in order.
///
/// Calls wait for it, so it must be quick, and it must not return before the line has left the process.
pub trait Sink: Send + Sync + 'static {
    /// Writes one line: a JSON object with its newline, in one piece.
    ///
    /// # Errors
    /// The line may not be there, or not whole. The next one must begin on a line of its own all the same.
    fn write_line(&self, line: &[u8]) -> io::Result<()>;

    /// Prepares for another attempt after a failure, by opening anew what may be stale. A line is written next; only
    /// when that succeeds, the sink counts as working again.
    ///
    /// # Errors
    /// It still can't work.
    fn recover(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Box<dyn Sink> {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        (**self).write_line(line)
    }

    fn recover(&self) -> io::Result<()> {
        (**self).recover()
    }
}

/// The audit record couldn't be written. For the operator, not for the caller.
#[derive(Debug, thiserror::Error)]
#[error("the audit record could not be written: {0}")]
pub struct SinkError(#[from] io::Error);

/// Standard error; never standard output, which carries the protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stderr;

impl Sink for Stderr {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        stderr.write_all(line)?;
        stderr.flush()
    }
}
