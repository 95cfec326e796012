//! A tool module as somebody outside writes one: a key-value store with a resource scope of its own.
//!
//! `AGENT_ID=a1 AGENT_TYPE=clerk cargo run -p custom-module -- --manifest examples/custom-module/clerk.yaml` serves it on
//! stdio. An agent sees its own keys; another's don't exist for it, whatever it writes as a key.

mod store;

use std::sync::atomic::{AtomicBool, Ordering};

use doorman::{ModuleError, prelude::*};
use store::{OwnKeys, Store};

/// The module's configuration. Unknown keys are refused.
#[derive(Argument)]
struct Settings {
    /// How many entries the store may hold, of all agents together.
    capacity: usize,
}

/// A key-value store in memory.
struct KeyValue {
    store: Store,
    keys: OwnKeys,
    open: AtomicBool,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    key: String,
    value: Option<String>,
}

#[tool_module(name = "kv", scope = OwnKeys, config = Settings)]
impl KeyValue {
    fn configure(settings: Settings, _: &Credentials) -> Result<Self, ModuleError> {
        let Settings { capacity } = settings;
        if capacity == 0 {
            return Err("capacity must be at least 1".into());
        }
        Ok(Self { store: Store::with_capacity(capacity), keys: OwnKeys, open: AtomicBool::new(false) })
    }

    fn scope(&self) -> &OwnKeys {
        &self.keys
    }

    async fn start(&self) -> Result<(), ModuleError> {
        self.open.store(true, Ordering::Release);
        Ok(())
    }

    async fn stop(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Read the value of a key.
    #[expose(read_only)]
    async fn get(&self, key: Scoped<OwnKeys>) -> ToolResult<Entry> {
        Ok(Entry { key: key.name().to_owned(), value: self.store.get(&key)? })
    }

    /// List the keys that hold a value.
    #[expose(read_only)]
    async fn list(&self, caller: Caller) -> ToolResult<Vec<String>> {
        self.store.keys_of(caller.require_agent()?)
    }

    /// Set the value of a key.
    #[expose(write, idempotent)]
    async fn put(&self, key: Scoped<OwnKeys>, #[data] value: String) -> ToolResult<()> {
        self.store.put(&key, value)
    }

    /// Delete a key and its value.
    #[expose(destructive, idempotent)]
    async fn delete(&self, key: Scoped<OwnKeys>) -> ToolResult<bool> {
        self.store.delete(&key)
    }
}

#[tokio::main]
async fn main() -> doorman::Result {
    let settings = serde_json::json!({ "capacity": 1000 });
    Doorman::new("custom-module").configure::<KeyValue>("kv", settings, &Credentials::none()).run().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorman::identity::Agent;

    #[tokio::test]
    async fn agents_have_their_own_keys() -> Result<(), ModuleError> {
        let module = KeyValue::configure(Settings { capacity: 10 }, &Credentials::none())?;
        let key = |agent: &str| -> Result<_, ModuleError> {
            Ok(Scoped::check(&OwnKeys, &"colour".to_owned(), &Agent::new(agent, "clerk")?)?)
        };
        module.put(key("a1")?, "red".to_owned()).await.map_err(|error| format!("{error:?}"))?;
        let of = |entry: ToolResult<Entry>| entry.map(|entry| entry.value).unwrap_or_default();
        assert_eq!(of(module.get(key("a1")?).await).as_deref(), Some("red"));
        assert_eq!(of(module.get(key("a2")?).await), None);
        Ok(())
    }

    #[test]
    fn a_key_is_a_plain_name() -> Result<(), ModuleError> {
        let agent = Agent::new("a1", "clerk")?;
        for key in ["", "a2/colour", "..", "a\nb"] {
            assert!(Scoped::check(&OwnKeys, &key.to_owned(), &agent).is_err(), "{key:?}");
        }
        Ok(())
    }
}
