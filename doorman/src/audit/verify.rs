//! Verifies a chained log: offline, in one pass, with memory for one line. Nothing of the server is used but the form of
//! checkpoints and hashes.
//!
//! Found is every line that was changed, inserted, deleted, repeated, moved or taken from another chain; a file that is
//! missing between two; a chain that goes on twice (after a rollback); a torn line; a checkpoint that doesn't hold.
//!
//! What can't be found: lines, or whole files, cut off at either end, unless something outside says that they were there
//! (a checkpoint that was kept elsewhere); without a key, a log that was rewritten from the changed line on by somebody
//! who computed all hashes anew, and a change in the very last line; with a key, the same after the last checkpoint, whose
//! number of lines the report tells.

use std::fmt;
use std::io::{self, BufRead};

use serde_json::Value;

use super::checkpoint::{Checkpoint, Hash, hash, hex, unhex};
use super::keys::PublicKey;

/// The longest line that is read, in bytes.
const LONGEST: u64 = 1 << 20;

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

/// What was verified.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many lines were read.
    pub lines: u64,
    /// The numbers of the first and the last line in the chain.
    pub range: Option<(u64, u64)>,
    /// Checkpoints whose signature holds.
    pub checkpoints: u64,
    /// How many lines are after the last of them.
    pub unsigned: u64,
    /// How many findings there were.
    pub findings: u64,
}

/// Verifies the files of one log, oldest first.
pub struct Verifier<'a, F: FnMut(Finding)> {
    key: Option<&'a PublicKey>,
    tell: F,
    report: Report,
    chain: Option<[u8; 16]>,
    last: Option<(u64, Hash)>,
    /// A line that isn't one of a chain: its length and hash. It may be a torn one that the next line tells of.
    torn: Option<(u64, Hash)>,
    at: (String, u64),
}

impl<'a, F: FnMut(Finding)> Verifier<'a, F> {
    /// With a key, checkpoints must be signed by it. Findings are told as they come.
    pub fn new(key: Option<&'a PublicKey>, tell: F) -> Self {
        let at = (String::new(), 0);
        Self { key, tell, report: Report::default(), chain: None, last: None, torn: None, at }
    }

    /// Reads the next file.
    ///
    /// # Errors
    /// It can't be read.
    pub fn file(&mut self, name: &str, mut text: impl BufRead) -> io::Result<()> {
        self.at = (name.to_owned(), 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            if io::Read::take(&mut text, LONGEST).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            self.at.1 += 1;
            self.report.lines += 1;
            let whole = line.pop_if(|byte| *byte == b'\n').is_some();
            if whole {
                self.line(&line);
            } else {
                self.find("the line is torn: it doesn't end".to_owned());
            }
        }
    }

    /// What there is to say at the end.
    pub fn end(mut self) -> Report {
        if self.torn.is_some() {
            self.find("not a line of a chain".to_owned());
        }
        if self.key.is_some() && self.report.checkpoints == 0 {
            self.find("nothing is signed: no checkpoint of this key".to_owned());
        } else if self.key.is_some() && self.report.unsigned > 1_000 {
            self.find(format!("{} lines without a checkpoint; one comes after at most 1000", self.report.unsigned));
        }
        self.report
    }

    fn find(&mut self, what: String) {
        self.report.findings += 1;
        (self.tell)(Finding { file: self.at.0.clone(), line: self.at.1, what });
    }

    fn line(&mut self, line: &[u8]) {
        let Some(parsed) = Parsed::of(line) else {
            if self.torn.replace((line.len() as u64, hash(line))).is_some() || self.at.1 == 1 {
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
        if self.at.1 == 1 && parsed.kind != "chain" {
            self.find("the file doesn't begin with a `chain` line".to_owned());
        }
        self.last = Some((parsed.pos, hash(line)));
        self.report.range = Some((self.report.range.map_or(parsed.pos, |(first, _)| first), parsed.pos));
    }

    /// Whether a line follows from the one before.
    fn follows(&mut self, line: &Parsed<'_>) {
        let torn = self.torn.take();
        let Some((pos, hash)) = self.last else { return };
        if let Some((len, torn)) = torn {
            let told = line.kind == "recovered"
                && line.value["torn"] == len
                && line.value["after"] == hex(&hash)
                && (line.pos, line.prev) == (pos + 2, torn);
            if !told {
                self.find("the line before isn't one of a chain, and no `recovered` line accounts for it".to_owned());
            }
        } else if line.pos > pos + 1 {
            self.find(format!("lines {} to {} are missing", pos + 1, line.pos - 1));
        } else if line.pos <= pos && line.kind == "chain" {
            self.find(format!("the chain goes on from line {} a second time, or another one begins", line.pos - 1));
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
            || it.lines + 1 != line.pos
            || it.hash != line.prev
            || Some(it.chain) != self.chain
        {
            return self.find("a checkpoint of other lines than those before it".to_owned());
        }
        let Some(key) = self.key else {
            self.report.unsigned += 1;
            return;
        };
        if text("key") != key.id() {
            self.find(format!("a checkpoint by another key: {}", text("key").escape_debug()));
        } else if key.verifies(&it.signed_bytes(), &signature) {
            self.report.checkpoints += 1;
            self.report.unsigned = 0;
        } else {
            self.find("a checkpoint whose signature is wrong".to_owned());
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
}
