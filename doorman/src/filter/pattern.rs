//! Regular expressions, each for itself and all of them at once, matched in linear time.

use std::ops::Range;

use regex_automata::{
    Input, MatchKind, PatternSet,
    meta::{Config, Regex},
    util::syntax,
};

/// More than any sensible pattern takes, and so many all at once.
const MOST_BYTES: usize = 1 << 20;
const MOST_BYTES_TOGETHER: usize = 16 << 20;
const LONGEST: usize = 8 << 10;

/// A pattern that can match something, and never nothing.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: Box<str>,
    case: Case,
    regex: Regex,
}

/// Whether capital letters are others than small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    Insensitive,
}

impl Case {
    fn syntax(self) -> syntax::Config {
        syntax::Config::new().case_insensitive(self == Self::Insensitive)
    }
}

impl Pattern {
    /// Compiles a pattern, or says what was expected, without the pattern.
    pub(super) fn parse(text: &str, case: Case) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a regular expression of at most {LONGEST} bytes"));
        }
        let hir = syntax::parse_with(text, &case.syntax()).map_err(|error| {
            // The last line says what is wrong, those before it show where.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("a regular expression for a linear-time engine ({reason})")
        })?;
        match hir.properties().minimum_len() {
            Some(0) => return Err("a regular expression that doesn't match the empty text".to_owned()),
            None => return Err("a regular expression that can match something".to_owned()),
            Some(_) => {}
        }
        let config = Config::new().nfa_size_limit(Some(MOST_BYTES));
        let regex = Regex::builder().configure(config).build_from_hir(&hir);
        let regex = regex.map_err(|_| format!("a regular expression that compiles to at most {MOST_BYTES} bytes"))?;
        Ok(Self { text: text.into(), case, regex })
    }

    /// Adds all that it matches.
    pub(super) fn find(&self, text: &str, into: &mut Vec<Range<usize>>) {
        into.extend(self.regex.find_iter(text).map(|found| found.range()).take(super::locate::MOST + 1));
    }
}

/// Patterns of which one pass says which of them match.
#[derive(Debug)]
pub(super) struct Patterns(Regex);

impl Patterns {
    /// All of them; `None` if they are too large together.
    pub(super) fn of<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Option<Self> {
        let parsed: Option<Vec<_>> = patterns.map(|it| syntax::parse_with(&it.text, &it.case.syntax()).ok()).collect();
        let config = Config::new().match_kind(MatchKind::All).nfa_size_limit(Some(MOST_BYTES_TOGETHER));
        Regex::builder().configure(config).build_many_from_hir(&parsed?).ok().map(Self)
    }

    /// The numbers of those that match, as bits.
    pub(super) fn matching(&self, text: &str) -> u64 {
        if !self.0.is_match(text) {
            return 0;
        }
        let mut found = PatternSet::new(self.0.pattern_len());
        self.0.which_overlapping_matches(&Input::new(text), &mut found);
        found.iter().fold(0, |bits, pattern| bits | 1 << pattern.as_usize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused() {
        let wrong = |text: &str| Pattern::parse(text, Case::Sensitive).err().unwrap_or_default();
        for (text, says) in [
            ("(", "unclosed group"),
            (r"(?=x)", "look-around"),
            (r"(a)\1", "backreferences"),
            ("a*", "empty text"),
            ("^", "empty text"),
            (r"\b", "empty text"),
            ("", "empty text"),
            (r"[^\s\S]", "can match something"),
            (r"\w{1000}{1000}", "compiles to at most"),
        ] {
            assert!(wrong(text).contains(says), "{text}: {}", wrong(text));
        }
        assert!(wrong(&"x".repeat(LONGEST + 1)).contains("8192 bytes"));
        assert_eq!(wrong(r"\bpass(word)?\b|[A-Z]{3}|^x$"), "");
    }

    #[test]
    fn one_pass_says_which() {
        let parse = |text, case| Pattern::parse(text, case).expect("a pattern");
        let patterns = [
            parse("pass", Case::Sensitive),
            parse("WORD", Case::Insensitive),
            parse("WORD", Case::Sensitive),
            parse("(?x) pass # the word\n", Case::Sensitive),
        ];
        let together = Patterns::of(patterns.iter()).expect("compiles");
        assert_eq!(together.matching("a password"), 0b1011);
        assert_eq!(together.matching("a secret"), 0);
        let mut found = Vec::new();
        patterns[0].find("pass pass", &mut found);
        assert_eq!(found, [0..4, 5..9]);
    }
}
