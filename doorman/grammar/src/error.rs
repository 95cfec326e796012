//! What every grammar answers when the text doesn't fit.

use std::fmt;

/// The text does not fit the grammar. Displays as one lower-case line: what was expected (the legal form, with an
/// example), then what was found.
///
/// The offending text is quoted, escaped and shortened: these grammars read code and configuration, not requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrammarError {
    expected: &'static str,
    found: String,
}

/// How many characters of the offending text an error repeats.
const QUOTED: usize = 60;

impl GrammarError {
    /// `expected` is the legal form with an example, `found` the text as it was written.
    pub(crate) fn new(expected: &'static str, found: &str) -> Self {
        let mut quoted: String = found.chars().take(QUOTED).collect();
        if quoted.len() < found.len() {
            quoted.push('…');
        }
        Self { expected, found: quoted }
    }

    /// The legal form, with an example.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; found {:?}", self.expected, self.found)
    }
}

impl std::error::Error for GrammarError {}

#[cfg(test)]
mod tests {
    use super::GrammarError;

    #[test]
    fn says_expected_then_found_on_one_short_line() {
        let error = GrammarError::new("a thing like \"x\"", &format!("a\nb\u{1b}[31m{}", "z".repeat(500)));
        let text = error.to_string();
        assert!(text.starts_with("expected a thing like \"x\"; found \"a\\nb\\u{1b}[31mzz"), "{text}");
        assert!(text.ends_with("…\"") && text.len() < 130, "{text}");
    }
}
