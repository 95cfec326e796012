//! Lines of a file or a stream, of which none is held that is too long.

use std::io::{self, BufRead, ErrorKind};

/// The longest line of a log that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// The lines of a text.
pub(crate) struct Lines<R> {
    text: R,
    longest: usize,
    line: Vec<u8>,
}

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<'a> {
    Whole(&'a [u8]),
    /// The file ends within it.
    Torn(&'a [u8]),
    /// It is longer than any that is read: so many bytes.
    TooLong(u64),
}

impl<R: BufRead> Lines<R> {
    /// The lines of a log.
    pub(crate) fn new(text: R) -> Self {
        Self::up_to(text, LONGEST)
    }

    /// Lines of so many bytes at most. Of a longer one only the length is told.
    pub(crate) fn up_to(text: R, longest: usize) -> Self {
        Self { text, longest, line: Vec::new() }
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> io::Result<Option<Read<'_>>> {
        self.line.clear();
        let (mut bytes, mut ended) = (0_u64, false);
        while !ended {
            let buffer = match self.text.fill_buf() {
                Ok([]) => break,
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let newline = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..newline.unwrap_or(buffer.len())];
            ended = newline.is_some();
            bytes += piece.len() as u64;
            if bytes <= self.longest as u64 {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(ended);
            self.text.consume(used);
        }
        Ok(match (bytes, ended) {
            (0, false) => None,
            (bytes, _) if bytes > self.longest as u64 => Some(Read::TooLong(bytes)),
            (_, true) => Some(Read::Whole(&self.line)),
            (_, false) => Some(Read::Torn(&self.line)),
        })
    }
}
