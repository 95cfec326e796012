//! Names: of tools (on the wire), of module instances (in manifests), of agents (also directory names).

use crate::GrammarError;

/// Makes a type around text that its parse function has accepted.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text, as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = GrammarError;
            fn from_str(text: &str) -> Result<Self, GrammarError> {
                $parse(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use text_type;

const TOOL: &str = "a tool name such as \"get_invoice\": 1 to 128 of A-Z, a-z, 0-9, '_', '-' and '.'";
const INSTANCE: &str =
    "a module instance name such as \"docs\": 1 to 64 of a-z, 0-9, '_' and '-', starting with a letter";
const AGENT: &str = "an agent id such as \"billing-01\": 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit";
const AGENT_TYPE: &str =
    "an agent type such as \"billing\": 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit";

text_type! {
    /// The name of a tool, as MCP 2025-11-25 (Tools, tool names) limits it.
    ToolName, tool
}

text_type! {
    /// The name of a module instance: a manifest key, and the prefix of the instance's tools and scopes.
    InstanceName, instance
}

text_type! {
    /// The id of an agent: becomes a directory name, a file name and a key prefix. Lower case, so that two of them are
    /// also two where a file system folds case.
    AgentId, agent
}

text_type! {
    /// The type of an agent: what a manifest is written for.
    AgentType, agent_type
}

/// Parses a tool name: 1 to 128 of `A-Za-z0-9_-.`.
///
/// # Errors
/// Anything else.
pub fn tool(text: &str) -> Result<ToolName, GrammarError> {
    if is_tool(text) { Ok(ToolName(text.into())) } else { Err(GrammarError::new(TOOL, text)) }
}

/// Whether the text is a legal tool name, for callers that need no copy of it.
#[must_use]
pub fn is_tool(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Parses the name of a module instance: 1 to 64 of `a-z0-9_-`, starting with a letter.
///
/// # Errors
/// Anything else.
pub fn instance(text: &str) -> Result<InstanceName, GrammarError> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(legal) {
        Ok(InstanceName(text.into()))
    } else {
        Err(GrammarError::new(INSTANCE, text))
    }
}

/// Parses an agent id: 1 to 63 of `a-z0-9-`, starting with a letter or digit.
///
/// # Errors
/// Anything else; surrounding space is not trimmed.
pub fn agent(text: &str) -> Result<AgentId, GrammarError> {
    if is_agent(text, b"-") { Ok(AgentId(text.into())) } else { Err(GrammarError::new(AGENT, text)) }
}

/// Parses an agent type: 1 to 63 of `a-z0-9_-`, starting with a letter or digit.
///
/// # Errors
/// Anything else; surrounding space is not trimmed.
pub fn agent_type(text: &str) -> Result<AgentType, GrammarError> {
    if is_agent(text, b"_-") { Ok(AgentType(text.into())) } else { Err(GrammarError::new(AGENT_TYPE, text)) }
}

fn is_agent(text: &str, marks: &[u8]) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len()) && plain(text.as_bytes()[0]) && text.bytes().all(|b| plain(b) || marks.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{agent, agent_type, instance, tool};

    #[test]
    fn tools() {
        for text in ["a", "get_invoice", "docs.read-file", "A", "9", "_", ".", "x".repeat(128).as_str()] {
            assert_eq!(tool(text).expect(text).as_str(), text);
        }
        for text in ["", "a b", "a/b", "a:b", "a\n", "é", "<script>", "a\u{200b}", &"x".repeat(129)] {
            let error = tool(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a tool name such as"), "{error}");
        }
    }

    #[test]
    fn instances() {
        for text in ["a", "docs", "team_a-2", "x".repeat(64).as_str()] {
            assert_eq!(instance(text).expect(text).as_str(), text);
        }
        for text in ["", "Docs", "9docs", "_docs", "-docs", "do.cs", "do cs", "docs\n", "é", &"x".repeat(65)] {
            let error = instance(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a module instance name such as"), "{error}");
        }
    }

    #[test]
    fn agents() {
        for text in ["a", "billing-01", "0", "a-", "x".repeat(63).as_str()] {
            assert_eq!(agent(text).expect(text).as_str(), text);
            assert_eq!(agent_type(text).expect(text).as_str(), text);
        }
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "a.b",
            "-a",
            "_a",
            "a/b",
            "a\\b",
            "a:b",
            " a",
            "a ",
            "a\n",
            "a\0",
            "A",
            "aB",
            "é",
            "а",
            "a\u{200b}",
            "..\u{2215}",
            "%2e",
            "${ID}",
            &"x".repeat(64),
        ] {
            let error = agent(text).expect_err(text).to_string();
            assert!(error.starts_with("expected an agent id such as"), "{error}");
            let error = agent_type(text).expect_err(text).to_string();
            assert!(error.starts_with("expected an agent type such as"), "{error}");
        }
        assert!(agent("a_b").is_err() && agent_type("a_b").is_ok());
    }
}
