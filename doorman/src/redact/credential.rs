//! Credentials known by their form, found from what they begin with: private keys, JWTs, headers, tokens of clouds,
//! forges and services.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::AhoCorasick;
use base64::Engine as _;

use super::kind::{Kind, Kinds};
use super::spans::Spans;
use super::tokens::{Body, FORMS, Form};

/// Shorter texts hold none but those of headers, and are too short for the vectorized search.
pub(super) const SHORTEST: usize = 20;

/// Finds where a prefix may be.
struct Anchors {
    /// The vectorized search, where the machine has one.
    packed: Option<Searcher>,
    /// The other one. It is built from constants, so that it can't fail at run time once it has been built in the tests.
    automaton: Option<AhoCorasick>,
    /// Which forms have each anchor, and where in their prefix.
    forms: Vec<Vec<(&'static Form, usize)>>,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let mut by_anchor = BTreeMap::<_, Vec<_>>::new();
    for form in &FORMS {
        by_anchor.entry(form.anchor).or_default().push((form, form.prefix.find(form.anchor).unwrap_or_default()));
    }
    let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(by_anchor.keys()).build();
    let automaton = if packed.is_some() { None } else { AhoCorasick::new(by_anchor.keys()).ok() };
    Anchors { packed, automaton, forms: by_anchor.into_values().collect() }
});

/// Finds credentials by their form.
pub(super) fn find(text: &str, kinds: Kinds, spans: &mut Spans) {
    let mut walk = Walk { text, kinds, spans, done: 0, run: Run::default() };
    if text.len() < SHORTEST {
        return walk.header();
    }
    // Vault's short tokens are marked by what stands before them, which at the text's beginning is nothing.
    if matches!(text.as_bytes(), [b's' | b'b' | b'r', b'.', ..]) {
        let form = Form { prefix: "s.", anchor: "", body: Body::Mixed(24), kind: Kind::Secret };
        walk.form(&form, 0);
    }
    match &*ANCHORS {
        Anchors { packed: Some(packed), forms, .. } => {
            packed.find_iter(text).for_each(|found| walk.anchor(&forms[found.pattern().as_usize()], found.start()));
        }
        Anchors { automaton: Some(automaton), forms, .. } => {
            automaton.find_iter(text).for_each(|found| walk.anchor(&forms[found.pattern().as_usize()], found.start()));
        }
        _ => {}
    }
}

/// Where a space behind the shortest scheme may stand.
const SCHEME_ENDS: usize = "Basic".len();

struct Walk<'t, 's> {
    text: &'t str,
    kinds: Kinds,
    spans: &'s mut Spans,
    /// The end of the last credential.
    done: usize,
    run: Run,
}

impl Walk<'_, '_> {
    /// A short text that ends with a scheme and its token: `Basic dTpw`.
    fn header(&mut self) {
        let bytes = self.text.as_bytes();
        for space in SCHEME_ENDS..bytes.len() {
            if bytes[space] == b' ' && matches!(bytes[space - 1] | 0x20, b'r' | b'c') {
                self.scheme(space + 1);
            }
        }
    }

    fn scheme(&mut self, end: usize) {
        for form in FORMS.iter().filter(|form| matches!(form.body, Body::Bearer | Body::Basic)) {
            if self.text.as_bytes()[..end].ends_with(form.prefix.as_bytes()) {
                self.form(form, end - form.prefix.len());
            }
        }
    }

    fn anchor(&mut self, forms: &[(&Form, usize)], at: usize) {
        for (form, offset) in forms {
            let start = at.checked_sub(*offset).filter(|&start| start >= self.done);
            if let Some(start) = start.filter(|&i| self.text.as_bytes()[i..].starts_with(form.prefix.as_bytes())) {
                self.form(form, start);
            }
        }
    }

    fn form(&mut self, form: &Form, start: usize) {
        if !self.kinds.has(form.kind) {
            return;
        }
        if let Some((start, end)) = form.extent(self.text, start, &mut self.run) {
            self.spans.push(start, end, form.kind);
            self.done = end;
        }
    }
}

