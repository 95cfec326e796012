//! The filters of one direction that apply to one capability, compiled.

use std::{borrow::Cow, sync::Arc};

#[cfg(any(test, fuzzing))]
use serde_json::Map;
use serde_json::Value;

#[cfg(any(test, fuzzing))]
use super::rule::Filter;
use super::{
    declared::Declared,
    fields::{Field, Part},
    forms::{Budget, Unscannable},
    found::{Findings, Place},
    mask::Masker,
    pattern::Patterns,
    rule::{Action, Direction, Rule},
    walk::{At, Keys, Walk},
};
use crate::redact::{Counts, masks};

/// What one direction of one capability's traffic goes through.
pub(crate) struct Screen {
    pub(super) compiled: Arc<Compiled>,
    /// What the capability's schema says; nothing, where it has none.
    pub(super) declared: Option<Arc<Declared>>,
}

/// Rules that apply together, each with a bit.
pub(super) struct Compiled {
    pub(super) rules: Box<[Rule]>,
    pub(super) patterns: Patterns,
    pub(super) everywhere: u64,
    /// Names of members, and the rules that look under them.
    pub(super) named: Vec<(Box<str>, u64)>,
    /// Pointers, and the rules that look at what stands there. Each has a bit, too.
    pub(super) pointers: Vec<(Box<[Part]>, u64)>,
    pub(super) masking: u64,
}

/// The most rules, and the most pointers, of one direction: each is a bit.
pub(super) const MOST: usize = 64;

impl Compiled {
    /// Compiles rules of one direction, or says what was expected of them together.
    pub(super) fn of(rules: Box<[Rule]>) -> Result<Self, &'static str> {
        if rules.len() > MOST {
            return Err("at most 64 filters of one direction for one capability");
        }
        let patterns = Patterns::of(rules.iter().map(|rule| &rule.pattern));
        let patterns = patterns.ok_or("patterns that compile to at most 16 MiB together")?;
        let (mut everywhere, mut named, mut pointers, mut masking) = (0, Vec::new(), Vec::new(), 0);
        for (number, rule) in rules.iter().enumerate() {
            let bit = 1 << number;
            masking |= if rule.action == Action::Redact { bit } else { 0 };
            for field in &rule.fields {
                match field {
                    Field::Everything => everywhere |= bit,
                    Field::Named(name) => named.push((name.clone(), bit)),
                    Field::At(parts) => pointers.push((parts.clone(), bit)),
                }
            }
        }
        if pointers.len() > MOST {
            return Err("at most 64 JSON pointers of one direction for one capability");
        }
        Ok(Self { rules, patterns, everywhere, named, pointers, masking })
    }

    /// The rules of these bits.
    pub(super) fn of_bits(&self, bits: u64) -> impl Iterator<Item = &Rule> {
        self.rules.iter().enumerate().filter(move |(number, _)| bits & 1 << number != 0).map(|(_, rule)| rule)
    }
}

/// Why something is refused. The caller hears no more than that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A filter matched that blocks.
    Filtered(Direction),
    /// It can't be looked at to its end.
    Unscannable(Unscannable),
}

impl From<Unscannable> for Refused {
    fn from(why: Unscannable) -> Self {
        Self::Unscannable(why)
    }
}

impl Refused {
    /// What the caller hears: neither which filter, nor where.
    pub(crate) const TEXT: &'static str = "blocked by policy";

    /// The word in the record.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Filtered(Direction::Arguments) => "argument_filter",
            Self::Filtered(Direction::Responses) => "response_filter",
            Self::Unscannable(_) => "unscannable",
        }
    }
}

#[cfg(any(test, fuzzing))]
impl Screen {
    /// A screen of these filters, for what a schema declares.
    pub(crate) fn of(filters: &[Filter], schema: Map<String, Value>) -> Self {
        let rules = filters.iter().map(|filter| filter.compile().unwrap_or_else(|wrong| panic!("{wrong:?}")));
        let compiled = Compiled::of(rules.collect()).unwrap_or_else(|expected| panic!("{expected}"));
        Self { compiled: Arc::new(compiled), declared: Some(Arc::new(Declared::of(&Arc::new(schema)))) }
    }
}

