use std::sync::Arc;

use doorman_grammar::{
    GrammarError,
    name::{self, AgentId, AgentType},
};

/// The agent that a principal acts as. Cheap to clone.
///
/// ```
/// use doorman::identity::Agent;
///
/// let agent = Agent::new("billing-7", "billing")?;
/// assert_eq!((agent.id(), agent.kind()), ("billing-7", "billing"));
/// assert!(Agent::new("../billing-8", "billing").is_err());
/// # Ok::<(), doorman::identity::InvalidAgent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent(Arc<(AgentId, AgentType)>);

impl Agent {
    /// An agent of this id (the instance: 1 to 63 of `a-z 0-9 -`) and type (the role: those and `_`), each beginning with a
    /// letter or digit. Nothing is trimmed or folded.
    pub fn new(id: &str, kind: &str) -> Result<Self, InvalidAgent> {
        Ok(Self(Arc::new((name::agent(id)?, name::agent_type(kind)?))))
    }

    /// The instance: `agent_id`.
    pub fn id(&self) -> &str {
        self.0.0.as_str()
    }

    /// The role: `agent_type`.
    pub fn kind(&self) -> &str {
        self.0.1.as_str()
    }
}

/// An agent id or type outside the grammar. It says what was expected, not what came: whoever chose that may have chosen
/// it for the log it ends up in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidAgent {
    expected: &'static str,
}

impl From<GrammarError> for InvalidAgent {
    fn from(error: GrammarError) -> Self {
        Self { expected: error.expected() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_cannot_forge_a_line() {
        let error = Agent::new("a\u{1b}[31m\nb", "t").expect_err("control character").to_string();
        assert!(error.starts_with("expected an agent id") && !error.contains(char::is_control), "{error}");
        assert!(Agent::new("a", "T").is_err());
    }
}
