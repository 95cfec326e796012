//! Verifies a chained log: offline, in one pass, with memory for one line. Nothing of the server is used but the form of
//! checkpoints and hashes.
//!
//! Found is every line that was changed, inserted, deleted, repeated, moved or taken from another chain; a file that is
//! missing between two; a chain that goes on twice (after a rollback); a torn line; a checkpoint that doesn't hold.
//!
//! What can't be found: lines, or whole files, cut off at either end, unless something outside says that they were there
//! (a pinned [`Head`]); without a key, a log that was rewritten from the changed line on by somebody who computed all hashes
//! anew, and a change in the very last line; with a key, the same after the last checkpoint, whose number of lines the
//! report tells.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead};
use std::str::FromStr;

use serde_json::Value;

use super::checkpoint::{Checkpoint, Hash, MOST_UNSIGNED, hash, hex, unhex};
use super::keys::PublicKey;
use crate::lines::{Lines, Read};

/// How many calls whose end isn't recorded are kept in mind; so many never run at once.
const MOST_OPEN: usize = 65_536;

/// Where a call's id is looked for, from a line's end, in bytes.
const CALL_WITHIN: usize = 2_048;

/// Something that isn't as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A line in a chain: its number and its SHA-256, written `NUMBER:HASH`. Whoever keeps one elsewhere can tell later that
/// all up to it is still there, unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pos: u64,
    hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pos, hex(&self.hash))
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pos, hash) = text.split_once(':').ok_or("expected NUMBER:HASH, as `audit verify` prints it")?;
        let pos = pos.parse().map_err(|_| "expected a number before the colon")?;
        Ok(Self { pos, hash: unhex(hash).ok_or("expected 64 lower-case hexadecimal digits after the colon")? })
    }
}

/// What was verified.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many lines were read.
    pub lines: u64,
    /// The number of the first line in the chain: what was before isn't in these files.
    pub first: Option<u64>,
    /// The last line of the chain.
    pub head: Option<Head>,
    /// Checkpoints whose signature holds.
    pub checkpoints: u64,
    /// Checkpoints whose signature wasn't verified, because there is no key.
    pub unverified: u64,
    /// How many lines are after the last checkpoint that holds.
    pub unsigned: u64,
    /// Where destructive calls began of whose end there is no record: file and line of each intent.
    pub open: Vec<(String, u64)>,
    /// How many findings there were.
    pub findings: u64,
}

/// Verifies the files of one log, oldest first.
pub struct Verifier<'a, F: FnMut(Finding)> {
    keys: &'a [PublicKey],
    pinned: Vec<Head>,
    tell: F,
    report: Report,
    chain: Option<[u8; 16]>,
    last: Option<(u64, Hash)>,
    /// A line that isn't one of a chain: its length and hash. It may be a torn one that the next line tells of.
    torn: Option<(u64, Hash)>,
    /// Calls that began, by their id, and where that stands.
    open: BTreeMap<String, (String, u64)>,
    at: (String, u64),
    /// Files begin as files do, not somewhere in the middle.
    whole: bool,
}

/// The number of the last checkpoint in the end of a log, if it is by this key, and all from there to the head of the chain
/// follows from it.
pub(super) fn last_signed(
    recent: &[u8],
    chain: [u8; 16],
    head: (u64, Hash),
    key: &PublicKey,
) -> Result<u64, &'static str> {
    let mut at = recent.len();
    let found = recent.split_inclusive(|byte| *byte == b'\n').rev().find_map(|line| {
        at -= line.len();
        let parsed = Parsed::of(line.strip_suffix(b"\n")?)?;
        (parsed.kind == "checkpoint").then_some(parsed.pos)
    });
    let pos = found.ok_or("the log's end isn't signed: no checkpoint is near")?;
    let mut sound = true;
    let keys = std::slice::from_ref(key);
    let mut verifier = Verifier { chain: Some(chain), whole: false, ..Verifier::new(keys, |_| sound = false) };
    let read = verifier.file("", &recent[at..]);
    let report = verifier.end();
    let same = report.head.is_some_and(|it| (it.pos, it.hash) == head);
    match read.is_ok() && same && sound {
        true => Ok(pos),
        false => Err("the log's last checkpoint isn't of this key, or what follows doesn't follow from it"),
    }
}

