//! Key names as people spell them, brought to one form, and globs over that form.

use super::chars;
use super::kind::Kind;

/// A key glob that would say something else than its author meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    /// Nothing but wildcards and separators: it would match every key, the empty one included.
    #[error("key glob `{0}` matches every key; expected at least one letter or digit, as in `iban` or `*_iban`")]
    Everything(String),
    /// A wildcard of other languages.
    #[error("key glob `{glob}` contains `{found}`; the only wildcard is `*`")]
    Wildcard {
        /// The glob as given.
        glob: String,
        /// The character that isn't supported.
        found: char,
    },
}

/// Names up to this length are normalized on the stack.
const SHORT: usize = 64;

/// A key in its one form: lower-case words joined by `_`.
///
/// `apiKey`, `API-KEY`, `APIKey`, `api key` and `ａｐｉ＿ｋｅｙ` are all `api_key`. Invisible characters are dropped.
pub(super) struct Name {
    short: [u8; SHORT],
    len: usize,
    long: Vec<u8>,
    /// Which of `a`–`z` occur: most rules are ruled out by this alone.
    letters: u32,
}

impl Name {
    pub(super) fn new(key: &str) -> Self {
        Self::build(key, |_| false)
    }

    fn build(key: &str, keep: impl Fn(u8) -> bool) -> Self {
        let mut name = Self { short: [0; SHORT], len: 0, long: Vec::new(), letters: 0 };
        if key.is_ascii() {
            name.ascii(key.as_bytes(), keep);
        } else {
            let plain = Kind::without_masks(key);
            let folded: String = plain.chars().filter(|&c| !chars::invisible(c)).map(chars::fold).collect();
            if folded.is_ascii() {
                name.ascii(folded.as_bytes(), keep);
            } else {
                name.unicode(&folded, keep);
            }
        }
        if name.as_bytes().last() == Some(&b'_') {
            if name.long.is_empty() { name.len -= 1 } else { name.long.truncate(name.long.len() - 1) }
        }
        name
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }

    /// The words the name consists of.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.as_bytes().split(|&b| b == b'_')
    }

    pub(super) fn letters(&self) -> u32 {
        self.letters
    }

    fn ascii(&mut self, key: &[u8], keep: impl Fn(u8) -> bool) {
        let mut previous = b'_';
        for (i, &b) in key.iter().enumerate() {
            match b {
                b'a'..=b'z' | b'0'..=b'9' => self.push(b),
                b'A'..=b'Z' => {
                    let ends_acronym =
                        previous.is_ascii_uppercase() && key.get(i + 1).is_some_and(u8::is_ascii_lowercase);
                    if previous.is_ascii_lowercase() || previous.is_ascii_digit() || ends_acronym {
                        self.separate();
                    }
                    self.push(b.to_ascii_lowercase());
                }
                _ if keep(b) => self.push(b),
                _ => self.separate(),
            }
            previous = b;
        }
    }

    fn unicode(&mut self, key: &str, keep: impl Fn(u8) -> bool) {
        let mut previous_lower = false;
        for c in key.chars() {
            if c.is_alphanumeric() {
                if c.is_uppercase() && previous_lower {
                    self.separate();
                }
                for lower in c.to_lowercase() {
                    lower.encode_utf8(&mut [0; 4]).bytes().for_each(|b| self.push(b));
                }
            } else if c.is_ascii() && keep(c as u8) {
                self.push(c as u8);
            } else {
                self.separate();
            }
            previous_lower = c.is_lowercase();
        }
    }

    /// Begins a new word, unless one just begins.
    fn separate(&mut self) {
        if !matches!(self.as_bytes().last(), None | Some(b'_')) {
            self.push(b'_');
        }
    }

    fn push(&mut self, b: u8) {
        self.letters |= letter(b);
        if !self.long.is_empty() {
            self.long.push(b);
        } else if self.len < SHORT {
            self.short[self.len] = b;
            self.len += 1;
        } else {
            self.long.reserve(SHORT * 2);
            self.long.extend_from_slice(&self.short);
            self.long.push(b);
        }
    }
}

