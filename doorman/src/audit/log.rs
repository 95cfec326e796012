//! What is written, in one order: numbers the lines, chains and signs them, begins new files, and takes up the thread
//! after a failure. One caller at a time.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime};

use super::checkpoint::MOST_UNSIGNED;
use super::line::{Line, TIME, push_number, push_time};
use super::links::{Links, Mark, RESERVE};
use super::settings::{Chaining, Durability};
use super::sink::{Sink, Stopped, Tail};

pub(super) struct Log {
    sink: Box<dyn Sink>,
    durability: Durability,
    seq: u64,
    /// The size of the line that failed last, in bytes.
    failed: usize,
    links: Option<Links>,
    batch: Batch,
}

/// Lines that go to the sink together. Kept for its memory.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: Vec<Composed>,
}

/// A line in a batch.
struct Composed {
    end: usize,
    is_record: bool,
    /// The end of the chain before it.
    before: Option<Mark>,
}

impl Log {
    /// A log that isn't chained.
    pub(super) fn new(sink: Box<dyn Sink>, durability: Durability) -> Self {
        Self { sink, durability, seq: 0, failed: 0, links: None, batch: Batch::default() }
    }

    /// As an operator chooses. A chained log is continued, if the sink holds one.
    pub(super) fn open(sink: Box<dyn Sink>, durability: Durability, chaining: Chaining) -> io::Result<Self> {
        let mut log = Self::new(sink, durability);
        log.sync()?;
        match chaining {
            Chaining::Off => {}
            Chaining::Chained => log.begin(None)?,
            Chaining::Signed(key) => log.begin(Some(key))?,
        }
        Ok(log)
    }

    fn begin(&mut self, key: Option<super::SigningKey>) -> io::Result<()> {
        let (tail, recent) = match self.sink.segments() {
            Some(segments) => (segments.tail()?, segments.recent(MOST_UNSIGNED as usize + 1)?),
            None => (Tail::default(), Vec::new()),
        };
        let new = Links::start(key.clone()).map_err(io::Error::other)?;
        if tail.last.is_empty() && tail.torn.is_empty() {
            self.begin_chain(new, "start");
            return self.commit();
        }
        let mut links = match Links::resume(&tail, &recent, key) {
            Ok(links) => links,
            Err(why) => {
                self.doubt(&tail, new, why)?;
                return self.commit();
            }
        };
        let torn = (!tail.torn.is_empty()).then(|| {
            let mut line = Line::default();
            line.text("kind", "recovered").number("lost", 0);
            links.close_torn(&tail.torn, &mut line);
            line
        });
        self.links = Some(links);
        if tail.rotated {
            // A file begins with its own line, whatever was torn in the one before.
            self.compose_begin("rotated");
        }
        if let Some(line) = &torn {
            self.compose(&line.0, false);
        }
        if !tail.rotated {
            self.compose_begin("restarted");
        }
        self.compose_if_due();
        self.commit()
    }

    /// What is there isn't a chain that could go on: another begins with a file of its own.
    fn doubt(&mut self, tail: &Tail, links: Links, why: &'static str) -> io::Result<()> {
        tracing::error!("the audit log doesn't go on, a new chain begins in a new file: {why}");
        if let Some(segments) = self.sink.segments().filter(|_| !tail.rotated) {
            segments.rotate()?;
        }
        self.begin_chain(links, why);
        Ok(())
    }

    /// A chain is signed from its first line on, so that a start never finds one of which nothing is.
    fn begin_chain(&mut self, links: Links, cause: &'static str) {
        self.links = Some(links);
        self.compose_begin(cause);
        self.compose_checkpoint("start");
    }

