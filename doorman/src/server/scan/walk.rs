//! The structure of a message: values, nesting, duplicate keys, and the few members that the envelope is made of.
//!
//! Open objects and arrays are a stack of our own, so depth costs no stack frames. Beyond the depth limit the text is
//! still read to its end, one byte a level, because most clients write `id` last and an answer needs it.

use std::borrow::Cow;

use super::{
    Fault, ScanLimits,
    envelope::{Facts, Member, Shape},
    lex::{Cursor, Malformed, decode},
};

/// `serde_json` gives objects with such a key a meaning of its own (`RawValue`, arbitrary precision) if any crate in the
/// build turns that on: their text would be parsed again, beyond this gate.
const RESERVED: &str = "$serde_json::private::";

/// Up to so many keys, comparing all pairs is faster than sorting.
const FEW: usize = 8;

/// Which member of the envelope the next value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Root,
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Name,
    Uri,
    TaskId,
    Meta,
    ProtocolVersion,
    /// None of these.
    Other,
}

/// Which object a key stands in, of those that the envelope is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Message,
    Params,
    Meta,
    Other,
}

/// An open object or array.
struct Frame {
    closer: u8,
    place: Place,
    /// Where its keys begin in `Walk::keys`.
    keys: usize,
}

struct Key<'a> {
    name: Cow<'a, str>,
    at: usize,
}

pub(super) struct Walk<'a> {
    cursor: Cursor<'a>,
    limits: ScanLimits,
    values: usize,
    frames: Vec<Frame>,
    /// The closing bytes of what is open beyond the limit.
    beyond: Vec<u8>,
    /// The keys so far of every open object, the innermost last.
    keys: Vec<Key<'a>>,
    in_params: bool,
    facts: Facts<'a>,
    outside: Option<Fault>,
    inside: Option<Fault>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str, limits: ScanLimits) -> Self {
        Self {
            cursor: Cursor::new(text),
            limits,
            values: 0,
            frames: Vec::with_capacity(8),
            beyond: Vec::new(),
            keys: Vec::with_capacity(24),
            in_params: false,
            facts: Facts::default(),
            outside: None,
            inside: None,
        }
    }

    /// The members found, and the first fault outside and inside `params`.
    pub(super) fn finish(self) -> (Facts<'a>, Option<Fault>, Option<Fault>) {
        (self.facts, self.outside, self.inside)
    }

    /// Reads one JSON text to its end.
    pub(super) fn run(&mut self) -> Result<(), Fault> {
        self.text().map_err(|Malformed(what)| Fault::at(self.cursor.at(), what))
    }

    fn text(&mut self) -> Result<(), Malformed> {
        let mut slot = Slot::Root;
        loop {
            if let Some(first) = self.value(slot)? {
                slot = first;
                continue;
            }
            match self.after_value()? {
                Some(next) => slot = next,
                None => return Ok(()),
            }
        }
    }

    /// One scalar, an empty container, or the opening of a full one: then the slot of its first value.
    fn value(&mut self, slot: Slot) -> Result<Option<Slot>, Malformed> {
        let next = self.cursor.next_token();
        let start = self.cursor.at();
        self.values += 1;
        if self.values == self.limits.values + 1 {
            self.note(Fault::at(start, "too many values"));
        }
        let shape = match next {
            Some(b'"') => Shape::Text(self.cursor.string()?),
            Some(b'-' | b'0'..=b'9') => Shape::Number(self.cursor.number()?),
            Some(b't') => self.cursor.literal("true").map(|()| Shape::Other)?,
            Some(b'f') => self.cursor.literal("false").map(|()| Shape::Other)?,
            Some(b'n') => self.cursor.literal("null").map(|()| Shape::Other)?,
            Some(b'{') => {
                self.facts.put(slot, Member { at: start, json: "", shape: Shape::Object });
                return self.open(slot, b'}');
            }
            Some(b'[') => {
                self.facts.put(slot, Member { at: start, json: "", shape: Shape::Other });
                return self.open(slot, b']');
            }
            Some(0xEF) if start == 0 => return Err(Malformed("expected a value, without a byte order mark")),
            Some(_) => return Err(Malformed("expected a value")),
            None => return Err(Malformed("unfinished")),
        };
        if slot != Slot::Other {
            self.facts.put(slot, Member { at: start, json: self.cursor.since(start), shape });
        }
        Ok(None)
    }

    fn open(&mut self, slot: Slot, closer: u8) -> Result<Option<Slot>, Malformed> {
        let place = match slot {
            _ if closer == b']' => Place::Other,
            Slot::Root => Place::Message,
            Slot::Params => Place::Params,
            Slot::Meta => Place::Meta,
            _ => Place::Other,
        };
        if self.frames.len() < self.limits.depth {
            self.in_params |= place == Place::Params;
            self.frames.push(Frame { closer, place, keys: self.keys.len() });
        } else {
            self.note(Fault::at(self.cursor.at(), "nested too deeply"));
            self.beyond.push(closer);
        }
        self.cursor.bump();
        match self.cursor.next_token() {
            Some(byte) if byte == closer => {
                self.close();
                Ok(None)
            }
            _ if closer == b'}' => self.key().map(Some),
            _ => Ok(Some(Slot::Other)),
        }
    }

    /// What follows a value: the slot of the next one, or the end of the text.
    fn after_value(&mut self) -> Result<Option<Slot>, Malformed> {
        loop {
            let next = self.cursor.next_token();
            let closer = self.beyond.last().copied().or_else(|| self.frames.last().map(|frame| frame.closer));
            match (next, closer) {
                (None, None) => return Ok(None),
                (Some(_), None) => return Err(Malformed("text after the message")),
                (Some(b','), Some(closer)) => {
                    self.cursor.bump();
                    return if closer == b'}' { self.key().map(Some) } else { Ok(Some(Slot::Other)) };
                }
                (Some(byte), Some(closer)) if byte == closer => self.close(),
                (Some(_), Some(_)) => return Err(Malformed("expected a comma or the end")),
                (None, Some(_)) => return Err(Malformed("unfinished")),
            }
        }
    }

    /// A key and its colon; which member its value is.
    fn key(&mut self) -> Result<Slot, Malformed> {
        if self.cursor.next_token() != Some(b'"') {
            return Err(Malformed("expected a key"));
        }
        let at = self.cursor.at();
        let spelling = self.cursor.string()?;
        let json = self.cursor.since(at);
        if self.cursor.next_token() != Some(b':') {
            return Err(Malformed("expected a colon"));
        }
        self.cursor.bump();
        let (true, Some(frame)) = (self.beyond.is_empty(), self.frames.last()) else { return Ok(Slot::Other) };
        let name = decode(json, spelling);
        let slot = slot(frame.place, &name);
        if name.starts_with(RESERVED) {
            self.note(Fault::at(at, "reserved key"));
        }
        self.keys.push(Key { name, at });
        Ok(slot)
    }

    /// Steps over a closing byte; of an object, looks through its keys.
    fn close(&mut self) {
        self.cursor.bump();
        if self.beyond.pop().is_some() {
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        if let Some(at) = self.keys.get_mut(frame.keys..).and_then(first_repeat) {
            self.note(Fault::at(at, "duplicate key"));
        }
        self.keys.truncate(frame.keys);
        if frame.place == Place::Params {
            self.in_params = false;
        }
    }

    /// Keeps the first fault on each side.
    fn note(&mut self, fault: Fault) {
        let side = if self.in_params { &mut self.inside } else { &mut self.outside };
        side.get_or_insert(fault);
    }
}

