//! What one tool's results go through.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::escaped::{self, Unescaped};
use super::keys::{self, Name};
use super::kind::{Counts, Kind, Kinds};
use super::marks::Bytes;
use super::memo::{self, Role, Seen, Told};
use super::more::More;
use super::patterns::Patterns;
use super::rules::{Globs, Verdict, built_in, may_be_built_in, suspicion};
use super::scan::Again;
use super::scrub::Scrubber;
use super::spans::{Span, Spans};
use super::walk::{Place, Walker};
use super::{credential, runs, scan, widen};

/// How often a text is looked at when matches touch each other; keeps the worst case linear.
const MOST_PASSES: usize = 6;

/// Why a value was not looked at entirely. It must not be forwarded: what was masked until then is not all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Nested deeper than [`Plan::MAX_DEPTH`].
    #[error("the result is nested deeper than {} levels", Plan::MAX_DEPTH)]
    TooDeep,
    /// More text than [`Plan::MAX_BYTES`].
    #[error("the result has more than {} bytes of text", Plan::MAX_BYTES)]
    TooLarge,
    /// More values than [`Plan::MAX_VALUES`].
    #[error("the result has more than {} values", Plan::MAX_VALUES)]
    TooManyValues,
    /// JSON in strings in JSON in strings, beyond [`Plan::MAX_EMBEDDED`].
    #[error("the result has JSON embedded in strings more than {} times over", Plan::MAX_EMBEDDED)]
    EmbeddedTooDeep,
}

/// Key rules, detectors and secrets for one tool, compiled.
pub struct Plan {
    pub(super) shared: Arc<Shared>,
    pub(super) redact: Globs,
    pub(super) reveal: Globs,
    pub(super) patterns: Patterns,
    pub(super) detectors: Kinds,
    /// What tells the plan from all others of the process.
    pub(super) id: memo::Id,
}

/// What all plans of a redactor have in common.
pub(super) struct Shared {
    pub(super) scrubber: Scrubber,
    pub(super) keys: Globs,
    pub(super) patterns: Patterns,
}

impl Plan {
    /// How deep a value may be nested, embedded JSON included.
    pub const MAX_DEPTH: usize = 128;
    /// How many values (members and items at any depth) a value may have.
    pub const MAX_VALUES: usize = 2_000_000;
    /// How many bytes of text (strings and keys) a value may have, embedded JSON counted at each level.
    pub const MAX_BYTES: usize = 64 << 20;
    /// How often JSON may be embedded in a string within embedded JSON.
    pub const MAX_EMBEDDED: usize = 4;

    /// A plan with more rules.
    pub(crate) fn with(&self, more: &More) -> Self {
        let mut plan = Self {
            shared: Arc::clone(&self.shared),
            redact: self.redact.clone(),
            reveal: self.reveal.clone(),
            patterns: self.patterns.clone(),
            detectors: self.detectors.union(more.detect),
            id: memo::Id::next(),
        };
        plan.redact.extend(&more.keys);
        plan.patterns.extend(&more.patterns);
        plan
    }

    /// Redacts a value in place.
    ///
    /// # Errors
    /// If the value is beyond the bounds. It is then partly redacted and must not be forwarded.
    pub fn value(&self, value: &mut Value, counts: &mut Counts) -> Result<(), Blocked> {
        Walker::new(self, counts).item(value, Place::ROOT).map(drop)
    }

