//! What is masked beside the rules of all: by the words of a tool, or of a manifest.

use super::keys::InvalidGlob;
use super::kind::{Kind, Kinds};
use super::patterns::{InvalidPattern, Patterns};
use super::rules::Globs;

/// What one tool says of its results.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToolRules<'a> {
    /// Keys (globs) whose values are masked, too.
    pub redact: &'a [&'a str],
    /// Keys that no rule masks and whose values no detector changes, unless `redact` names them.
    pub reveal: &'a [&'a str],
    /// Regular expressions whose matches are masked in every text.
    pub patterns: &'a [&'a str],
    /// Kinds that aren't looked for unless asked for.
    pub detect: &'a [Kind],
}

/// Rules that take nothing back: what they add is masked whatever a tool reveals.
#[derive(Debug, Clone, Default)]
pub(crate) struct More {
    pub(super) keys: Globs,
    pub(super) patterns: Patterns,
    pub(super) detect: Kinds,
}

impl More {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty() && self.detect == Kinds::NONE
    }

    pub(crate) fn key(&mut self, glob: &str) -> Result<(), InvalidGlob> {
        self.keys.push(glob)
    }

    pub(crate) fn pattern(&mut self, pattern: &str) -> Result<(), InvalidPattern> {
        self.patterns.push(pattern)
    }

    pub(crate) fn detect(&mut self, kind: Kind) {
        self.detect = self.detect.with(kind);
    }

    /// These rules and others.
    pub(crate) fn merge(&mut self, other: &More) {
        self.keys.extend(&other.keys);
        self.patterns.extend(&other.patterns);
        self.detect = self.detect.union(other.detect);
    }
}
