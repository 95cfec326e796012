use std::{collections::HashSet, fmt, sync::Arc};

use super::{ResourceScope, ScopeViolation};
use crate::identity::Agent;

/// The names that the operator configured, the same for every agent: recipients, rooms, topics, buckets.
///
/// Compared byte by byte: no case folding, no trimming, no Unicode normalization, no patterns.
///
/// ```
/// use doorman::{identity::Agent, scope::{Allowlist, ResourceScope}};
///
/// let rooms = Allowlist::new(["ops", "billing"]);
/// let agent = Agent::new("billing-7", "billing")?;
/// assert_eq!(rooms.resolve(&"ops".into(), &agent)?.as_str(), "ops");
/// assert!(rooms.resolve(&"Ops".into(), &agent).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Allowlist {
    names: HashSet<Arc<str>>,
}

impl Allowlist {
    /// Opens these names, and no other.
    pub fn new<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect() }
    }
}

impl ResourceScope for Allowlist {
    type Raw = String;
    type Resource = Allowed;

    fn resolve(&self, raw: &String, _: &Agent) -> Result<Allowed, ScopeViolation> {
        match self.names.get(raw.as_str()) {
            Some(name) => Ok(Allowed(Arc::clone(name))),
            None => Err(ScopeViolation::new(raw, "one of the names that the operator configured, spelled exactly so")),
        }
    }
}

/// A name that the operator configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allowed(Arc<str>);

impl Allowed {
    /// The name, as configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s13_names_match_exactly_or_not_at_all() {
        let agent = Agent::new("a", "t").expect("legal");
        let list = Allowlist::new(["ops@example.com", "café"]);
        for open in ["ops@example.com", "café"] {
            assert_eq!(list.resolve(&open.to_owned(), &agent).expect("configured").as_str(), open);
        }
        for closed in
            ["", "ops", "OPS@example.com", "ops@example.com ", "ops@example.com\0", "cafe\u{301}", "ops@examp1e.com"]
        {
            assert!(list.resolve(&closed.to_owned(), &agent).is_err(), "{closed:?}");
        }
        assert!(Allowlist::default().resolve(&String::new(), &agent).is_err());
    }

    #[test]
    fn s21_the_violation_does_not_name_the_list() {
        let agent = Agent::new("a", "t").expect("legal");
        let violation = Allowlist::new(["canary"]).resolve(&"guess".into(), &agent).expect_err("not configured");
        assert!(
            violation.to_string().starts_with("\"guess\"") && !format!("{violation}{violation:?}").contains("canary")
        );
    }
}
