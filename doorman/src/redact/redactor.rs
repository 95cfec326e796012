//! The redactor: compiled once for a process, shared by all its tools.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::keys::InvalidGlob;
use super::kind::{Counts, Kind, Kinds};
use super::memo::Id;
use super::more::{More, ToolRules};
use super::patterns::{InvalidPattern, Patterns};
use super::plan::{Plan, Shared};
use super::rules::Globs;
use super::scrub::Scrubber;
use crate::credentials::Secret;

/// Everything that is wrong with the rules of a redactor or a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRules {
    /// Key globs that were refused.
    pub globs: Vec<InvalidGlob>,
    /// Patterns that were refused.
    pub patterns: Vec<InvalidPattern>,
    /// The held secrets are too many or too long to be searched for.
    pub secrets: bool,
}

impl std::error::Error for InvalidRules {}

impl fmt::Display for InvalidRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for glob in &self.globs {
            write!(f, "{separator}{glob}")?;
            separator = "; ";
        }
        for pattern in &self.patterns {
            write!(f, "{separator}{pattern}")?;
            separator = "; ";
        }
        if self.secrets {
            write!(f, "{separator}the secrets to remove by value are too many or too long")?;
        }
        Ok(())
    }
}

impl From<Vec<InvalidGlob>> for InvalidRules {
    fn from(globs: Vec<InvalidGlob>) -> Self {
        Self { globs, patterns: Vec::new(), secrets: false }
    }
}

/// Removes from results, errors and messages what must not leave.
pub struct Redactor {
    base: Plan,
}

impl Redactor {
    /// A redactor with the built-in key rules and all detectors.
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder { keys: Vec::new(), patterns: Vec::new(), secrets: Vec::new(), detectors: Kinds::DEFAULT }
    }

    /// The plan of one tool: `redact` names keys (globs) whose values are masked too, `reveal` names keys that no rule
    /// masks and whose values no detector changes. Held secrets are removed by value whatever the keys say.
    ///
    /// # Errors
    /// If a glob matches every key or isn't one. Nothing is half compiled: all mistakes are in the error.
    pub fn plan(&self, redact: &[&str], reveal: &[&str]) -> Result<Plan, InvalidRules> {
        self.plan_with(&ToolRules { redact, reveal, ..ToolRules::default() })
    }

    /// The plan of one tool that says more than keys.
    ///
    /// # Errors
    /// If a glob matches every key or isn't one, or a pattern doesn't compile or matches the empty text.
    pub fn plan_with(&self, rules: &ToolRules<'_>) -> Result<Plan, InvalidRules> {
        let parse = |globs: &[&str]| Globs::parse(globs.iter().copied());
        let patterns = Patterns::parse(rules.patterns.iter().copied());
        match (parse(rules.redact), parse(rules.reveal), patterns) {
            (Ok(redact), Ok(reveal), Ok(patterns)) => {
                let detectors = rules.detect.iter().fold(self.base.detectors, |kinds, kind| kinds.with(*kind));
                let shared = Arc::clone(&self.base.shared);
                Ok(Plan { shared, redact, reveal, patterns, detectors, id: Id::next() })
            }
            (redact, reveal, patterns) => Err(InvalidRules {
                globs: [redact.err(), reveal.err()].into_iter().flatten().flatten().collect(),
                patterns: patterns.err().unwrap_or_default(),
                secrets: false,
            }),
        }
    }

    /// The plan of what belongs to no tool, with more rules.
    pub(crate) fn plan_of_all(&self, more: &More) -> Plan {
        self.base.with(more)
    }

    /// Removes held secrets by value and nothing else: for protocol fields and the application's constants.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.base.scrub(text, &mut Counts::default())
    }

    /// Redacts a text that belongs to no tool. One beyond the bounds becomes one mask as a whole.
    pub fn text<'a>(&self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        self.base.text(text, counts).unwrap_or_else(|_| {
            counts.add(Kind::Blocked);
            Cow::Borrowed(Kind::Blocked.mask())
        })
    }
}

