use std::{borrow::Cow, fmt};

/// How many characters of an address are shown.
const SHOWN: usize = 64;

/// An address that isn't the agent's. `Display` is the text for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeViolation {
    sent: Shown,
    expected: Cow<'static, str>,
}

impl ScopeViolation {
    /// `sent` is what the caller sent, and shown shortened and escaped; `expected` completes "expected …".
    ///
    /// The caller reads both. So `expected` says what is legal in general, and never a host path, what else is
    /// configured, or whether something exists.
    pub fn new(sent: &str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { sent: Shown::new(sent), expected: expected.into() }
    }

    /// What is legal, to complete "expected …".
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ScopeViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out of scope; expected {}", self.sent, self.expected)
    }
}

impl std::error::Error for ScopeViolation {}

/// What a caller sent, fit to be printed: quoted, at most 64 characters of it, everything invisible escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown(Box<str>);

impl Shown {
    pub(super) fn new(sent: &str) -> Self {
        let end = sent.char_indices().nth(SHOWN).map_or(sent.len(), |(at, _)| at);
        let more = if end < sent.len() { "…" } else { "" };
        Self(format!("\"{}{more}\"", sent[..end].escape_debug()).into())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s21_violations_are_bounded_and_escaped() {
        let shown = |sent: &str| ScopeViolation::new(sent, "a key").to_string();
        assert_eq!(shown("a\"b"), r#""a\"b" is out of scope; expected a key"#);
        assert_eq!(shown("\u{1b}[2J\n\u{202e}é\0"), r#""\u{1b}[2J\n\u{202e}é\0" is out of scope; expected a key"#);
        assert!(shown(&"\u{1f600}".repeat(100_000)).len() < 300);
        assert!(shown(&"x".repeat(65)).starts_with(&format!("\"{}…\"", "x".repeat(64))));
    }
}
