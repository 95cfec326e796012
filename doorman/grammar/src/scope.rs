//! OAuth scope names, as a capability asks for them and a token or a manifest grants them.

use crate::GrammarError;
use crate::name::text_type;

/// The longest scope name, in bytes.
pub const MAX_LEN: usize = 128;

const EXPECTED: &str =
    "a scope such as \"invoices:read\": 1 to 128 visible ASCII characters without space, '\"', '\\' or '*'";

/// Parses one scope-token (RFC 6749 §3.3: `%x21 / %x23-5B / %x5D-7E`) of 1 to [`MAX_LEN`] characters. `*` is refused
/// although the RFC allows it: scopes are compared exactly, so a pattern would look like a grant and grant nothing.
///
/// # Errors
/// Anything else.
pub fn parse(text: &str) -> Result<Scope, GrammarError> {
    let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E) && b != b'*';
    if (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(legal) {
        Ok(Scope(text.into()))
    } else {
        Err(GrammarError::new(EXPECTED, text))
    }
}

text_type! {
    /// A legal scope name. Compared exactly, byte by byte.
    Scope, parse
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn legal() {
        for text in
            ["a", "invoices:read", "https://api.example.com/scope?x=[1]", "!#$%&'()+,-./", "x".repeat(128).as_str()]
        {
            assert_eq!(parse(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn illegal() {
        for text in [
            "",
            " ",
            "a b",
            "a\"b",
            "a\\b",
            "*",
            "invoices:*",
            "a\n",
            "a\0",
            "a\u{7f}",
            "é",
            "a\u{200b}",
            &"x".repeat(129),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a scope such as \"invoices:read\""), "{text}: {error}");
        }
    }
}