impl<'a, F: FnMut(Finding)> Verifier<'a, F> {
    /// With keys, checkpoints must be signed by one of them. Findings are told as they come.
    pub fn new(keys: &'a [PublicKey], tell: F) -> Self {
        Self {
            keys,
            pinned: Vec::new(),
            tell,
            report: Report::default(),
            chain: None,
            last: None,
            torn: None,
            open: BTreeMap::new(),
            at: (String::new(), 0),
            whole: true,
        }
    }

    /// This line must be there.
    pub fn expect(&mut self, head: Head) {
        self.pinned.push(head);
    }

    /// Reads the next file.
    ///
    /// # Errors
    /// It can't be read.
    pub fn file(&mut self, name: &str, text: impl BufRead) -> io::Result<()> {
        self.at = (name.to_owned(), 0);
        let mut lines = Lines::new(text);
        while let Some(read) = lines.next()? {
            self.at.1 += 1;
            self.report.lines += 1;
            match read {
                Read::Whole(line) => self.line(line),
                Read::Torn(_) => self.find("the line is torn: it doesn't end".to_owned()),
                Read::TooLong(bytes) => self.find(format!("a line of {bytes} bytes: none of a log's is so long")),
            }
        }
        Ok(())
    }

    /// What there is to say at the end.
    pub fn end(mut self) -> Report {
        if self.torn.is_some() {
            self.find("not a line of a chain".to_owned());
        }
        for pinned in std::mem::take(&mut self.pinned) {
            self.find(format!("the line that was pinned isn't there: {pinned}"));
        }
        if !self.keys.is_empty() && self.report.checkpoints == 0 {
            self.find("nothing is signed: no checkpoint of this key".to_owned());
        }
        self.bound();
        self.report.open = self.open.into_values().collect();
        self.report.head = self.last.map(|(pos, hash)| Head { pos, hash });
        self.report
    }

    /// So many lines without a checkpoint were never written with a key.
    fn bound(&mut self) {
        if !self.keys.is_empty() && self.report.unsigned > MOST_UNSIGNED {
            self.find(format!("{} lines without a checkpoint before this; one comes after 1000", self.report.unsigned));
        }
    }

    fn find(&mut self, what: String) {
        self.report.findings += 1;
        (self.tell)(Finding { file: self.at.0.clone(), line: self.at.1, what });
    }

    fn line(&mut self, line: &[u8]) {
        let Some(parsed) = Parsed::of(line) else {
            if self.at == (self.at.0.clone(), 1) && self.last.is_none() && Parsed::is_unchained(line) {
                self.find("this log isn't chained: nothing can be said of it".to_owned());
            } else if self.torn.replace((line.len() as u64, hash(line))).is_some() || self.at.1 == 1 {
                self.find("not a line of a chain".to_owned());
            }
            return;
        };
        self.follows(&parsed);
        match parsed.kind {
            "chain" => self.chain(&parsed),
            "checkpoint" => self.checkpoint(&parsed),
            "call" | "intent" | "rejected" | "recovered" => self.report.unsigned += 1,
            _ => self.find("a kind of line that this verifier doesn't know".to_owned()),
        }
        if let (kind @ ("call" | "intent"), Some(call)) = (parsed.kind, parsed.call()) {
            if kind == "call" {
                self.open.remove(call);
            } else if self.open.len() < MOST_OPEN {
                self.open.insert(call.to_owned(), self.at.clone());
            }
        }
        if self.whole && self.at.1 == 1 && parsed.kind != "chain" {
            self.find("the file doesn't begin with a `chain` line".to_owned());
        }
        let head = Head { pos: parsed.pos, hash: hash(line) };
        self.pinned.retain(|pinned| *pinned != head);
        self.last = Some((head.pos, head.hash));
        self.report.first.get_or_insert(parsed.pos);
    }

    /// Whether a line follows from the one before.
    fn follows(&mut self, line: &Parsed<'_>) {
        let torn = self.torn.take();
        let Some((pos, hash)) = self.last else { return };
        if let Some((len, torn)) = torn {
            let told = line.kind == "recovered"
                && line.value["torn"] == len
                && line.value["after"] == hex(&hash)
                && (Some(line.pos), line.prev) == (pos.checked_add(2), torn);
            if !told {
                self.find("the line before isn't one of a chain, and no `recovered` line accounts for it".to_owned());
            }
        } else if line.pos > pos.saturating_add(1) {
            self.find(format!("lines {} to {} are missing", pos + 1, line.pos - 1));
        } else if line.pos <= pos && line.kind == "chain" {
            self.find(format!(
                "the chain goes on from line {} a second time, or another one begins",
                line.pos.saturating_sub(1)
            ));
        } else if line.pos <= pos {
            self.find(format!("line {} after line {pos}: repeated, moved, or of another chain", line.pos));
        } else if line.prev != hash {
            self.find("this line doesn't follow from the one before: one of the two was changed".to_owned());
        }
    }

