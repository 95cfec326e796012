//! One pass over a value, in place.

use std::borrow::Cow;

use base64::Engine;
use serde_json::{Map, Value};

use super::card::is_card_number;
use super::embedded::{self, Parsed};
use super::encoded::{self, Decoded};
use super::entropy;
use super::kind::{Counts, Kind};
use super::marks::Bytes;
use super::memo::{Role, Told};
use super::plan::{Blocked, Plan};
use super::rules::Verdict;
use super::splice;

/// Texts longer than this name no key.
const LONGEST_NAME: usize = 128;

/// Texts of more words are sentences: `["the password was changed twice", "…"]` is no pair.
const MOST_WORDS: usize = 4;

/// Where in a result a value stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    depth: usize,
    /// How often JSON was embedded in a string on the way here.
    embedded: usize,
    look: Look,
    /// What the key said under which the value stands.
    told: Told,
}

impl Place {
    pub(super) const ROOT: Place = Place { depth: 0, embedded: 0, look: Look::All, told: Told::Nothing };

    fn inner(self) -> Result<Self, Blocked> {
        if self.depth >= Plan::MAX_DEPTH {
            return Err(Blocked::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    All,
    /// Under a revealed key: held secrets, and keys within.
    Revealed,
}

pub(super) struct Walker<'p, 'c> {
    plan: &'p Plan,
    counts: &'c mut Counts,
    values: usize,
    bytes: usize,
}

impl<'p, 'c> Walker<'p, 'c> {
    pub(super) fn new(plan: &'p Plan, counts: &'c mut Counts) -> Self {
        Self { plan, counts, values: 0, bytes: 0 }
    }

    /// Redacts a value in place; says whether anything changed.
    fn value(&mut self, value: &mut Value, place: Place) -> Result<bool, Blocked> {
        self.values += 1;
        if self.values > Plan::MAX_VALUES {
            return Err(Blocked::TooManyValues);
        }
        match value {
            Value::Null | Value::Bool(_) => Ok(false),
            Value::Number(number) => {
                let kind = if place.look == Look::All && self.plan.detectors.has(Kind::Card) && is_card_number(number) {
                    Kind::Card
                } else if self.plan.shared.scrubber.is_numeric() && self.is_secret(&number.to_string()) {
                    Kind::Secret
                } else {
                    return Ok(false);
                };
                self.counts.add(kind);
                *value = Value::from(kind.mask());
                Ok(true)
            }
            Value::String(text) => {
                let changed = match self.text(text, place)? {
                    Cow::Owned(changed) => changed,
                    Cow::Borrowed(_) => return Ok(false),
                };
                *text = changed;
                Ok(true)
            }
            Value::Array(items) => self.array(items, place.inner()?),
            Value::Object(members) => self.object(members, place.inner()?),
        }
    }

    /// Redacts a text; one that is JSON as the value that it spells, written anew only if something changed.
    pub(super) fn text<'a>(&mut self, text: &'a str, place: Place) -> Result<Cow<'a, str>, Blocked> {
        self.count_bytes(text)?;
        if place.look == Look::Revealed {
            return Ok(self.plan.scrub(text, self.counts));
        }
        if !embedded::may_be_json(text) {
            let bytes = Bytes::of(text);
            return match self.plan.flat(text, bytes, place.told, self.counts) {
                Cow::Borrowed(text) if bytes.may_be_base64() => self.encoded(text, place),
                done => Ok(done),
            };
        }
        match embedded::parse(text, Plan::MAX_DEPTH - place.depth, Plan::MAX_VALUES - self.values) {
            Parsed::Blocked(blocked) => Err(blocked),
            Parsed::Text => match self.plan.flat(text, Bytes::of(text), place.told, self.counts) {
                // What made it no JSON may be masked now, and then keys say more than they did.
                Cow::Owned(masked) if self.is_json(&masked, place) => {
                    Ok(self.text(&masked, place)?.into_owned().into())
                }
                done => Ok(done),
            },
            Parsed::Json { .. } if place.embedded == Plan::MAX_EMBEDDED => Err(Blocked::EmbeddedTooDeep),
            Parsed::Json { mut value, repeated } => {
                let changed = self.item(&mut value, Place { embedded: place.embedded + 1, ..place })?;
                Ok(self.written(text, &value, changed, repeated))
            }
        }
    }

    /// Whether a text spells a value, or may and can't be looked at to its end.
    fn is_json(&self, text: &str, place: Place) -> bool {
        let (depth, values) = (Plan::MAX_DEPTH - place.depth, Plan::MAX_VALUES - self.values);
        embedded::may_be_json(text) && !matches!(embedded::parse(text, depth, values), Parsed::Text)
    }

    /// Redacts a text that is one JSON value of any type; `None` if it isn't.
    pub(super) fn json<'a>(&mut self, text: &'a str, place: Place) -> Result<Option<Cow<'a, str>>, Blocked> {
        self.count_bytes(text)?;
        match embedded::parse(text, Plan::MAX_DEPTH, Plan::MAX_VALUES) {
            Parsed::Blocked(blocked) => Err(blocked),
            Parsed::Text => Ok(None),
            Parsed::Json { mut value, repeated } => {
                let changed = self.item(&mut value, place)?;
                Ok(Some(self.written(text, &value, changed, repeated)))
            }
        }
    }

    /// A redacted value as JSON: as `text`, which it came from, wherever nothing changed.
    fn written<'a>(&mut self, text: &'a str, value: &Value, changed: bool, repeated: bool) -> Cow<'a, str> {
        // What was dropped as a repeated key wasn't looked at, so the text can't stay as it was.
        if repeated {
            return Cow::Owned(self.plan.scrub(&value.to_string(), self.counts).into_owned());
        }
        // Escapes and numbers are written in more than one way; secrets are removed from what is forwarded.
        if changed {
            let spliced = splice::splice(text, value).unwrap_or_else(|| value.to_string());
            return Cow::Owned(self.plan.scrub(&spliced, self.counts).into_owned());
        }
        self.plan.scrub(text, self.counts)
    }

    /// Redacts a text that is base64 of a text as what it spells, written in base64 anew if that changed.
    fn encoded<'a>(&mut self, text: &'a str, place: Place) -> Result<Cow<'a, str>, Blocked> {
        match encoded::decode(text) {
            None => Ok(Cow::Borrowed(text)),
            Some(_) if place.embedded == Plan::MAX_EMBEDDED => Err(Blocked::EmbeddedTooDeep),
            Some(Decoded::Binary(bytes, alphabet)) => {
                let redacted = self.runs(&bytes, Place { embedded: place.embedded + 1, ..place })?;
                Ok(redacted.map_or(Cow::Borrowed(text), |redacted| Cow::Owned(alphabet.encode(redacted))))
            }
            Some(Decoded::Text(inner, alphabet)) => {
                let inner = self.text(&inner, Place { embedded: place.embedded + 1, ..place })?;
                Ok(match inner {
                    Cow::Borrowed(_) => Cow::Borrowed(text),
                    Cow::Owned(redacted) => Cow::Owned(alphabet.encode(redacted)),
                })
            }
        }
    }

    /// Redacts the runs of text in bytes that aren't all text: one byte that is none must not hide what stands around it.
    /// `None` if nothing changed.
    fn runs(&mut self, bytes: &[u8], place: Place) -> Result<Option<Vec<u8>>, Blocked> {
        /// In noise shorter runs abound, and hold nothing that a detector looks for.
        const SHORTEST: usize = 6;
        let (mut out, mut changed) = (Vec::with_capacity(bytes.len()), false);
        for chunk in bytes.utf8_chunks() {
            match chunk.valid() {
                run if run.len() < SHORTEST => out.extend_from_slice(run.as_bytes()),
                run => {
                    let run = self.text(run, place)?;
                    changed |= matches!(run, Cow::Owned(_));
                    out.extend_from_slice(run.as_bytes());
                }
            }
            out.extend_from_slice(chunk.invalid());
        }
        Ok(changed.then_some(out))
    }

    /// Redacts a value that may be a pair: `["password", "…"]`.
    pub(super) fn item(&mut self, value: &mut Value, place: Place) -> Result<bool, Blocked> {
        let mut masked = false;
        if let Value::Array(pair) = value
            && let [Value::String(key), value] = pair.as_mut_slice()
            && self.names_secret(key)
        {
            masked = self.mask(value);
        }
        Ok(self.value(value, place)? | masked)
    }

    fn array(&mut self, items: &mut [Value], place: Place) -> Result<bool, Blocked> {
        let mut changed = false;
        for item in items {
            changed |= self.item(item, place)?;
        }
        Ok(changed)
    }

    fn object(&mut self, members: &mut Map<String, Value>, place: Place) -> Result<bool, Blocked> {
        let (mut changed, mut clean, mut secret, mut holds) = (false, true, false, false);
        for (key, value) in members.iter_mut() {
            self.count_bytes(key)?;
            let seen = self.plan.seen(key);
            clean &= seen.clean;
            match seen.verdict {
                Verdict::Mask => changed |= self.mask(value),
                Verdict::Reveal => changed |= self.value(value, Place { look: Look::Revealed, ..place })?,
                Verdict::Suspect(suspicion)
                    if place.look == Look::All && value.as_str().is_some_and(|v| entropy::is_secret(v, suspicion)) =>
                {
                    changed |= self.mask(value);
                }
                Verdict::Suspect(_) | Verdict::Scan => {
                    let place = Place { told: seen.told, ..place };
                    secret |= seen.role == Role::Name && value.as_str().is_some_and(|name| self.names_secret(name));
                    holds |= seen.role == Role::Value;
                    // `{"required": ["password", "email"]}` lists names.
                    changed |= match seen.role {
                        Role::Names => self.value(value, place)?,
                        _ => self.item(value, place)?,
                    };
                }
            }
        }
        // `{"name": "password", "value": "…"}`
        if secret && holds {
            for (key, value) in members.iter_mut() {
                let seen = self.plan.seen(key);
                if seen.role == Role::Value && !matches!(seen.verdict, Verdict::Mask | Verdict::Reveal) {
                    changed |= self.mask(value);
                }
            }
        }
        if !clean {
            self.rename(members);
        }
        Ok(changed || !clean)
    }

    /// Masks what keys hold; keys that become the same are numbered.
    fn rename(&mut self, members: &mut Map<String, Value>) {
        let mut renamed = Map::with_capacity(members.len());
        let mut numbers = 1;
        let taken: Vec<(String, Value)> = std::mem::take(members).into_iter().collect();
        for (key, value) in taken {
            let mut new = self.plan.flat(&key, Bytes::of(&key), Told::Nothing, self.counts).into_owned();
            if renamed.contains_key(&new) {
                let base = new.clone();
                while renamed.contains_key(&new) {
                    numbers += 1;
                    new = format!("{base}#{numbers}");
                }
            }
            renamed.insert(new, value);
        }
        *members = renamed;
    }

    fn names_secret(&self, name: &str) -> bool {
        name.len() <= LONGEST_NAME && self.plan.names_masked(name) && name.split_whitespace().nth(MOST_WORDS).is_none()
    }

    /// Masks a value whole. Null and the empty text hold nothing; a mask stays what it is.
    fn mask(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Null => false,
            Value::String(text) if text.is_empty() || Kind::is_mask(text) => false,
            _ => {
                self.counts.add(Kind::Key);
                *value = Value::from(Kind::Key.mask());
                true
            }
        }
    }

    fn is_secret(&self, text: &str) -> bool {
        matches!(self.plan.scrub(text, &mut Counts::default()), Cow::Owned(_))
    }

    fn count_bytes(&mut self, text: &str) -> Result<(), Blocked> {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > Plan::MAX_BYTES { Err(Blocked::TooLarge) } else { Ok(()) }
    }
}