impl Form {
    /// From where to where the credential reaches whose prefix is at `start`.
    fn extent(&self, text: &str, start: usize, run: &mut Run) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let body = start + self.prefix.len();
        if let Body::Pem = self.body {
            return pem(text, start);
        }
        // What stands before the short tokens of Vault is part of their prefix.
        let start = start + usize::from(matches!(bytes[start], b' ' | b'"' | b'='));
        if start > 0 && bytes[start].is_ascii_alphanumeric() && bytes[start - 1].is_ascii_alphanumeric() {
            return None;
        }
        let end = match self.body {
            Body::Token(least) => {
                let run = run.reach(bytes, body);
                (run.end - body >= least && !run.is_prose_from(body)).then_some(run.end)?
            }
            Body::Mixed(least) => {
                let end = run.reach(bytes, body).end;
                let (mut digits, mut letters) = (false, false);
                for b in &bytes[body..end] {
                    digits |= b.is_ascii_digit();
                    letters |= b.is_ascii_alphabetic();
                }
                let plain = bytes[body..end].iter().all(u8::is_ascii_alphanumeric);
                (end - body >= least && digits && letters && plain).then_some(end)?
            }
            Body::Upper(length) => {
                let end = run.reach(bytes, body).end;
                let upper = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
                (end - body == length && bytes[body..end].iter().all(upper)).then_some(end)?
            }
            Body::Hex(length) => {
                let end = run.reach(bytes, body).end;
                let hex = || bytes[body..body + length].iter().all(u8::is_ascii_hexdigit);
                (end - body >= length && (end - body == length || bytes[body + length] == b'-') && hex()).then_some(end)?
            }
            Body::Dotted(least) => {
                let more = |b: &u8| is_token(*b) || b"./+=".contains(b);
                let length = bytes[body..].iter().take(LONGEST).take_while(|b| more(b)).count();
                let length = bytes[body..body + length].trim_ascii_end_matches(b'.');
                (length >= least).then_some(body + length)?
            }
            Body::Jwt => return jwt(bytes, start, run),
            Body::Bearer | Body::Pem => {
                let body = body + bytes[body..].iter().take(8).take_while(|b| **b == b' ').count();
                let token = bytes[body..].iter().take_while(|b| is_token(**b) || b"./+=~".contains(b)).count();
                let token = bytes[body..body + token].trim_ascii_end_matches(b'.');
                // `Bearer authentication` is prose.
                let mixed = bytes[body..body + token].iter().any(|b| !b.is_ascii_lowercase() && *b != b'-');
                return (token >= 8 && mixed).then_some((body, body + token));
            }
            Body::Basic => return basic(bytes, body),
        };
        Some((start, end))
    }
}

/// No token that may have dots in it is longer.
const LONGEST: usize = 4096;

trait TrimEnd {
    fn trim_ascii_end_matches(&self, b: u8) -> usize;
}

impl TrimEnd for [u8] {
    /// The length without so many of a byte as stand at the end: the stop of a sentence is no part of a token.
    fn trim_ascii_end_matches(&self, b: u8) -> usize {
        self.len() - self.iter().rev().take_while(|&&last| last == b).count()
    }
}

/// The run of token characters that was walked last: prefixes within it don't walk it again, so that all of them together
/// take linear time.
#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
    /// The end of the last character that isn't a small letter, `-` or `_`.
    mixed: usize,
    /// The end of the last hyphen.
    hyphen: usize,
}

impl Run {
    /// The run that `at` is in.
    fn reach(&mut self, bytes: &[u8], at: usize) -> &Self {
        if !(self.start..self.end).contains(&at) {
            let run = &bytes[at..at + tokens(&bytes[at..])];
            let after = |found: Option<usize>| found.map_or(at, |i| at + i + 1);
            *self = Self {
                start: at,
                end: at + run.len(),
                mixed: after(run.iter().rposition(|&b| !b.is_ascii_lowercase() && !matches!(b, b'-' | b'_'))),
                hyphen: after(memchr::memrchr(b'-', run)),
            };
        }
        self
    }

    /// Prose with hyphens may begin with `sk-` too, but has neither digits nor capitals.
    fn is_prose_from(&self, at: usize) -> bool {
        self.mixed <= at && self.hyphen > at
    }
}

/// How many token characters a text begins with.
fn tokens(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| is_token(**b)).count()
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// Three parts in base64url (RFC 7519), of which the last may be empty, or the five of an encrypted one (RFC 7516).
fn jwt(bytes: &[u8], start: usize, run: &mut Run) -> Option<(usize, usize)> {
    let header = run.reach(bytes, start + 3).end;
    // What follows is walked anew, but only by the few headers that are too near, and by the one that is found.
    let payload = (header - start >= 10 && bytes.get(header) == Some(&b'.')).then_some(header + 1)?;
    let mut end = payload + tokens(&bytes[payload..]);
    if end - header <= 4 && bytes.get(end) != Some(&b'.') {
        return None;
    }
    for _ in 0..3 {
        let more = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(|b| is_token(*b) || *b == b'.');
        if !more {
            break;
        }
        end += 1 + tokens(&bytes[end + 1..]);
    }
    Some((start, end))
}