fn slot(place: Place, key: &str) -> Slot {
    match (place, key) {
        (Place::Message, "jsonrpc") => Slot::Jsonrpc,
        (Place::Message, "id") => Slot::Id,
        (Place::Message, "method") => Slot::Method,
        (Place::Message, "params") => Slot::Params,
        (Place::Message, "result") => Slot::Result,
        (Place::Message, "error") => Slot::Error,
        (Place::Params, "name") => Slot::Name,
        (Place::Params, "uri") => Slot::Uri,
        (Place::Params, "taskId") => Slot::TaskId,
        (Place::Params, "_meta") => Slot::Meta,
        (Place::Meta, "io.modelcontextprotocol/protocolVersion") => Slot::ProtocolVersion,
        _ => Slot::Other,
    }
}

/// Where a key stands that an earlier one equals. Sorting has no bad case that a caller could choose keys for, as a hash
/// table may.
fn first_repeat(keys: &mut [Key<'_>]) -> Option<usize> {
    if keys.len() <= FEW {
        let repeats = |(index, key): &(usize, &Key<'_>)| keys[..*index].iter().any(|earlier| earlier.name == key.name);
        return keys.iter().enumerate().find(repeats).map(|(_, key)| key.at);
    }
    keys.sort_unstable_by(|a, b| a.name.cmp(&b.name).then(a.at.cmp(&b.at)));
    keys.windows(2).filter(|pair| pair[0].name == pair[1].name).map(|pair| pair[1].at).min()
}
