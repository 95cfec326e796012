//! The store, and the scope that keeps agents apart in it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use doorman::{ResourceScope, ScopeViolation, ToolError, identity::Agent};

/// Keys of the agent's own: plain names, each the agent's and nobody else's.
pub(crate) struct OwnKeys;

/// A key after the check: it can only be the caller's.
pub(crate) struct OwnKey {
    agent: String,
    name: String,
}

impl OwnKey {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl ResourceScope for OwnKeys {
    type Raw = String;
    type Resource = OwnKey;

    fn resolve(&self, raw: &String, agent: &Agent) -> Result<OwnKey, ScopeViolation> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if raw.is_empty() || raw.len() > 64 || !raw.chars().all(legal) {
            return Err(ScopeViolation::new(raw, "a key of 1 to 64 letters, digits, - and _"));
        }
        Ok(OwnKey { agent: agent.id().to_owned(), name: raw.clone() })
    }
}

type Entries = BTreeMap<(String, String), String>;

/// All agents' entries, keyed by agent and name.
pub(crate) struct Store {
    capacity: usize,
    entries: Mutex<Entries>,
}

impl Store {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &OwnKey) -> Result<Option<String>, ToolError> {
        Ok(self.entries()?.get(&(key.agent.clone(), key.name.clone())).cloned())
    }

    pub(crate) fn keys_of(&self, agent: &Agent) -> Result<Vec<String>, ToolError> {
        let entries = self.entries()?;
        let own = entries.keys().filter(|(owner, _)| owner == agent.id());
        Ok(own.map(|(_, name)| name.clone()).collect())
    }

    pub(crate) fn put(&self, key: &OwnKey, value: String) -> Result<(), ToolError> {
        let mut entries = self.entries()?;
        let key = (key.agent.clone(), key.name.clone());
        if entries.len() >= self.capacity && !entries.contains_key(&key) {
            return Err(ToolError::user("the store is full; delete a key first"));
        }
        entries.insert(key, value);
        Ok(())
    }

    pub(crate) fn delete(&self, key: &OwnKey) -> Result<bool, ToolError> {
        Ok(self.entries()?.remove(&(key.agent.clone(), key.name.clone())).is_some())
    }

    fn entries(&self) -> Result<MutexGuard<'_, Entries>, ToolError> {
        self.entries.lock().map_err(|_| ToolError::user("the store is closed"))
    }
}
