//! Credentials known by their form, found from what they begin with: private keys, JWTs, headers, tokens of clouds,
//! forges and services.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};
use base64::Engine as _;

use super::kind::{Kind, Kinds};
use super::spans::{Span, Spans};
use super::tokens::{Body, FORMS, Form};

/// Shorter texts hold none but those of headers, and are too short for the vectorized search.
pub(super) const SHORTEST: usize = 20;

/// Finds where a prefix may be.
struct Anchors {
    /// The vectorized search for prefixes without a mark, where the machine has one.
    packed: Option<Searcher>,
    /// The other one. It is built from constants, so that it can't fail at run time once it has been built in the tests.
    automaton: Option<AhoCorasick>,
    /// What is searched for.
    unmarked: Vec<&'static Form>,
    /// The others by the mark and the two bytes before it, and where in their prefix the mark is.
    marked: Vec<(u32, &'static Form, usize)>,
    /// Which keys `marked` has; a bit for each.
    keys: Vec<u64>,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let unmarked: Vec<&Form> = FORMS.iter().filter(|form| form.mark().is_none()).collect();
    let prefixes = || unmarked.iter().map(|form| form.prefix);
    let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(prefixes()).build();
    let automaton = if packed.is_some() { None } else { AhoCorasick::new(prefixes()).ok() };
    let mut marked = Vec::new();
    for form in &FORMS {
        let (bytes, Some(mark)) = (form.prefix.as_bytes(), form.mark()) else { continue };
        // What stands before a prefix with one letter isn't part of it, but no letter.
        let firsts =
            (0..=u8::MAX).filter(|b| if mark > 1 { *b == bytes[mark - 2] } else { !b.is_ascii_alphanumeric() });
        marked.extend(firsts.map(|first| (key(first, bytes[mark - 1], bytes[mark]), form, mark)));
    }
    marked.sort_by_key(|(key, ..)| *key);
    let mut keys = vec![0; KEYS / 64];
    marked.iter().for_each(|(key, ..)| keys[*key as usize / 64] |= 1_u64 << (key % 64));
    Anchors { packed, automaton, unmarked, marked, keys }
});

/// How many keys there are.
const KEYS: usize = 4 << 16;

/// A mark and the two bytes before it.
fn key(first: u8, second: u8, mark: u8) -> u32 {
    let mark = u32::from(mark == b'-') | u32::from(mark == b'_') << 1;
    mark << 16 | u32::from(first) << 8 | u32::from(second)
}

/// Finds credentials by their form.
pub(super) fn find(text: &str, kinds: Kinds, spans: &mut Spans) {
    let mut walk = Walk { text, kinds, found: Vec::new(), done: 0, dot: 0, run: Run::default() };
    if text.len() < SHORTEST {
        walk.header();
    } else {
        walk.unmarked(&ANCHORS);
        walk.marked(&ANCHORS);
    }
    if !walk.found.is_empty() {
        *spans = Spans::union(walk.found);
    }
}

struct Walk<'t> {
    text: &'t str,
    kinds: Kinds,
    found: Vec<Span>,
    /// The end of the last credential.
    done: usize,
    /// The position after the last dot: no header of a JWT reaches back over it.
    dot: usize,
    run: Run,
}

