//! An answer to `tools/call`, as a test asks about it.

use serde_json::Value;

/// One JSON-RPC answer, with the notifications that came before it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) message: Value,
    pub(crate) notifications: Vec<Value>,
}

impl Reply {
    /// Its structured content; fails for an error.
    #[track_caller]
    pub(crate) fn structured(&self) -> &Value {
        assert!(!self.is_error(), "{:?}", self.message);
        &self.message["result"]["structuredContent"]
    }

    /// The text of its first content block.
    pub(crate) fn text(&self) -> &str {
        self.message["result"]["content"][0]["text"].as_str().unwrap_or_default()
    }

    /// Whether it is an error of either kind.
    pub(crate) fn is_error(&self) -> bool {
        self.message.get("error").is_some() || self.message["result"]["isError"] == true
    }

    /// The code of a JSON-RPC error, 0 for a result.
    pub(crate) fn code(&self) -> i64 {
        self.message["error"]["code"].as_i64().unwrap_or(0)
    }

    /// The verdict that a refusal tells programs: beside a tool's result, or in an error.
    pub(crate) fn verdict(&self) -> &str {
        let facts = [&self.message["result"]["_meta"], &self.message["error"]["data"]];
        facts.into_iter().find_map(|facts| facts["doorman/verdict"].as_str()).unwrap_or_default()
    }

    /// The text of an error.
    pub(crate) fn said(&self) -> &str {
        self.message["error"]["message"].as_str().unwrap_or_default()
    }

    /// What a resource holds; fails for an error.
    #[track_caller]
    pub(crate) fn contents(&self) -> &Value {
        assert!(!self.is_error(), "{:?}", self.message);
        &self.message["result"]["contents"][0]
    }

    /// The values that complete an argument; fails for an error.
    #[track_caller]
    pub(crate) fn values(&self) -> Vec<&str> {
        let values = self.message["result"]["completion"]["values"].as_array();
        let values = values.unwrap_or_else(|| panic!("no values in {:?}", self.message));
        values.iter().filter_map(Value::as_str).collect()
    }

    /// Everything that came back, as it was on the wire.
    pub(crate) fn everything(&self) -> String {
        let notifications: String = self.notifications.iter().map(ToString::to_string).collect();
        format!("{}{notifications}", self.message)
    }
}
