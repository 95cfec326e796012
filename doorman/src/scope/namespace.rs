use std::fmt;

use super::{ResourceScope, ScopeViolation};
use crate::identity::Agent;

/// Between agent and key. No agent id can hold it, so the first one in a string is always this one.
const SEPARATOR: char = ':';

/// The longest key that a caller may send, in bytes.
const LONGEST: usize = 512;

/// Keys of a store that agents share, each agent's under its own id: `{agent_id}:{key}`.
///
/// A key is 1 to 512 bytes without control characters. Whatever else it holds is the agent's own affair; a store that
/// gives characters a meaning (wildcards, say) must be handed the key as a value, not as a pattern.
///
/// ```
/// use doorman::{identity::Agent, scope::{Namespace, ResourceScope}};
///
/// let agent = Agent::new("billing-7", "billing")?;
/// let key = Namespace.resolve(&"invoices/2026".into(), &agent)?;
/// assert_eq!((key.as_str(), key.key()), ("billing-7:invoices/2026", "invoices/2026"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Namespace;

impl Namespace {
    /// What every key of this agent begins with, and no key of another: for listing.
    pub fn prefix_of(&self, agent: &Agent) -> String {
        format!("{}{SEPARATOR}", agent.id())
    }
}

impl ResourceScope for Namespace {
    type Raw = String;
    type Resource = NamespacedKey;

    fn resolve(&self, raw: &String, agent: &Agent) -> Result<NamespacedKey, ScopeViolation> {
        if raw.is_empty() || raw.len() > LONGEST || raw.contains(char::is_control) {
            return Err(ScopeViolation::new(raw, "a key of 1 to 512 bytes without control characters"));
        }
        let mut full = self.prefix_of(agent);
        let key = full.len();
        full.push_str(raw);
        Ok(NamespacedKey { full, key })
    }
}

/// A key that only one agent can produce.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamespacedKey {
    full: String,
    /// Where the caller's part begins.
    key: usize,
}

impl NamespacedKey {
    /// The whole key, for the store.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The caller's part, for answers.
    pub fn key(&self) -> &str {
        &self.full[self.key..]
    }
}

impl fmt::Display for NamespacedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn resolve(id: &str, key: &str) -> Result<NamespacedKey, ScopeViolation> {
        Namespace.resolve(&key.to_owned(), &Agent::new(id, "t").expect("legal"))
    }

    #[test]
    fn keys_are_bounded() {
        for legal in ["k", ":", "a:b", "../x", "é", "*", &"k".repeat(512)] {
            assert_eq!(resolve("a", legal).expect("legal").key(), legal);
        }
        for illegal in ["", "a\0", "a\nb", "\u{7f}", "\u{85}", &"k".repeat(513), &"é".repeat(257)] {
            assert!(resolve("a", illegal).is_err(), "{illegal:?}");
        }
    }

    /// All ids and keys of up to three characters, out of those that come closest to being mistaken for one another.
    #[test]
    fn s13_no_two_agents_share_a_key() {
        let words = |letters: &[char]| {
            let mut words = vec![String::new()];
            let mut from = 0;
            for _ in 0..3 {
                let longer: Vec<_> =
                    words[from..].iter().flat_map(|word| letters.iter().map(move |c| format!("{word}{c}"))).collect();
                from = words.len();
                words.extend(longer);
            }
            words
        };
        let ids: Vec<_> = words(&['a', 'A', '-', '.']).into_iter().filter(|id| Agent::new(id, "t").is_ok()).collect();
        let mut owners = HashMap::new();
        for id in &ids {
            let prefix = Namespace.prefix_of(&Agent::new(id, "t").expect("legal"));
            for key in words(&['a', ':', '.', '/']).iter().skip(1) {
                let full = resolve(id, key).expect("legal").as_str().to_owned();
                assert!(full.starts_with(&prefix));
                assert_eq!(owners.insert(full, (id, key.clone())), None);
            }
        }
        for (full, (owner, _)) in &owners {
            let claimants =
                ids.iter().filter(|id| full.starts_with(&Namespace.prefix_of(&Agent::new(id, "t").expect("legal"))));
            assert!(claimants.eq([*owner]), "{full}");
        }
    }
}