impl Walk<'_> {
    fn unmarked(&mut self, anchors: &Anchors) {
        if let Some(packed) = &anchors.packed {
            packed.find_iter(self.text).for_each(|it| self.form(anchors.unmarked[it.pattern().as_usize()], it.start()));
        } else if let Some(automaton) = &anchors.automaton {
            automaton
                .find_iter(self.text)
                .for_each(|it| self.form(anchors.unmarked[it.pattern().as_usize()], it.start()));
        }
        self.done = 0;
        self.run = Run::default();
    }

    fn marked(&mut self, anchors: &Anchors) {
        let bytes = self.text.as_bytes();
        for at in memchr::memchr3_iter(b'_', b'-', b'.', bytes) {
            let before = |n: usize| at.checked_sub(n).map_or(b' ', |i| bytes[i]);
            let key = key(before(2), before(1), bytes[at]);
            if anchors.keys[key as usize / 64] & 1_u64 << (key % 64) != 0 {
                let from = anchors.marked.partition_point(|(other, ..)| *other < key);
                for (_, form, mark) in anchors.marked[from..].iter().take_while(|(other, ..)| *other == key) {
                    let start = at.checked_sub(*mark).filter(|i| bytes[*i..].starts_with(form.prefix.as_bytes()));
                    if let Some(start) = start {
                        self.form(form, start);
                    }
                }
            }
            if bytes[at] == b'.' && at >= self.done {
                self.jwt(at);
            }
        }
    }

    /// A JWT whose header may end at a dot.
    fn jwt(&mut self, dot: usize) {
        const HEADER: &[u8] = b"eyJ";
        let bytes = self.text.as_bytes();
        let run = bytes[self.dot..dot].iter().rev().take_while(|b| is_token(**b)).count();
        self.dot = dot + 1;
        let start = dot - run;
        if bytes[start..].starts_with(HEADER)
            && run >= 10
            && self.kinds.has(Kind::Jwt)
            && let Some(end) = jwt(bytes, dot)
        {
            self.found.push(Span { kind: Kind::Jwt, start, end });
            self.done = end;
        }
    }

    /// A short text that ends with a scheme and its token: `Basic dTpw`.
    fn header(&mut self) {
        let bytes = self.text.as_bytes();
        for space in memchr::memchr_iter(b' ', bytes) {
            if space >= SCHEME_ENDS && matches!(bytes[space - 1] | 0x20, b'r' | b'c') {
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

    fn form(&mut self, form: &Form, start: usize) {
        if start < self.done || !self.kinds.has(form.kind) {
            return;
        }
        if let Some((start, end)) = form.extent(self.text, start, &mut self.run) {
            self.found.push(Span { kind: form.kind, start, end });
            self.done = end;
        }
    }
}

/// Where a space behind the shortest scheme may stand.
const SCHEME_ENDS: usize = "Basic".len();

impl Form {
    /// From where to where the credential reaches whose prefix is at `start`.
    fn extent(&self, text: &str, start: usize, run: &mut Run) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let body = start + self.prefix.len();
        if let Body::Pem = self.body {
            return pem(text, start.checked_sub(DASHES.len())?);
        }
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
                (end - body >= length && (end - body == length || bytes[body + length] == b'-') && hex())
                    .then_some(end)?
            }
            Body::Dotted(least) => {
                let more = |b: &u8| is_token(*b) || b"./+=".contains(b);
                let length = bytes[body..].iter().take(LONGEST).take_while(|b| more(b)).count();
                let length = bytes[body..body + length].trim_ascii_end_matches(b'.');
                (length >= least).then_some(body + length)?
            }
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

/// Where a JWT ends whose header ends at a dot: after three parts in base64url (RFC 7519), of which the last may be empty,
/// or the five of an encrypted one (RFC 7516).
fn jwt(bytes: &[u8], header: usize) -> Option<usize> {
    let payload = header + 1;
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
    (end - header > 4).then_some(end)
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
    let length = bytes[body..].iter().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric() || b"+/".contains(b));
    let length = length.count();
    let padding = bytes[body + length..].iter().take(2).take_while(|b| **b == b'=').count();
    let decoded = LENIENT.decode(&bytes[body..body + length]).ok()?;
    let text = decoded.contains(&b':') && std::str::from_utf8(&decoded).is_ok_and(|it| !it.contains(char::is_control));
    (length >= 4 && text).then_some((body, body + length + padding))
}

const DASHES: &str = "-----";

/// A PEM block up to its end, or to the end of the text if it was cut off.
fn pem(text: &str, start: usize) -> Option<(usize, usize)> {
    /// RFC 7468 labels are a few words.
    const LONGEST_LABEL: usize = 64;
    let rest = text.get(start..).filter(|rest| rest.starts_with(DASHES))?;
    let label = |text: &[u8]| text.iter().take(LONGEST_LABEL).take_while(|&&b| b.is_ascii() && b != b'-').count();
    let after = rest.as_bytes().get("-----BEGIN ".len()..)?;
    let before_dashes = after.iter().take(LONGEST_LABEL).take_while(|&&b| b != b'-').count();
    memchr::memmem::find(&after[..before_dashes], b"PRIVATE KEY")?;
    let footer = memchr::memmem::find(rest.as_bytes(), b"-----END ");
    let end = footer.map_or(text.len(), |i| {
        let after = start + i + "-----END ".len();
        let label = label(&text.as_bytes()[after..]);
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
    fn a_key_whose_end_is_no_label_ends_where_the_text_does_not() {
        let text = format!("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE x{} KEY-----", "é".repeat(40));
        assert_eq!(masked(&text), format!("«pem»{} KEY-----", "é".repeat(40)));
    }

    #[test]
    fn forms() {
        assert!(ANCHORS.packed.is_some() || ANCHORS.automaton.is_some());
        let hex = "0123456789abcdef".repeat(4);
        for (text, kind) in [
            ("-----BEGIN RSA PRIVATE KEY-----", "pem"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "pem"),
            (&format!("-----BEGIN {} PRIVATE KEY-----\nMIIE\n-----END RSA", "é".repeat(20)), "pem"),
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
            "Basic Options and more",
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
