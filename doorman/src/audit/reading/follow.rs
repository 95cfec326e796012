//! The end of a log, and what is added to it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{
    Entry, Filter,
    files::{numbered, open_regular},
};
use crate::lines::{Lines, Read};

/// How many bytes of lines are kept.
const MOST: usize = 64 << 20;

/// The end of a log.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) lines: Vec<Vec<u8>>,
    /// Where the present file ended.
    pub(crate) at: u64,
    /// There were more lines, but they take too much memory.
    pub(crate) cut: bool,
}

/// The last so many wanted lines of a log, oldest first, read back through its files.
pub(crate) fn last(log: &Path, count: usize, filter: &Filter) -> io::Result<Ending> {
    let mut found: Vec<VecDeque<Vec<u8>>> = Vec::new();
    let (mut end, mut kept, mut cut) = (0, 0, false);
    for number in 0.. {
        let so_far: usize = found.iter().map(VecDeque::len).sum();
        let file = match open_regular(&numbered(log, number)) {
            Ok(file) if number == 0 || so_far < count && !cut => file,
            Err(error) if number == 0 => return Err(error),
            _ => break,
        };
        let mut lines = VecDeque::new();
        let read = each(BufReader::new(file), filter, |line| {
            if so_far == count {
                return;
            }
            kept += line.len();
            lines.push_back(line.to_vec());
            while lines.len() + so_far > count || kept > MOST {
                cut |= lines.len() + so_far <= count;
                let Some(first) = lines.pop_front() else { break };
                kept -= first.len();
            }
        })?;
        if number == 0 {
            end = read;
        }
        found.push(lines);
    }
    Ok(Ending { lines: found.into_iter().rev().flatten().collect(), at: end, cut })
}

/// Gives each wanted line that is whole; how many bytes those before the last newline have.
fn each(text: impl io::BufRead, filter: &Filter, mut wanted: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut lines = Lines::new(text);
    let mut bytes = 0;
    while let Some(read) = lines.next()? {
        match read {
            Read::Whole(line) => {
                bytes += line.len() as u64 + 1;
                if filter.wants(Entry::of(line).as_ref()) {
                    wanted(line);
                }
            }
            Read::TooLong(len) => bytes += len + 1,
            Read::Torn(_) => {}
        }
    }
    Ok(bytes)
}

/// What is added to a log, over its rotations.
pub(crate) struct Follow {
    log: PathBuf,
    file: Option<File>,
    at: u64,
}

impl Follow {
    /// From a place in the present file on.
    pub(crate) fn from(log: &Path, at: u64) -> Self {
        Self { log: log.to_owned(), file: open_regular(log).ok(), at }
    }

    /// Gives each wanted line that was added since.
    pub(crate) fn poll(&mut self, filter: &Filter, mut wanted: impl FnMut(&[u8])) -> io::Result<()> {
        // Looked up before reading: what is written to the old file is written before it gets another name.
        let now = open_regular(&self.log).ok();
        self.read(filter, &mut wanted)?;
        let Some(now) = now else { return Ok(()) };
        let id = |file: &File| file.metadata().map(|it| (it.dev(), it.ino()));
        let present = id(&now)?;
        match self.file.as_ref().map(id).transpose()? {
            Some(old) if old == present => return Ok(()),
            Some(old) => {
                // Those that came and went in the meantime.
                let mut between = Vec::new();
                for number in 1.. {
                    match open_regular(&numbered(&self.log, number)) {
                        Ok(file) if id(&file)? != old => between.push(file),
                        _ => break,
                    }
                }
                for file in between.into_iter().rev() {
                    (self.file, self.at) = (Some(file), 0);
                    self.read(filter, &mut wanted)?;
                }
            }
            None => {}
        }
        (self.file, self.at) = (Some(now), 0);
        self.read(filter, &mut wanted)
    }

    fn read(&mut self, filter: &Filter, wanted: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let len = file.metadata()?.len();
        if len < self.at {
            // Cut off by somebody: from the start again.
            self.at = 0;
        }
        if len > self.at {
            file.seek(SeekFrom::Start(self.at))?;
            self.at += each(BufReader::new(file), filter, wanted)?;
        }
        Ok(())
    }
}
