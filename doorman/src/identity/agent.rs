use std::{fmt, sync::Arc};

/// The longest id or type, in bytes.
const LONGEST: usize = 128;

/// The agent that a principal acts as.
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
pub struct Agent {
    id: AgentId,
    kind: AgentType,
}

impl Agent {
    /// An agent of this id (the instance) and type (the role).
    pub fn new(id: &str, kind: &str) -> Result<Self, InvalidAgent> {
        Ok(Self { id: AgentId::new(id)?, kind: AgentType::new(kind)? })
    }

    /// The instance: `agent_id`.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The role: `agent_type`.
    pub fn kind(&self) -> &str {
        self.kind.as_str()
    }

    /// The id as the type that proves its grammar.
    pub fn agent_id(&self) -> &AgentId {
        &self.id
    }

    /// The type as the type that proves its grammar.
    pub fn agent_type(&self) -> &AgentType {
        &self.kind
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 128 of `A-Z a-z 0-9 . _ -`, not beginning with a dot.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a name; nothing is trimmed or folded.
            pub fn new(name: &str) -> Result<Self, InvalidAgent> {
                match check(name) {
                    Ok(()) => Ok(Self(name.into())),
                    Err(found) => Err(InvalidAgent { field: $field, found }),
                }
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Which agent: becomes a directory name, a file name and a key prefix.
    AgentId, "agent id"
}

name! {
    /// Which kind of agent: what manifests are written for.
    AgentType, "agent type"
}

/// An agent id or type outside the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be 1 to 128 of A-Z a-z 0-9 . _ -, not beginning with a dot; found {found}")]
pub struct InvalidAgent {
    field: &'static str,
    found: Found,
}

/// What stands against a name. Not the name: whoever chose it may have chosen it for the log it ends up in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Found {
    #[error("nothing")]
    Nothing,
    #[error("{0} bytes")]
    Bytes(usize),
    #[error("a dot at the beginning")]
    Dot,
    #[error("{found:?} at byte {at}", found = .0, at = .1)]
    Other(char, usize),
}

fn check(name: &str) -> Result<(), Found> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name.len() {
        0 => return Err(Found::Nothing),
        length if length > LONGEST => return Err(Found::Bytes(length)),
        _ => {}
    }
    match name.char_indices().find(|(_, c)| !legal(*c)) {
        Some((at, found)) => Err(Found::Other(found, at)),
        None if name.starts_with('.') => Err(Found::Dot),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_file_names() {
        for legal in ["a", "A.b_c-9", "-", "0", "a..b", "con", &"x".repeat(128)] {
            assert_eq!(AgentId::new(legal).as_ref().map(AgentId::as_str), Ok(legal));
        }
        for illegal in [
            "",
            ".",
            "..",
            ".a",
            "a/b",
            "a\\b",
            "a:b",
            "a b",
            " a",
            "a\n",
            "a\0",
            "é",
            "а",
            "a\u{200b}",
            "%2e",
            "${ID}",
            &"x".repeat(129),
        ] {
            assert!(AgentId::new(illegal).is_err(), "{illegal:?}");
            assert!(Agent::new("a", illegal).is_err() && Agent::new(illegal, "a").is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn errors_cannot_forge_a_line() {
        let error = AgentId::new("a\u{1b}[31m\nb").expect_err("control character").to_string();
        assert!(error.ends_with(r"found '\u{1b}' at byte 1"), "{error}");
    }
}