    /// Redacts a text; one that is JSON is treated as the value that it spells.
    ///
    /// # Errors
    /// If the text is beyond the bounds.
    pub fn text<'a>(&self, text: &'a str, counts: &mut Counts) -> Result<Cow<'a, str>, Blocked> {
        Walker::new(self, counts).text(text, Place::ROOT)
    }

    /// Widens an output schema (JSON Schema 2020-12, as schemars emits) so that every value that fits the schema still
    /// fits after [`value`](Self::value). Titles, descriptions, defaults and examples stay as they are.
    pub fn widen(&self, schema: &mut Value) {
        widen::widen(self, schema, None);
    }

    /// As [`widen`](Self::widen), where filters mask something before.
    pub(crate) fn widen_with(&self, schema: &mut Value, masked: Option<widen::Masked<'_>>) {
        widen::widen(self, schema, masked);
    }

    /// Redacts a text that is one JSON value of any type, and says if it isn't. What doesn't change stays as it is written.
    ///
    /// # Errors
    /// If the text is beyond the bounds.
    pub fn json<'a>(&self, text: &'a str, counts: &mut Counts) -> Result<Option<Cow<'a, str>>, Blocked> {
        Walker::new(self, counts).json(text, Place::ROOT)
    }

    /// Where in a text is what [`text`](Self::text) would mask, in bytes, in ascending order and without overlaps. What
    /// a key says is masked is a [`Kind::Secret`] here.
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut spans = self.find(text, Told::Nothing).into_vec();
        spans.iter_mut().filter(|span| span.kind == Kind::Key).for_each(|span| span.kind = Kind::Secret);
        spans
    }

    /// What a key says. A tool's own `redact` goes before `reveal`, which goes before the general rules.
    pub(super) fn verdict(&self, key: &str) -> Verdict {
        self.seen(key).verdict
    }

    /// Whether a text, which isn't a key but may say what something else is, names what is masked.
    pub(super) fn names_masked(&self, text: &str) -> bool {
        let letters = keys::letters(text);
        let may = may_be_built_in(letters) || self.redact.may_match(letters) || self.shared.keys.may_match(letters);
        may && self.verdict_of(&Name::new(text)) == Verdict::Mask
    }

    pub(super) fn verdict_of(&self, name: &Name) -> Verdict {
        if self.redact.matches(name) {
            Verdict::Mask
        } else if self.reveal.matches(name) {
            Verdict::Reveal
        } else if built_in(name) || self.shared.keys.matches(name) {
            Verdict::Mask
        } else {
            suspicion(name).map_or(Verdict::Scan, Verdict::Suspect)
        }
    }

    /// What a key says about its value and itself, remembered for as long as the thread lives.
    pub(super) fn seen(&self, key: &str) -> Seen {
        memo::seen(self.id, key, || {
            let name = Name::new(key);
            Seen {
                verdict: self.verdict_of(&name),
                role: Role::of(&name),
                told: Told::by(&name),
                clean: self.is_clean(key),
            }
        })
    }

    /// Whether a key itself holds nothing that is to be masked.
    fn is_clean(&self, key: &str) -> bool {
        self.find(key, Told::Nothing).is_empty()
    }

    /// Removes secrets by value.
    pub(super) fn scrub<'a>(&self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        self.shared.scrubber.scrub(text, counts)
    }

    /// All stages, on a text as it is written.
    pub(super) fn flat<'a>(&self, text: &'a str, bytes: Bytes, told: Told, counts: &mut Counts) -> Cow<'a, str> {
        let spans = self.find_in(text, bytes, told);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.count(counts);
        spans.apply(text)
    }

    /// What all stages find in a text as it is written.
    pub(super) fn find(&self, text: &str, told: Told) -> Spans {
        self.find_in(text, Bytes::of(text), told)
    }

    pub(super) fn find_in(&self, text: &str, bytes: Bytes, told: Told) -> Spans {
        let mut all = self.by_value(text);
        let kinds = self.detectors;
        // `aa-bb-cc-dd-ee-ff` has no mark.
        let bytes = if kinds.has(Kind::Mac) { Bytes::ANY } else { bytes };
        let short = text.len() < credential::SHORTEST;
        if kinds == Kinds::NONE || short && !bytes.may_mark() && !bytes.may_have_space() {
            return all;
        }
        let mut bytes = if all.is_empty() { bytes } else { Bytes::ANY };
        for _ in 0..MOST_PASSES {
            self.by_form(text, bytes, told, &mut all);
            let runs = bytes.may_have_capital() && text.len() >= runs::SHORTEST;
            if !bytes.may_escape() && !runs || all.cover(text) {
                break;
            }
            // What was beside something that is masked now may be hidden no longer, and what it hid may be beside more.
            let view = all.apply(text);
            let hidden = self.hidden(&view, told);
            if hidden.is_empty() {
                break;
            }
            all.absorb(hidden);
            bytes = Bytes::ANY;
        }
        all
    }

    /// Held secrets, and what own patterns match.
    fn by_value(&self, text: &str) -> Spans {
        let mut all = self.shared.scrubber.find(text);
        if !self.shared.patterns.is_empty() || !self.patterns.is_empty() {
            let view = all.apply(text);
            let mut found = Vec::new();
            self.shared.patterns.find(&view, &mut found);
            self.patterns.find(&view, &mut found);
            all.absorb(Spans::union(found));
        }
        all
    }

    /// What has the form of something, beside what was found before. `bytes` are those of the text.
    fn by_form(&self, text: &str, mut bytes: Bytes, told: Told, all: &mut Spans) {
        let kinds = self.detectors;
        let mut view = all.apply(text);
        let mut parts = None;
        // A mask is an edge where there was none before, so what it stands beside may have to be judged anew.
        for _ in 0..MOST_PASSES {
            let mut found = Spans::default();
            credential::find(&view, kinds, &mut found);
            if !found.is_empty() {
                all.absorb(found);
                view = all.apply(text);
                bytes = Bytes::ANY;
                parts = None;
            }
            if !bytes.may_mark() {
                break;
            }
            let mut found = Spans::default();
            let again = scan::find(self, &view, parts.as_deref(), told, &mut found);
            let places = match again {
                Again::Around(places) => Some(found.places_of_masks(&places)),
                Again::Everything => None,
                Again::Nothing => {
                    all.absorb(found);
                    break;
                }
            };
            all.absorb(found);
            view = all.apply(text);
            parts = places.map(|places| lines(&view, &places));
        }
    }

    /// What is found only once escapes are resolved, or in base64 within the text.
    fn hidden(&self, text: &str, told: Told) -> Spans {
        let mut found = Vec::new();
        let first = |text: &str| {
            let mut inner = self.by_value(text);
            self.by_form(text, Bytes::ANY, Told::Nothing, &mut inner);
            inner.as_slice().first().map(|span| span.kind)
        };
        runs::find(text, first, &mut found);
        let (mut at, ascii) = (0, text.is_ascii());
        while let Some(escape) = escaped::first(text, at, ascii) {
            // No escape is written over the end of a line.
            let start = memchr::memrchr(b'\n', &text.as_bytes()[..escape]).map_or(0, |i| i + 1);
            at = memchr::memchr(b'\n', &text.as_bytes()[escape..]).map_or(text.len(), |i| escape + i);
            if let Some(unescaped) = Unescaped::of(&text[start..at]) {
                let mut inner = self.by_value(&unescaped.text);
                self.by_form(&unescaped.text, Bytes::ANY, told, &mut inner);
                let origins = inner.into_vec().into_iter().map(|span| unescaped.origin(span));
                found.extend(origins.map(|it| Span { start: start + it.start, end: start + it.end, ..it }));
            }
        }
        Spans::union(found)
    }
}

