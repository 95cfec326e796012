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
const AGENT: &str =
    "an agent id such as \"billing-01\": 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', not starting with '.'";

text_type! {
    /// The name of a tool, as MCP 2025-11-25 (Tools, tool names) limits it.
    ToolName, tool
}

text_type! {
    /// The name of a module instance: a manifest key, and the prefix of the instance's tools and scopes.
    InstanceName, instance
}

text_type! {
    /// The id of an agent. It is used as the name of a directory, so it can be neither hidden nor `.` nor `..`.
    AgentId, agent
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

/// Parses an agent id: 1 to 128 of `A-Za-z0-9._-`, not starting with `.`.
///
/// # Errors
/// Anything else; surrounding space is not trimmed.
pub fn agent(text: &str) -> Result<AgentId, GrammarError> {
    // The alphabet is that of tool names; what a directory name must not be comes on top.
    if is_tool(text) && !text.starts_with('.') { Ok(AgentId(text.into())) } else { Err(GrammarError::new(AGENT, text)) }
}

#[cfg(test)]
mod tests {
    use super::{agent, instance, tool};

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
        for text in ["a", "billing-01", "A.b_c", "-", "a..b", "x".repeat(128).as_str()] {
            assert_eq!(agent(text).expect(text).as_str(), text);
        }
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "...",
            "a/b",
            "a\\b",
            "a:b",
            " a",
            "a ",
            "a\0",
            "é",
            "..\u{2215}",
            &"x".repeat(129),
        ] {
            let error = agent(text).expect_err(text).to_string();
            assert!(error.starts_with("expected an agent id such as"), "{error}");
        }
    }
}
