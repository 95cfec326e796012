//! Globs over keys and tool names: literals, `*` and `?`, nothing else.

use std::fmt;

use crate::GrammarError;

/// The longest pattern, in bytes. It bounds the cost of a match to `MAX_LEN` × the length of the text.
pub const MAX_LEN: usize = 256;

const EXPECTED: &str = "a glob such as \"*_token\": 1 to 256 bytes of text with '*' (any run) and '?' (one character), \
                        at least one literal character, and none of '[', ']', '{', '}', '\\'";

/// A pattern: `*` is any run of characters, the empty one too, `?` exactly one; everything else is itself, case included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    pattern: Box<str>,
}

/// Parses a pattern; see [`Glob::parse`].
///
/// # Errors
/// See [`Glob::parse`].
pub fn parse(text: &str) -> Result<Glob, GrammarError> {
    Glob::parse(text)
}

impl Glob {
    /// Parses a pattern of at most [`MAX_LEN`] bytes.
    ///
    /// # Errors
    /// Empty or only wildcards: it would match everything, which has to be said in words. Brackets, braces and
    /// backslashes: elsewhere they are classes, alternatives and escapes, here they would silently match nothing.
    /// Control characters.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let illegal = |c: char| matches!(c, '[' | ']' | '{' | '}' | '\\') || c.is_control();
        if text.len() > MAX_LEN || text.chars().any(illegal) || text.chars().all(|c| matches!(c, '*' | '?')) {
            return Err(GrammarError::new(EXPECTED, text));
        }
        Ok(Self { pattern: text.into() })
    }

    /// `*`, for where "everything" has been said in words.
    #[must_use]
    pub fn any() -> Self {
        Self { pattern: "*".into() }
    }

    /// The pattern, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole text fits the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // Two pointers. After a mismatch only the last `*` seen takes one more character: an earlier one could do
        // nothing that the last one can't, so there is no recursion and no exponential case.
        let (mut pattern, mut rest) = (self.pattern.as_ref(), text);
        let mut retry: Option<(&str, &str)> = None;
        loop {
            if let Some(after) = pattern.strip_prefix('*') {
                retry = Some((after, rest));
                pattern = after;
                continue;
            }
            match (first(pattern), first(rest)) {
                (None, None) => return true,
                (Some((p, pattern_rest)), Some((c, text_rest))) if p == '?' || p == c => {
                    (pattern, rest) = (pattern_rest, text_rest);
                }
                _ => {
                    let Some((after, from)) = retry else { return false };
                    let Some((_, shorter)) = first(from) else { return false };
                    retry = Some((after, shorter));
                    (pattern, rest) = (after, shorter);
                }
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

/// The first character and what follows it.
fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn matching() {
        for (pattern, yes, no) in [
            ("token", &["token"][..], &["", "tokens", "a_token", "Token", "toke"][..]),
            ("*_token", &["_token", "access_token", "a_token_token"], &["token", "access_tokens", "access-token"]),
            ("pass*", &["pass", "password"], &["pas", "a_pass"]),
            ("*secret*", &["secret", "a_secret_b", "secretsecret"], &["secre t", ""]),
            ("a?c", &["abc", "a-c", "aéc", "a?c"], &["ac", "abbc", "abc "]),
            ("a*b*c", &["abc", "a1b2c", "abcbc", "aabbcc"], &["ac", "ab", "abcd"]),
            ("a**b", &["ab", "axb"], &["a"]),
            ("*?x", &["ax", "abx", "xx"], &["x", "xa"]),
            ("x?*", &["xa", "xabc"], &["x"]),
            ("é*", &["é", "été"], &["e", "té"]),
        ] {
            let glob = Glob::parse(pattern).expect(pattern);
            for text in yes {
                assert!(glob.matches(text), "{pattern} should match {text}");
            }
            for text in no {
                assert!(!glob.matches(text), "{pattern} should not match {text}");
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        /// The definition, word for word: exponential, and obviously right.
        fn defined(pattern: &[char], text: &[char]) -> bool {
            match (pattern, text) {
                ([], text) => text.is_empty(),
                (['*', after @ ..], text) => (0..=text.len()).any(|n| defined(after, &text[n..])),
                ([p, after @ ..], [c, rest @ ..]) => (*p == '?' || p == c) && defined(after, rest),
                _ => false,
            }
        }
        /// All words of up to `len` letters of the alphabet.
        fn words(alphabet: &str, len: usize) -> Vec<String> {
            let mut words = vec![String::new()];
            let mut from = 0;
            for _ in 0..len {
                let to = words.len();
                for i in from..to {
                    words.extend(alphabet.chars().map(|c| format!("{}{c}", words[i])).collect::<Vec<_>>());
                }
                from = to;
            }
            words
        }
        let texts = words("aé", 5);
        for pattern in words("aé*?", 5) {
            let Ok(glob) = Glob::parse(&pattern) else { continue };
            let chars: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let expected = defined(&chars, &text.chars().collect::<Vec<_>>());
                assert_eq!(glob.matches(text), expected, "{pattern} on {text}");
            }
        }
    }

    #[test]
    fn illegal() {
        for text in ["", "*", "**", "?", "*?*", "[ab]*", "{a,b}", "a\\*", "a\n", &"x".repeat(257)] {
            let error = Glob::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a glob such as \"*_token\""), "{error}");
        }
    }

    #[test]
    fn hostile_input_stays_cheap() {
        let glob = Glob::parse(&format!("{}b", "*a".repeat(127))).expect("legal");
        assert!(!glob.matches(&"a".repeat(100_000)));
    }
}
