//! Patterns of the application's own: regular expressions, matched in linear time.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::kind::Kind;
use super::spans::Span;

/// A pattern that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a regular expression, or one that takes too much memory.
    #[error("pattern `{pattern}` doesn't compile: {reason}")]
    Syntax {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It would mask every text.
    #[error("pattern `{0}` matches the empty text; expected one that matches at least one character")]
    Empty(String),
}

/// Compiled patterns.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns(Vec<Regex>);

impl Patterns {
    /// Compiles all of them, or says everything that is wrong.
    pub(super) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<InvalidPattern>> {
        let mut compiled = Self::default();
        let errors: Vec<_> = patterns.into_iter().filter_map(|pattern| compiled.push(pattern).err()).collect();
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    pub(super) fn push(&mut self, pattern: &str) -> Result<(), InvalidPattern> {
        /// More than any sensible pattern compiles to.
        const MOST_BYTES: usize = 1 << 20;
        match RegexBuilder::new(pattern).size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES).build() {
            Ok(regex) if regex.is_match("") => Err(InvalidPattern::Empty(pattern.to_owned())),
            Ok(regex) => {
                self.0.push(regex);
                Ok(())
            }
            Err(error) => {
                // The last line says what is wrong, those before it show where.
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Err(InvalidPattern::Syntax { pattern: pattern.to_owned(), reason })
            }
        }
    }

    pub(super) fn extend(&mut self, others: &Patterns) {
        self.0.extend_from_slice(&others.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what they match, but not what masks consist of.
    pub(super) fn find(&self, text: &str, into: &mut Vec<Span>) {
        if self.is_empty() {
            return;
        }
        let masks = Kind::masks(text);
        for regex in &self.0 {
            let (mut at, mut masks) = (0, masks.iter().peekable());
            while let Some(found) = regex.find_at(text, at) {
                let range = found.range();
                while masks.next_if(|mask| mask.end <= range.start).is_some() {}
                match masks.peek() {
                    // A match that runs into a mask ends before it, one that begins in it is the mask's.
                    Some(mask) if range.end > mask.start => {
                        let before = range.start..mask.start.max(range.start);
                        if !before.is_empty()
                            && regex.find(&text[before.clone()]).is_some_and(|m| m.range() == (0..before.len()))
                        {
                            into.push(span(before));
                        }
                        at = mask.end;
                    }
                    _ => {
                        at = range.end.max(at + 1);
                        into.push(span(range));
                    }
                }
                while !text.is_char_boundary(at) {
                    at += 1;
                }
                if at > text.len() {
                    break;
                }
            }
        }
    }
}

fn span(range: Range<usize>) -> Span {
    Span { kind: Kind::Pattern, start: range.start, end: range.end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::spans::Spans;

    #[test]
    fn matches_but_no_masks() {
        let patterns = Patterns::parse([r"EMP-\d+", "(?i)redacted|secret"]).map_err(|e| format!("{e:?}"));
        let Ok(patterns) = patterns else { panic!("compiles") };
        let found = |text: &str| {
            let mut spans = Vec::new();
            patterns.find(text, &mut spans);
            Spans::union(spans).apply(text).into_owned()
        };
        assert_eq!(found("EMP-1 Secret, EMP-22"), "«redacted:pattern» «redacted:pattern», «redacted:pattern»");
        assert_eq!(found("«redacted:secret» x secret"), "«redacted:secret» x «redacted:pattern»");
        assert_eq!(found(&found("EMP-1 redacted")), found("EMP-1 redacted"));
    }

    #[test]
    fn what_is_refused() {
        let errors = Patterns::parse(["(", "a*", "ok"]).err().unwrap_or_default();
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "pattern `(` doesn't compile: unclosed group",
                "pattern `a*` matches the empty text; expected one that matches at least one character",
            ]
        );
        assert!(Patterns::parse([r"\w{1000}{1000}"]).is_err());
    }
}
