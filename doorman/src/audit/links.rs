//! The hash chain: what each line says of those before it.

use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, EVERY_LINES, Hash, hash, hex, push_hex, unhex};
use super::keys::SigningKey;
use super::line::{Line, push_number};
use super::sink::Tail;
use super::verify;

/// A checkpoint after so much time with new lines.
const EVERY: Duration = Duration::from_secs(60);

/// More than a checkpoint or a `chain` line takes, in bytes.
pub(super) const RESERVE: usize = 1_024;

/// The end of a chain: the number of its last line, and that line's hash. Zeros before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head {
    pos: u64,
    hash: Hash,
}

/// A chain that is being written.
#[derive(Debug)]
pub(super) struct Links {
    id: [u8; 16],
    key: Option<SigningKey>,
    mark: Mark,
}

/// How far a chain has come: what a failed write goes back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    head: Head,
    /// The head at the last checkpoint, and when that was.
    signed: (u64, Instant),
}

impl Mark {
    /// The number of the last line.
    pub(super) fn pos(self) -> u64 {
        self.head.pos
    }
}

impl Links {
    /// A new chain.
    pub(super) fn start(key: Option<SigningKey>) -> Result<Self, String> {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| "the system has no random numbers".to_owned())?;
        Ok(Self { id, key, mark: Mark { head: Head::default(), signed: (0, Instant::now()) } })
    }

    /// Another chain, with the same key.
    pub(super) fn start_anew(&self) -> Result<Self, String> {
        Self::start(self.key.clone())
    }

    /// The chain that a log holds, from its last whole line on, or why it can't go on. With a key it does only if what is
    /// signed is ours and all that follows, which we will sign, follows from it: `recent` is the end of the log.
    pub(super) fn resume(tail: &Tail, recent: &[u8], key: Option<SigningKey>) -> Result<Self, &'static str> {
        let (id, head) = Self::end_of(tail).ok_or("the log's end isn't that of a chain")?;
        let signed = match &key {
            Some(key) => verify::last_signed(recent, id, (head.pos, head.hash), &key.public())?,
            None => head.pos,
        };
        Ok(Self { id, key, mark: Mark { head, signed: (signed, Instant::now()) } })
    }

    fn end_of(tail: &Tail) -> Option<([u8; 16], Head)> {
        let first: serde_json::Value = serde_json::from_slice(&tail.first).ok()?;
        if first["kind"] != "chain" {
            return None;
        }
        let id = unhex(first["chain"].as_str()?)?;
        let last: serde_json::Value = serde_json::from_slice(&tail.last).ok()?;
        last["prev"].as_str()?;
        // No log is so long that its numbers come near their end.
        let pos = last["pos"].as_u64().filter(|pos| *pos <= u64::MAX / 2)?;
        Some((id, Head { pos, hash: hash(&tail.last) }))
    }

    /// Whether a log ends where this chain does.
    pub(super) fn ends(&self, tail: &Tail) -> bool {
        let begun = self.mark.head.pos > 0;
        if begun { hash(&tail.last) == self.mark.head.hash } else { tail.last.is_empty() && !tail.rotated }
    }

    /// Closes what a torn write left: its bytes count as a line. The members say so.
    pub(super) fn close_torn(&mut self, torn: &[u8], line: &mut Line) {
        line.number("torn", torn.len() as u64).text("after", &hex(&self.mark.head.hash));
        self.mark.head = Head { pos: self.mark.head.pos + 1, hash: hash(torn) };
    }

    /// The line that begins a file, or a start of the server.
    pub(super) fn members(&self, cause: &'static str) -> Line {
        let mut line = Line::default();
        line.text("kind", "chain").number("v", 1).text("chain", &hex(&self.id)).text("cause", cause);
        line.text_if_known("key", self.key.as_ref().map(SigningKey::id));
        line
    }

    /// The last members of a line.
    pub(super) fn bind(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(b",\"pos\":");
        push_number(line, self.mark.head.pos + 1);
        line.extend_from_slice(b",\"prev\":\"");
        push_hex(line, &self.mark.head.hash);
        line.push(b'"');
    }

    /// A line was written; it is given without its newline.
    pub(super) fn advance(&mut self, line: &[u8]) {
        self.mark.head = Head { pos: self.mark.head.pos + 1, hash: hash(line) };
    }

    /// How far it has come.
    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// What was added since wasn't written.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// Why a checkpoint is due, if it is.
    pub(super) fn due(&self) -> Option<&'static str> {
        self.key.as_ref()?;
        let (at, when) = self.mark.signed;
        match self.mark.head.pos - at {
            0 => None,
            EVERY_LINES.. => Some("lines"),
            _ if when.elapsed() >= EVERY => Some("time"),
            _ => None,
        }
    }

    /// The members of a checkpoint, if there is something to sign, and a key.
    pub(super) fn checkpoint(&self, ts: &str, seq: u64, cause: &str) -> Option<String> {
        let key = self.key.as_ref().filter(|_| self.mark.head.pos > self.mark.signed.0)?;
        let statement =
            Checkpoint { ts, seq, chain: self.id, lines: self.mark.head.pos, hash: self.mark.head.hash, cause };
        Some(statement.members(key.id(), &key.sign(&statement.signed_bytes())))
    }

    /// A checkpoint was written: it signs all lines but itself, and needs no other.
    pub(super) fn signed(&mut self, now: Instant) {
        self.mark.signed = (self.mark.head.pos, now);
    }
}