    /// Writes records together. A failure leaves those behind it unwritten; one of the disk, all.
    pub(super) fn write<'a>(&mut self, records: impl IntoIterator<Item = &'a Line>) -> Result<(), Stopped> {
        let mut written = 0;
        let put = records.into_iter().try_for_each(|record| self.add(record, &mut written));
        let put = put.and_then(|()| self.put(&mut written));
        put.map_err(|error| Stopped { written, error })?;
        self.sync().map_err(|error| Stopped { written: 0, error })
    }

    /// Tries a sink again that failed. That it can be opened says little (a full disk can), so the proof is a line, as long
    /// as the one that failed: a shorter one may fit where no record does.
    pub(super) fn recover(&mut self, lost: u64) -> io::Result<()> {
        self.sink.recover()?;
        let mut line = Line::default();
        line.text("kind", "recovered").number("lost", lost);
        let before = self.links.as_ref().map(Links::mark);
        if let Some((segments, links)) = self.sink.segments().zip(self.links.as_mut()) {
            let tail = segments.tail()?;
            if !links.ends(&tail) {
                let new = links.start_anew().map_err(io::Error::other)?;
                self.doubt(&tail, new, "the log doesn't end where it was written to last")?;
            } else if tail.rotated {
                self.compose_begin("recovered");
            } else if !tail.torn.is_empty() {
                links.close_torn(&tail.torn, &mut line);
            } else if segments.is_full(self.failed + RESERVE) {
                self.turn(&mut 0)?;
            }
        }
        line.0.resize(self.failed.max(line.0.len()), b' ');
        self.compose(&line.0, false);
        if let [only] = &mut *self.batch.lines {
            // If it can't be written, the torn line is still to be told of.
            only.before = before;
        }
        self.commit()?;
        self.sign_if_due()
    }

    /// What a timer has done: the sink is looked at, and the chain signed if that is due.
    pub(super) fn tend(&mut self) -> io::Result<()> {
        self.sink.check()?;
        self.sign_if_due()
    }

    fn sign_if_due(&mut self) -> io::Result<()> {
        self.compose_if_due();
        self.commit()
    }

    /// Signs the chain as it is at the end.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        self.compose_checkpoint("stop");
        self.commit()
    }

    fn add(&mut self, record: &Line, written: &mut usize) -> io::Result<()> {
        let bytes = self.batch.bytes.len() + record.0.len() + RESERVE;
        let begun = self.links.as_ref().is_some_and(|links| links.mark().pos() > 0);
        if begun && self.sink.segments().is_some_and(|segments| segments.is_full(bytes)) {
            self.failed = record.0.len();
            self.turn(written)?;
        }
        self.compose(&record.0, true);
        self.compose_if_due();
        Ok(())
    }

    /// Ends a file and begins the next.
    fn turn(&mut self, written: &mut usize) -> io::Result<()> {
        self.compose_checkpoint("rotation");
        self.put(written)?;
        if let Some(segments) = self.sink.segments() {
            segments.rotate()?;
        }
        self.compose_begin("rotated");
        Ok(())
    }

    fn compose_begin(&mut self, cause: &'static str) {
        if let Some(line) = self.links.as_ref().map(|links| links.members(cause)) {
            self.compose(&line.0, false);
        }
    }

    fn compose_if_due(&mut self) {
        if let Some(cause) = self.links.as_ref().and_then(Links::due) {
            self.compose_checkpoint(cause);
        }
    }

    /// Signs the chain as it is, if it is to be signed and there is something new.
    fn compose_checkpoint(&mut self, cause: &str) {
        let seq = self.seq + 1;
        let start = self.open_line();
        let Some(links) = &self.links else { return self.batch.bytes.truncate(start) };
        let ts = std::str::from_utf8(&self.batch.bytes[start + 7..start + 7 + TIME]).unwrap_or_default();
        let Some(members) = links.checkpoint(ts, seq, cause) else { return self.batch.bytes.truncate(start) };
        self.close_line(start, members.as_bytes(), false);
        if let Some(links) = &mut self.links {
            links.signed(Instant::now());
        }
    }

    /// Adds a line to the batch.
    fn compose(&mut self, members: &[u8], is_record: bool) {
        let start = self.open_line();
        self.close_line(start, members, is_record);
    }

    /// The time of a line; where it begins.
    fn open_line(&mut self) -> usize {
        let bytes = &mut self.batch.bytes;
        let start = bytes.len();
        bytes.extend_from_slice(b"{\"ts\":\"");
        push_time(bytes, SystemTime::now());
        start
    }

    fn close_line(&mut self, start: usize, members: &[u8], is_record: bool) {
        self.seq += 1;
        let bytes = &mut self.batch.bytes;
        bytes.extend_from_slice(b"\",\"seq\":");
        push_number(bytes, self.seq);
        bytes.push(b',');
        bytes.extend_from_slice(members);
        let before = self.links.as_ref().map(Links::mark);
        if let Some(links) = &mut self.links {
            links.bind(bytes);
            bytes.push(b'}');
            links.advance(&bytes[start..]);
        } else {
            bytes.push(b'}');
        }
        bytes.push(b'\n');
        self.batch.lines.push(Composed { end: bytes.len(), is_record, before });
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.batch.lines.is_empty() {
            return Ok(());
        }
        self.put(&mut 0)?;
        self.sync()
    }

    /// Hands the batch to the sink, and counts the records that it took.
    fn put(&mut self, records: &mut usize) -> io::Result<()> {
        let put = catch_unwind(AssertUnwindSafe(|| match &*self.batch.lines {
            [] => Ok(()),
            [_] => self.hand(&[&self.batch.bytes]),
            lines => {
                let starts = std::iter::once(0).chain(lines.iter().map(|line| line.end));
                let texts: Vec<_> = starts.zip(lines).map(|(start, line)| &self.batch.bytes[start..line.end]).collect();
                self.hand(&texts)
            }
        }));
        let put = put.unwrap_or_else(|_| Err(Stopped { written: 0, error: io::Error::other("the sink panicked") }));
        let mut batch = mem::take(&mut self.batch);
        let written =
            put.as_ref().map_or_else(|stopped| stopped.written.min(batch.lines.len()), |()| batch.lines.len());
        *records += batch.lines[..written].iter().filter(|line| line.is_record).count();
        if let Some(failed) = batch.lines.get(written).filter(|_| put.is_err()) {
            self.failed = failed.end - written.checked_sub(1).map_or(0, |last| batch.lines[last].end);
            if let (Some(links), Some(before)) = (&mut self.links, failed.before) {
                links.back_to(before);
            }
        }
        batch.bytes.clear();
        batch.lines.clear();
        self.batch = batch;
        put.map_err(|stopped| stopped.error)
    }

    fn hand(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        match self.sink.segments().filter(|_| self.links.is_some()) {
            Some(segments) => segments.append(lines),
            None => self.sink.write_lines(lines),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self.durability {
            Durability::Flushed => Ok(()),
            Durability::Fsync => self.sink.sync(),
        }
    }
}
