//! Credentials known by their form: private keys, JWTs, tokens of forges and clouds, passwords in URLs.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::kind::{Counts, Kind};
use super::spans::Spans;

/// What a credential begins with, and what must follow.
struct Form {
    prefix: &'static str,
    body: Body,
}

enum Body {
    /// At least so many of `A–Z a–z 0–9 _ -`.
    Token(usize),
    /// At least so many letters and digits, some of each.
    Mixed(usize),
    /// Exactly so many of `A–Z 0–9`.
    Upper(usize),
    /// Two more base64url parts behind dots.
    Jwt,
    /// A PEM block whose label names a private key.
    Pem,
    /// `user:password@` of a URL: the password is masked.
    UserInfo,
    /// One token after the scheme of an `Authorization` header.
    Scheme,
}

const fn form(prefix: &'static str, body: Body) -> Form {
    Form { prefix, body }
}

static FORMS: [Form; 35] = [
    form("-----BEGIN ", Body::Pem),
    form("eyJ", Body::Jwt),
    form("://", Body::UserInfo),
    form("Bearer ", Body::Scheme),
    form("bearer ", Body::Scheme),
    form("Basic ", Body::Scheme),
    form("AKIA", Body::Upper(16)),
    form("ASIA", Body::Upper(16)),
    form("AIza", Body::Token(35)),
    form("ghp_", Body::Token(30)),
    form("gho_", Body::Token(30)),
    form("ghu_", Body::Token(30)),
    form("ghs_", Body::Token(30)),
    form("ghr_", Body::Token(30)),
    form("github_pat_", Body::Token(30)),
    form("glpat-", Body::Token(20)),
    form("xoxb-", Body::Token(10)),
    form("xoxp-", Body::Token(10)),
    form("xoxa-", Body::Token(10)),
    form("xapp-", Body::Token(10)),
    form("sk-", Body::Token(20)),
    form("sk_live_", Body::Token(16)),
    form("sk_test_", Body::Token(16)),
    form("rk_live_", Body::Token(16)),
    form("npm_", Body::Token(30)),
    form("pypi-", Body::Token(30)),
    form("hvs.", Body::Token(20)),
    form("hvb.", Body::Token(20)),
    form("hvr.", Body::Token(20)),
    form("s.", Body::Mixed(24)),
    form("b.", Body::Mixed(24)),
    form("r.", Body::Mixed(24)),
    form("ya29.", Body::Token(20)),
    form("hf_", Body::Token(30)),
    form("SG.", Body::Token(20)),
];

/// The shortest text that can hold any of them: `://a:b@`.
const SHORTEST: usize = 7;

/// Finds the prefixes. They are constants, so building the automaton can't fail at run time once it has in the tests.
static PREFIXES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(FORMS.iter().map(|f| f.prefix)).ok()
});

/// Masks credentials by their form.
pub(super) fn mask<'a>(text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
    if text.len() < SHORTEST {
        return Cow::Borrowed(text);
    }
    let Some(prefixes) = &*PREFIXES else { return Cow::Borrowed(text) };
    let mut spans = Spans::default();
    let mut done = 0;
    let mut run = Run::default();
    for found in prefixes.find_iter(text) {
        if found.start() < done {
            continue;
        }
        if let Some((start, end)) = FORMS[found.pattern().as_usize()].extent(text, found.start(), &mut run) {
            spans.push(start, end, Kind::Credential);
            done = end;
        }
    }
    spans.apply(text, counts)
}

impl Form {
    /// From where to where the credential reaches whose prefix is at `start`.
    fn extent(&self, text: &str, start: usize, run: &mut Run) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let body = start + self.prefix.len();
        match self.body {
            Body::Pem => return pem(text, start),
            Body::UserInfo => return user_info(text, body),
            _ => {}
        }
        if start > 0 && bytes[start - 1].is_ascii_alphanumeric() {
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
            Body::Jwt => {
                let header = run.reach(bytes, body).end;
                // What follows is walked anew, but only by the few headers that are too near, and by the one that is found.
                let payload = (header - start >= 10 && bytes.get(header) == Some(&b'.')).then_some(header + 1)?;
                let payload = payload + tokens(&bytes[payload..]);
                let signed = bytes.get(payload) == Some(&b'.');
                let signature = if signed { payload + 1 + tokens(&bytes[payload + 1..]) } else { payload };
                (payload - header > 4).then_some(signature)?
            }
            Body::Scheme | Body::Pem | Body::UserInfo => {
                let token = bytes[body..].iter().take_while(|b| is_token(**b) || b"./+=~".contains(b)).count();
                // `Bearer authentication` is prose.
                let mixed = bytes[body..body + token].iter().any(|b| !b.is_ascii_lowercase());
                return (token >= 8 && mixed).then_some((body, body + token));
            }
        };
        Some((start, end))
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

/// The password in `scheme://user:password@host`.
fn user_info(text: &str, start: usize) -> Option<(usize, usize)> {
    /// Longer user information doesn't occur; the bound keeps many `://` in one word linear.
    const LONGEST: usize = 512;
    let rest = &text.as_bytes()[start..];
    let rest = &rest[..rest.len().min(LONGEST)];
    // A mask (`«`) isn't part of it either: its colon separates nothing.
    let mask = memchr::memmem::find(rest, "«".as_bytes()).unwrap_or(rest.len());
    let rest = &rest[..mask];
    let length = rest.iter().position(|b| b.is_ascii_whitespace() || b"/?#\"'<>\\".contains(b)).unwrap_or(rest.len());
    let at = memchr::memrchr(b'@', &rest[..length])?;
    let colon = memchr::memchr(b':', &rest[..at])?;
    let (from, to) = (start + colon + 1, start + at);
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask(text, &mut Counts::default()).into_owned()
    }

    #[test]
    fn forms() {
        assert!(PREFIXES.is_some());
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "sk-proj-0123456789abcdefghij",
            "glpat-0123456789abcdefghij",
            "s.abcdef0123456789ABCDEF01",
            "hvb.abcdef0123456789ABCDEF01",
            "sk-abcdefghijklmnopqrstuvwx",
        ] {
            assert_eq!(masked(text), "«redacted:credential»");
            assert_eq!(masked(&format!("x {text} y")).matches("redacted").count(), 1);
        }
        assert_eq!(masked("postgres://u:p@w@db/x"), "postgres://u:«redacted:credential»@db/x");
        assert_eq!(masked("use Bearer abcDEF123"), "use Bearer «redacted:credential»");
    }

    #[test]
    fn prose_and_public_things() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "https://example.com/a:b@c",
            "https://example.com:8080/",
            "the eyJ prefix",
            "Bearer authentication",
            "sk-learn-is-a-library-for-machines",
            "AKIA",
            "s.getElementsByClassNameAndMore(",
            "its. 0123456789abcdef01234567",
            "b.012345678901234567890123",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