/// The lines of a text that some positions in ascending order are in: nothing but a value of many lines, which is found
/// before, goes on from one line to the next.
fn lines(text: &str, places: &[usize]) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut lines: Vec<Range<usize>> = Vec::new();
    for &place in places {
        if lines.last().is_some_and(|line| place < line.end) {
            continue;
        }
        let start = memchr::memrchr(b'\n', &bytes[..place]).map_or(0, |i| i + 1);
        let end = memchr::memchr(b'\n', &bytes[place..]).map_or(bytes.len(), |i| place + i);
        lines.push(start..end.max(place + 1));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Redactor, ToolRules};

    fn plan() -> Plan {
        let rules = ToolRules { patterns: &["EMP-[0-9]+"], ..ToolRules::default() };
        match Redactor::builder().build().and_then(|redactor| redactor.plan_with(&rules)) {
            Ok(plan) => plan,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn one_json_value() {
        let json = |text: &str| plan().json(text, &mut Counts::default()).map(|done| done.map(Cow::into_owned));
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(json(" {\"a\":1e3,\"password\":2} "), some(" {\"a\":1e3,\"password\":\"«redacted:key»\"} "));
        assert_eq!(json("\"a@b.com\""), some("\"«redacted:email»\""));
        assert_eq!(json("4111111111111111"), some("\"«redacted:card»\""));
        assert_eq!(json("1.50"), some("1.50"));
        assert_eq!(json("null"), some("null"));
        assert_eq!(json("{\"a\":1"), Ok(None));
        assert_eq!(json(""), Ok(None));
        assert_eq!(json(&"[".repeat(200)), Err(Blocked::TooDeep));
    }

    #[test]
    fn more_rules_take_nothing_back() {
        let redactor = Redactor::builder().build().map_err(|error| error.to_string());
        let rules = ToolRules { reveal: &["note"], detect: &[Kind::Mac], ..ToolRules::default() };
        let Some(plan) = redactor.ok().and_then(|redactor| redactor.plan_with(&rules).ok()) else { panic!("builds") };
        let mut more = More::default();
        assert!(more.is_empty());
        assert!(more.key("note").is_ok() && more.key("*").is_err());
        assert!(more.pattern("EMP-[0-9]+").is_ok() && more.pattern("x*").is_err());
        more.detect(Kind::Ip);
        assert!(!more.is_empty());
        let text = r#"{"note":"x","at":"10.1.2.3 00:1b:44:11:3a:b7 EMP-7"}"#;
        let redacted = |plan: &Plan| plan.text(text, &mut Counts::default()).map(Cow::into_owned);
        assert_eq!(redacted(&plan), Ok(r#"{"note":"x","at":"10.1.2.3 «redacted:mac» EMP-7"}"#.to_owned()));
        assert_eq!(
            redacted(&plan.with(&more)),
            Ok(r#"{"note":"«redacted:key»","at":"«redacted:ip» «redacted:mac» «redacted:pattern»"}"#.to_owned())
        );
    }

    #[test]
    fn spans_of_every_sort() {
        let text = "EMP-7 mails a@b.com, password=x";
        let kinds: Vec<_> =
            plan().spans(text).iter().map(|span| (span.kind.name(), &text[span.start..span.end])).collect();
        assert_eq!(kinds, [("pattern", "EMP-7"), ("email", "a@b.com"), ("secret", "x")]);
        assert_eq!(plan().spans("nothing"), []);
    }
}