/// Collects what a [`Redactor`] is to know.
#[must_use = "a builder does nothing before `build`"]
pub struct RedactorBuilder {
    keys: Vec<String>,
    patterns: Vec<String>,
    secrets: Vec<Secret>,
    detectors: Kinds,
}

impl RedactorBuilder {
    /// Masks the values of keys that match a glob (`iban`, `*_iban`) in all plans. Spelling doesn't matter:
    /// `accountNo` is `account_no` is `ACCOUNT-NO`.
    pub fn key(mut self, glob: impl Into<String>) -> Self {
        self.keys.push(glob.into());
        self
    }

    /// Masks what a regular expression matches, in all plans: numbers and names of the application's own.
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// Removes a credential by value from everything: as it is, in base64 (within a larger text too), hexadecimal,
    /// URL-, JSON- and HTML-escaped.
    ///
    /// A secret of 4 to 7 bytes is removed only as it is and as a whole word, a shorter one not at all: it would
    /// destroy texts that have nothing to do with it.
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Looks for this kind too: network addresses ([`Kind::Ip`], [`Kind::Mac`]) are left alone unless asked for.
    pub fn detect(mut self, kind: Kind) -> Self {
        self.detectors = self.detectors.with(kind);
        self
    }

    /// Leaves this kind alone.
    pub fn ignore(mut self, kind: Kind) -> Self {
        self.detectors = self.detectors.without(kind);
        self
    }

    /// Leaves personal data and credentials by form alone; key rules and held secrets still apply.
    pub fn without_detectors(mut self) -> Self {
        self.detectors = Kinds::NONE;
        self
    }

    /// Compiles the rules.
    ///
    /// # Errors
    /// All globs that match every key or aren't globs, and secrets that can't be searched for.
    pub fn build(self) -> Result<Redactor, InvalidRules> {
        let keys = Globs::parse(self.keys.iter().map(String::as_str));
        let patterns = Patterns::parse(self.patterns.iter().map(String::as_str));
        match (keys, patterns, Scrubber::new(&self.secrets)) {
            (Ok(keys), Ok(patterns), Ok(scrubber)) => {
                let (shared, detectors) = (Arc::new(Shared { scrubber, keys, patterns }), self.detectors);
                let (redact, reveal, patterns) = Default::default();
                Ok(Redactor { base: Plan { shared, redact, reveal, patterns, detectors, id: Id::next() } })
            }
            (keys, patterns, scrubber) => Err(InvalidRules {
                globs: keys.err().unwrap_or_default(),
                patterns: patterns.err().unwrap_or_default(),
                secrets: scrubber.is_err(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_at_once() {
        let error = Redactor::builder().key("*").key("iban").key("a?").build().err().map(|e| e.to_string());
        assert_eq!(
            error.unwrap_or_default(),
            "key glob `*` matches every key; expected at least one letter or digit, as in `iban` or `*_iban`; \
             key glob `a?` contains `?`; the only wildcard is `*`"
        );
        let Ok(redactor) = Redactor::builder().build() else { panic!("builds") };
        let rules = ToolRules { patterns: &["x*", "("], ..ToolRules::default() };
        assert_eq!(redactor.plan_with(&rules).err().map(|e| e.patterns.len()), Some(2));
        assert_eq!(redactor.plan(&["", "x"], &["*"]).err().map(|e| e.globs.len()), Some(2));
    }

    #[test]
    fn texts_that_belong_to_no_tool() {
        let built = Redactor::builder().secret(&Secret::new("correct horse")).build();
        let Ok(redactor) = built else { panic!("builds") };
        assert_eq!(redactor.scrub("a@b.com correct horse"), "a@b.com «redacted:secret»");
        let mut counts = Counts::default();
        assert_eq!(redactor.text("a@b.com correct horse", &mut counts), "«redacted:email» «redacted:secret»");
        assert_eq!(redactor.text(&("[".repeat(200) + "]"), &mut counts), "«redacted:blocked»");
        assert_eq!(counts.iter().collect::<Vec<_>>(), [("email", 1), ("secret", 1), ("blocked", 1)]);
    }
}