/// Base64 that spells `user:password`: `basic information` is prose.
fn basic(bytes: &[u8], body: usize) -> Option<(usize, usize)> {
    /// Longer credentials don't occur.
    const LONGEST: usize = 1024;
    const LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let length = bytes[body..].iter().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
    let length = length.count();
    let decoded = LENIENT.decode(&bytes[body..body + length]).ok()?;
    (length >= 4 && decoded.contains(&b':')).then_some((body, body + length))
}

/// A PEM block up to its end, or to the end of the text if it was cut off.
fn pem(text: &str, start: usize) -> Option<(usize, usize)> {
    /// RFC 7468 labels are a few words.
    const LONGEST_LABEL: usize = 64;
    let rest = &text[start..];
    let label = rest.as_bytes()["-----BEGIN ".len()..].iter().take(LONGEST_LABEL).take_while(|&&b| b != b'-').count();
    let label = rest.get("-----BEGIN ".len()..)?.get(..label)?;
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    let footer = memchr::memmem::find(rest.as_bytes(), b"-----END ");
    let end = footer.map_or(text.len(), |i| {
        let after = start + i + "-----END ".len();
        let label = text.as_bytes()[after..].iter().take(LONGEST_LABEL).take_while(|&&b| b != b'-').count();
        after + label + text.as_bytes()[after + label..].iter().take(5).take_while(|&&b| b == b'-').count()
    });
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut spans = Spans::default();
        find(text, Kinds::DEFAULT, &mut spans);
        spans.apply(text).replace("redacted:", "")
    }

    #[test]
    fn forms() {
        assert!(ANCHORS.packed.is_some() || ANCHORS.automaton.is_some());
        assert!(ANCHORS.forms.len() <= 64, "more than the vectorized search takes: {}", ANCHORS.forms.len());
        let hex = "0123456789abcdef".repeat(4);
        for (text, kind) in [
            ("-----BEGIN RSA PRIVATE KEY-----", "pem"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "pem"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123", "jwt"),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0", "jwt"),
            ("eyJhbGciOiJkaXIifQ..aXY0NTY3ODkw.Y2lwaGVy.dGFn", "jwt"),
            ("AKIAIOSFODNN7EXAMPLE", "secret"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "secret"),
            ("sk-proj-0123456789abcdefghij", "secret"),
            ("sk-ant-api03-0123456789abcdefghij", "secret"),
            ("glpat-0123456789abcdefghij", "secret"),
            ("s.abcdef0123456789ABCDEF01", "secret"),
            ("hvb.abcdef0123456789ABCDEF01", "secret"),
            ("sk-abcdefghijklmnopqrstuvwx", "secret"),
            ("npm_0123456789abcdefghijABCDEFGHIJ012345", "secret"),
            ("SG.0123456789abcdefghij01.0123456789abcdefghij0123456789abcdefghij012", "secret"),
            (&format!("dop_v1_{hex}"), "secret"),
        ] {
            assert_eq!(masked(text), format!("«{kind}»"));
            let within = masked(&format!("x {text} y"));
            assert!(within.starts_with(&format!("x «{kind}»")), "{within}");
        }
        assert_eq!(masked("use Bearer abcDEF123. Or"), "use Bearer «bearer». Or");
        assert_eq!(masked("use basic dXNlcjpwYXNz, or"), "use basic «basic», or");
        assert_eq!(masked("Basic dXNlcjpwYXNz"), "Basic «basic»");
        assert_eq!(masked("token=s.abcdef0123456789ABCDEF01"), "token=«secret»");
    }

    #[test]
    fn prose_and_public_things() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "the eyJ prefix and the rest",
            "Bearer authentication",
            "the bearer certificates-and-more",
            "basic information about it",
            "Basic authentication",
            "sk-learn-is-a-library-for-machines",
            "AKIA and more of it",
            "s.getElementsByClassNameAndMore(",
            "its. 0123456789abcdef01234567",
            "b.012345678901234567890123",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
