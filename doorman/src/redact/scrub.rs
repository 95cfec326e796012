//! Credentials that the process holds, removed by value in every encoding that they are likely to leave in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::kind::{Counts, Kind};
use super::spans::{Span, Spans};
use crate::credentials::Secret;

/// Secrets from this length on (bytes) are found anywhere and in every encoding.
const ANYWHERE: usize = 8;

/// Secrets from this length on are found raw and as whole words. Shorter ones are not looked for: they would destroy
/// every text, and nobody who sees the result learns less from it.
const WHOLE_WORD: usize = 4;

/// Finds held secrets. The automata hold their text for as long as the process serves.
#[derive(Default)]
pub(super) struct Scrubber {
    long: Option<AhoCorasick>,
    heads: Option<Heads>,
    short: Option<AhoCorasick>,
    /// Texts below this length hold nothing.
    shortest: usize,
    numeric: bool,
    time: bool,
    uuid: bool,
}

impl Scrubber {
    pub(super) fn new(secrets: &[Secret]) -> Result<Self, BuildError> {
        let (mut long, mut short) = (BTreeSet::new(), BTreeSet::new());
        for secret in secrets {
            for text in [secret.expose(), secret.expose().trim()] {
                match text.len() {
                    _ if Kind::in_some_mask(text) => {}
                    ANYWHERE.. => encodings(text, &mut long),
                    WHOLE_WORD..ANYWHERE => {
                        short.insert(text.to_owned());
                    }
                    _ => {}
                }
            }
        }
        let whole: BTreeSet<String> = long.iter().filter(|text| text.len() <= HEAD).cloned().collect();
        let number = |text: &String| text.bytes().all(|b| b.is_ascii_digit() || b".-+eE".contains(&b));
        let time = |text: &String| text.bytes().all(|b| b.is_ascii_digit() || b"TtZzPYMWDHS:+-., ".contains(&b));
        // The parts of a UUID are of at most twelve digits.
        let uuid =
            |text: &String| text.split('-').all(|part| part.len() <= 12 && part.bytes().all(|b| b.is_ascii_hexdigit()));
        Ok(Self {
            shortest: long.iter().chain(&short).map(String::len).min().unwrap_or(usize::MAX),
            numeric: long.iter().chain(&short).any(number),
            time: long.iter().chain(&short).any(time),
            uuid: long.iter().chain(&short).any(uuid),
            long: automaton(&whole, MatchKind::LeftmostLongest)?,
            heads: Heads::of(long)?,
            short: automaton(&short, MatchKind::Standard)?,
        })
    }

    /// Whether no secret is looked for.
    pub(super) fn is_empty(&self) -> bool {
        self.long.is_none() && self.heads.is_none() && self.short.is_none()
    }

    /// Whether some secret may occur as a JSON number.
    pub(super) fn is_numeric(&self) -> bool {
        self.numeric
    }

    /// Whether some secret may occur in a date or time.
    pub(super) fn may_be_time(&self) -> bool {
        self.time
    }

    /// Whether some secret may occur in a UUID.
    pub(super) fn may_be_uuid(&self) -> bool {
        self.uuid
    }

    pub(super) fn scrub<'a>(&self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        let found = self.find(text);
        found.count(counts);
        found.apply(text)
    }

    /// Where held secrets are.
    #[inline]
    pub(super) fn find(&self, text: &str) -> Spans {
        if text.len() < self.shortest { Spans::default() } else { self.search(text) }
    }

    fn search(&self, text: &str) -> Spans {
        let mut found = Vec::new();
        if let Some(long) = &self.long {
            found.extend(long.find_iter(text).map(|found| secret(found.start(), found.end())));
        }
        if let Some(heads) = &self.heads {
            heads.find(text, &mut found);
        }
        self.find_words(text, &mut found);
        Spans::union(found)
    }

    fn find_words(&self, text: &str, into: &mut Vec<Span>) {
        let Some(short) = &self.short else { return };
        let bytes = text.as_bytes();
        let word = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric);
        for found in short.find_overlapping_iter(text) {
            if !word(found.start().checked_sub(1)) && !word(Some(found.end())) {
                into.push(secret(found.start(), found.end()));
            }
        }
    }
}

fn secret(start: usize, end: usize) -> Span {
    Span { kind: Kind::Secret, start, end }
}

/// How much of a long secret (bytes) is searched for; the rest is compared where that is found. An automaton of whole keys
/// and certificates would take a kilobyte of memory for each of their bytes, in each encoding.
const HEAD: usize = 64;

/// Secrets longer than [`HEAD`], by their beginnings.
struct Heads {
    automaton: AhoCorasick,
    /// What each beginning may go on with, the longest first.
    rests: Vec<Vec<Box<[u8]>>>,
}

impl Heads {
    fn of(secrets: BTreeSet<String>) -> Result<Option<Self>, BuildError> {
        let mut by_head: BTreeMap<Vec<u8>, Vec<Box<[u8]>>> = BTreeMap::new();
        for secret in secrets.into_iter().map(String::into_bytes).filter(|secret| secret.len() > HEAD) {
            let (head, rest) = secret.split_at(HEAD);
            by_head.entry(head.to_vec()).or_default().push(rest.into());
        }
        if by_head.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder().build(by_head.keys())?;
        let mut rests: Vec<_> = by_head.into_values().collect();
        rests.iter_mut().for_each(|rests| rests.sort_by_key(|rest| std::cmp::Reverse(rest.len())));
        Ok(Some(Self { automaton, rests }))
    }

    fn find(&self, text: &str, into: &mut Vec<Span>) {
        let mut done = 0;
        for found in self.automaton.find_overlapping_iter(text) {
            if found.start() < done {
                continue;
            }
            let after = &text.as_bytes()[found.end()..];
            if let Some(rest) = self.rests[found.pattern().as_usize()].iter().find(|rest| after.starts_with(rest)) {
                done = found.end() + rest.len();
                into.push(secret(found.start(), done));
            }
        }
    }
}