impl Screen {
    /// Whether some of its filters mask.
    pub(crate) fn masks(&self) -> bool {
        self.compiled.masking != 0
    }

    /// What becomes of a value that has something to be masked in it; `None` for others.
    pub(crate) fn masked(&self, value: &Value) -> Option<Value> {
        let (mut masked, findings) = (value.clone(), Findings::default());
        self.value(&mut masked, Keys::Data, Place::of(""), &findings, &mut Counts::default()).ok()?;
        (masked != *value).then_some(masked)
    }

    /// Looks at a value.
    pub(crate) fn inspect(
        &self,
        value: &Value,
        keys: Keys,
        mut place: Place,
        findings: &Findings,
    ) -> Result<(), Refused> {
        self.hits(keys, findings, |walk| walk.value(value, At::root(walk.compiled()), &mut place, &mut Budget::new()))
            .map(drop)
    }

    /// Looks at a value, and masks what is to be masked.
    pub(crate) fn value(
        &self,
        value: &mut Value,
        keys: Keys,
        mut place: Place,
        findings: &Findings,
        counts: &mut Counts,
    ) -> Result<(), Refused> {
        let looking =
            |walk: &mut Walk<'_>| walk.value(value, At::root(walk.compiled()), &mut place, &mut Budget::new());
        if self.hits(keys, findings, looking)? & self.compiled.masking != 0 {
            Masker::new(self, keys, counts).value(value)?;
        }
        Ok(())
    }

    /// As [`value`](Self::value), of a text.
    pub(crate) fn text<'t>(
        &self,
        text: &'t str,
        mut place: Place,
        findings: &Findings,
        counts: &mut Counts,
    ) -> Result<Cow<'t, str>, Refused> {
        let looking = |walk: &mut Walk<'_>| walk.text(text, At::root(walk.compiled()), &mut place, &mut Budget::new());
        if self.hits(Keys::Data, findings, looking)? & self.compiled.masking == 0 {
            return Ok(Cow::Borrowed(text));
        }
        Ok(Masker::new(self, Keys::Data, counts).text(text)?.map_or(Cow::Borrowed(text), Cow::Owned))
    }

    /// As [`text`](Self::text), of bytes: those that are text as such, the texts within others. Nothing can be masked in the
    /// latter, so what would be is refused.
    pub(crate) fn bytes(
        &self,
        bytes: &[u8],
        place: &Place,
        findings: &Findings,
        counts: &mut Counts,
    ) -> Result<Option<Vec<u8>>, Refused> {
        /// In noise shorter ones abound.
        const SHORTEST: usize = 16;
        if let Ok(text) = std::str::from_utf8(bytes) {
            let text = self.text(text, place.clone(), findings, counts)?;
            return Ok(matches!(text, Cow::Owned(_)).then(|| text.into_owned().into_bytes()));
        }
        for (text, _) in super::runs::texts(bytes, SHORTEST) {
            if let Cow::Owned(_) = self.text(&text, place.clone(), findings, counts)? {
                return Err(Refused::Filtered(Direction::Responses));
            }
        }
        Ok(None)
    }

    /// The bits of the rules that match, unless one of them blocks.
    fn hits(
        &self,
        keys: Keys,
        findings: &Findings,
        look: impl FnOnce(&mut Walk<'_>) -> Result<(), Refused>,
    ) -> Result<u64, Refused> {
        let mut walk = Walk::new(self, keys, findings);
        look(&mut walk)?;
        Ok(walk.hits)
    }
}

/// A text with something in the place of masks, of the same length, that no pattern means: they say nothing of what was there.
pub(super) fn unmasked(text: &str) -> Cow<'_, str> {
    let masks = masks(text);
    if masks.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut at) = (String::with_capacity(text.len()), 0);
    for mask in masks {
        plain.push_str(&text[at..mask.start]);
        // The sign has two bytes.
        (0..mask.len() / 2).for_each(|_| plain.push('«'));
        (0..mask.len() % 2).for_each(|_| plain.push(' '));
        at = mask.end;
    }
    plain.push_str(&text[at..]);
    Cow::Owned(plain)
}
