//! Lines, of which none is held that is longer than any of ours.

use std::io::{self, BufRead, ErrorKind};

/// The longest line that is read, in bytes. Of a longer one only the length is told.
const LONGEST: usize = 1 << 20;

/// The lines of a file.
pub(crate) struct Lines<R> {
    text: R,
    line: Vec<u8>,
}

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<'a> {
    Whole(&'a [u8]),
    /// The file ends within it.
    Torn(&'a [u8]),
    /// It has more than 1 MiB: so many bytes.
    TooLong(u64),
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(text: R) -> Self {
        Self { text, line: Vec::new() }
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
            if self.line.len() + piece.len() <= LONGEST {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(ended);
            self.text.consume(used);
        }
        Ok(match (bytes, ended) {
            (0, false) => None,
            (bytes, _) if bytes > LONGEST as u64 => Some(Read::TooLong(bytes)),
            (_, true) => Some(Read::Whole(&self.line)),
            (_, false) => Some(Read::Torn(&self.line)),
        })
    }
}