/// The bit of a lower-case letter, 0 for anything else.
pub(super) const fn letter(b: u8) -> u32 {
    if b.is_ascii_lowercase() { 1 << (b - b'a') } else { 0 }
}

/// The letters of a text in any spelling; all of them if it isn't ASCII.
pub(super) fn letters(text: &str) -> u32 {
    if !text.is_ascii() {
        return u32::MAX;
    }
    text.bytes().fold(0, |letters, b| letters | letter(b | 0x20))
}

/// A rule over normalized names: `iban`, `*_iban`, `bank*`.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    pattern: Box<[u8]>,
    letters: u32,
    exact: bool,
}

impl Glob {
    pub(super) fn parse(glob: &str) -> Result<Self, InvalidGlob> {
        if let Some(found) = glob.chars().find(|c| matches!(c, '?' | '[' | ']' | '{' | '}')) {
            return Err(InvalidGlob::Wildcard { glob: glob.to_owned(), found });
        }
        let name = Name::build(glob, |b| b == b'*');
        let exact = !name.as_bytes().contains(&b'*');
        // Exact names are compared without separators, so that `apikey` and `api_key` are the same name.
        let pattern: Box<[u8]> = name.as_bytes().iter().copied().filter(|&b| !exact || b != b'_').collect();
        if pattern.iter().all(|b| matches!(b, b'*' | b'_')) {
            return Err(InvalidGlob::Everything(glob.to_owned()));
        }
        Ok(Self { pattern, letters: name.letters, exact })
    }

    /// Whether a name with these letters may match.
    pub(super) fn may_match(&self, letters: u32) -> bool {
        self.letters & !letters == 0
    }

    pub(super) fn matches(&self, name: &Name) -> bool {
        if self.letters & !name.letters != 0 {
            return false;
        }
        if self.exact {
            return name.as_bytes().iter().filter(|&&b| b != b'_').eq(self.pattern.iter());
        }
        wildcard(&self.pattern, name.as_bytes())
    }
}

/// Greedy `*` matching that remembers the last star only: at most |pattern| × |text| steps, and patterns are short.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&b) if b == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(key: &str) -> String {
        String::from_utf8_lossy(Name::new(key).as_bytes()).into_owned()
    }

    #[test]
    fn one_form_for_every_spelling() {
        for key in [
            "apiKey",
            "api_key",
            "API-KEY",
            "APIKey",
            "api.key",
            " api key ",
            "ＡＰＩ＿ＫＥＹ",
            "api\u{200b}_key",
            "[api]key",
        ] {
            assert_eq!(form(key), "api_key", "{key}");
        }
        assert_eq!(form("X-Api-Key"), "x_api_key");
        assert_eq!(form("ssnLast4"), "ssn_last4");
        assert_eq!(form("oauth2Token"), "oauth2_token");
        assert_eq!(form("größeMax"), "größe_max");
        assert_eq!(form("___«redacted:secret»"), "");
        let long = "aB".repeat(200);
        assert_eq!(form(&long), format!("a_{}b", "ba_".repeat(199)));
    }

    #[test]
    fn globs() {
        let matches = |glob: &str, key: &str| Glob::parse(glob).is_ok_and(|g| g.matches(&Name::new(key)));
        assert!(matches("apiKey", "apikey") && matches("apikey", "API_KEY"));
        assert!(matches("*_iban", "customerIban") && !matches("*_iban", "iban"));
        assert!(matches("bank*", "bank_account") && !matches("bank*", "riverbank"));
        assert!(matches("*iban*", "my-IBAN-2") && !matches("iban", "ibans"));
        for glob in ["", "*", "**", " * ", "_", "*_*"] {
            assert!(matches!(Glob::parse(glob), Err(InvalidGlob::Everything(_))), "{glob:?}");
        }
        assert!(matches!(Glob::parse("ke?"), Err(InvalidGlob::Wildcard { found: '?', .. })));
    }
}