    fn chain(&mut self, line: &Parsed<'_>) {
        self.report.unsigned += 1;
        let id = line.value["chain"].as_str().and_then(unhex);
        if id.is_none() || line.value["v"] != 1 {
            self.find("a `chain` line of a form that this verifier doesn't know".to_owned());
        } else if self.chain.is_some() && self.chain != id {
            self.find("another chain begins here".to_owned());
        }
        self.chain = id;
    }

    fn checkpoint(&mut self, line: &Parsed<'_>) {
        let text = |name: &str| line.value[name].as_str().unwrap_or_default();
        let statement = (|| {
            let (chain, hash) = (unhex(text("chain"))?, unhex(text("hash"))?);
            let lines = line.value["lines"].as_u64()?;
            let cause = text("cause");
            (line.ts.len() == 27).then_some(Checkpoint { ts: line.ts, seq: line.seq, chain, lines, hash, cause })
        })();
        let signature = unhex::<64>(text("sig"));
        let (Some(it), Some(signature)) = (statement, signature) else {
            return self.find("a checkpoint that doesn't say what it should".to_owned());
        };
        // Byte for byte as the server writes it: nothing in it may be open to a change.
        let members = it.members(text("key"), &signature);
        let (ts, seq, pos, prev) = (line.ts, line.seq, line.pos, hex(&line.prev));
        let written = format!(r#"{{"ts":"{ts}","seq":{seq},{members},"pos":{pos},"prev":"{prev}"}}"#);
        if written.as_bytes() != line.bytes
            || it.lines.checked_add(1) != Some(line.pos)
            || it.hash != line.prev
            || Some(it.chain) != self.chain
        {
            return self.find("a checkpoint of other lines than those before it".to_owned());
        }
        if self.keys.is_empty() {
            self.report.unverified += 1;
            self.report.unsigned += 1;
            return;
        }
        match self.keys.iter().find(|key| key.id() == text("key")) {
            None => self.find(format!("a checkpoint by another key: {}", text("key").escape_debug())),
            Some(key) if key.verifies(&it.signed_bytes(), &signature) => {
                self.bound();
                self.report.checkpoints += 1;
                self.report.unsigned = 0;
            }
            Some(_) => self.find("a checkpoint whose signature is wrong".to_owned()),
        }
    }
}

/// A line of a chain, in the one form in which they are written.
struct Parsed<'a> {
    bytes: &'a [u8],
    ts: &'a str,
    seq: u64,
    kind: &'a str,
    pos: u64,
    prev: Hash,
    /// The whole line, for the kinds that the verifier reads; else `null`.
    value: Value,
}

impl<'a> Parsed<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (ts, rest) = text.strip_prefix(r#"{"ts":""#)?.split_once('"')?;
        let (seq, rest) = rest.strip_prefix(r#","seq":"#)?.split_once(',')?;
        let (kind, _) = rest.strip_prefix(r#""kind":""#)?.split_once('"')?;
        let (before, prev) = text.strip_suffix("\"}")?.rsplit_once(r#","prev":""#)?;
        let (_, pos) = before.rsplit_once(r#","pos":"#)?;
        let value = match kind {
            "chain" | "checkpoint" | "recovered" => serde_json::from_str(text).ok()?,
            _ => Value::Null,
        };
        Some(Self { bytes, ts, seq: seq.parse().ok()?, kind, pos: pos.parse().ok()?, prev: unhex(prev)?, value })
    }

    /// The id of the call. It is the last member before `pos`; in texts, quotes are escaped.
    fn call(&self) -> Option<&'a str> {
        let end = &self.bytes[self.bytes.len().saturating_sub(CALL_WITHIN)..];
        let at = memchr::memmem::rfind(end, br#","call":""#)? + 9;
        let len = memchr::memchr(b'"', &end[at..])?;
        std::str::from_utf8(&end[at..at + len]).ok()
    }

    /// Whether a line is one of a log without a chain.
    fn is_unchained(line: &[u8]) -> bool {
        line.starts_with(br#"{"ts":""#)
    }
}