fn automaton(patterns: &BTreeSet<String>, kind: MatchKind) -> Result<Option<AhoCorasick>, BuildError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder().match_kind(kind).build(patterns).map(Some)
}

/// Every way of writing a secret that is looked for.
fn encodings(secret: &str, into: &mut BTreeSet<String>) {
    let bytes = secret.as_bytes();
    into.insert(secret.to_owned());
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        into.insert(engine.encode(bytes));
    }
    for offset in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            into.insert(base64_within(bytes, offset, engine));
        }
    }
    let hex = bytes.iter().fold(String::new(), |mut hex, b| {
        let _ = write!(hex, "{b:02x}");
        hex
    });
    // Every byte percent-encoded, also those that need not be.
    let escaped: String = hex.as_bytes().chunks(2).flat_map(|b| [b'%', b[0], b[1]]).map(char::from).collect();
    into.insert(escaped.to_ascii_uppercase());
    into.insert(escaped);
    into.insert(hex.to_ascii_uppercase());
    into.insert(hex);
    // What each encoder leaves as it is: RFC 3986, encodeURIComponent, encodeURI, forms.
    for (plain, space) in [("-._~", "%20"), ("-_.!~*'()", "%20"), ("-_.!~*'();/?:@&=+$,#", "%20"), ("*-._", "+")] {
        for lower in [false, true] {
            into.insert(percent(bytes, plain, space, lower));
        }
    }
    for ascii in [false, true] {
        for html in [false, true] {
            let once = json(secret, ascii, html);
            into.insert(once.replace('/', "\\/"));
            into.insert(json(&once, ascii, html));
            into.insert(once);
        }
    }
    into.insert(secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
}

/// The characters of base64 that depend on the secret alone when `offset` (modulo 3) bytes stand before it.
fn base64_within(secret: &[u8], offset: usize, engine: &base64::engine::GeneralPurpose) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(secret);
    let encoded = engine.encode(&padded);
    // Each character carries six bits: the first ones are shared with what stands before, the last with what follows.
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded[first..last].to_owned()
}

fn percent(bytes: &[u8], plain: &str, space: &str, lower: bool) -> String {
    let mut out = String::new();
    for &b in bytes {
        // Writing to a `String` can't fail.
        let _ = match b {
            b' ' => out.write_str(space),
            _ if b.is_ascii_alphanumeric() || plain.as_bytes().contains(&b) => out.write_char(char::from(b)),
            _ if lower => write!(out, "%{b:02x}"),
            _ => write!(out, "%{b:02X}"),
        };
    }
    out
}

/// The inside of a JSON string; with everything beyond ASCII escaped, and with HTML's characters escaped, if so asked.
fn json(text: &str, ascii: bool, html: bool) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut out = String::new();
    for c in quoted[1..quoted.len() - 1].chars() {
        if html && matches!(c, '<' | '>' | '&' | '\'') || ascii && !c.is_ascii() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(secret: &str, text: &str) -> String {
        let scrubber = Scrubber::new(&[Secret::new(secret)]).map_err(|e| e.to_string());
        scrubber.map(|s| s.scrub(text, &mut Counts::default()).into_owned()).unwrap_or_default()
    }

    const SECRET: &str = "p/ä<s>&\"w 1+x?";

    #[test]
    fn every_encoding() {
        let q = serde_json::to_string(SECRET).unwrap_or_default();
        for text in [
            SECRET.to_owned(),
            STANDARD.encode(SECRET),
            URL_SAFE_NO_PAD.encode(SECRET),
            "p%2F%C3%A4%3Cs%3E%26%22w%201%2Bx%3F".to_owned(),
            "p%2f%c3%a4%3cs%3e%26%22w+1%2bx%3f".to_owned(),
            "%70%2f%c3%a4%3c%73%3e%26%22%77%20%31%2b%78%3f".to_owned(),
            "%70%2F%C3%A4%3C%73%3E%26%22%77%20%31%2B%78%3F".to_owned(),
            q[1..q.len() - 1].to_owned(),
            r#"p\/\u00e4\u003cs\u003e\u0026\"w 1+x?"#.to_owned(),
            "702fc3a43c733e262277".to_owned() + "20312b783f",
        ] {
            assert_eq!(scrub(SECRET, &format!("[{text}]")), "[«redacted:secret»]", "{text}");
        }
    }

    #[test]
    fn within_a_base64_text_at_every_offset() {
        for before in 0..6 {
            for after in 0..4 {
                let text = format!("{}hunter2hunter2{}", "x".repeat(before), "y".repeat(after));
                for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
                    assert!(scrub("hunter2hunter2", &engine.encode(&text)).contains("«redacted:secret»"), "{text}");
                }
            }
        }
    }

    #[test]
    fn short_secrets() {
        assert_eq!(scrub("hunter2", "pw hunter2, xhunter2"), "pw «redacted:secret», xhunter2");
        assert_eq!(scrub("abc", "abc"), "abc");
        assert_eq!(scrub("", "abc"), "abc");
        assert_eq!(scrub("redacted", "redacted"), "redacted");
    }

    #[test]
    fn the_longest_of_several() {
        let scrubber = Scrubber::new(&[Secret::new("12345678"), Secret::new("1234567890")]).map_err(|e| e.to_string());
        let Ok(scrubber) = scrubber else { panic!("builds") };
        assert!(scrubber.is_numeric());
        assert_eq!(
            scrubber.scrub("a1234567890b12345678", &mut Counts::default()),
            "a«redacted:secret»b«redacted:secret»"
        );
    }
}
