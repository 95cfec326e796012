//! Static bearer tokens: the verifier for a fixed set of agents.

use std::{collections::HashMap, path::Path, time::SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;
use serde_saphyr::Spanned;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Agent, Identity,
    digest::{TokenHash, hash},
};
use crate::{
    credentials::{Secret, read_private},
    manifest::{FileError, read},
};

/// Bearer tokens (RFC 6750) and the agents that they stand for. Only SHA-256 digests are held.
///
/// ```
/// use doorman::{credentials::Secret, identity::{Agent, Tokens}};
/// let tokens = Tokens::default().with(&Secret::new("a long random text"), Agent::new("support-1", "support")?);
/// # Ok::<(), doorman::identity::InvalidAgent>(())
/// ```
#[derive(Clone, Default)]
pub struct Tokens(HashMap<TokenHash, Held>);

/// Who bears a token, and until when, if it ends.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) identity: Identity,
    pub(crate) expires: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tokens: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: Spanned<String>,
    agent_id: Spanned<String>,
    agent_type: Spanned<String>,
    #[serde(default)]
    expires: Option<Spanned<String>>,
}

impl Tokens {
    /// Adds a token, and the agent that bears it.
    #[must_use]
    pub fn with(mut self, token: &Secret, agent: Agent) -> Self {
        self.add(token, Identity::of_agent(agent));
        self
    }

    /// Adds a token whose bearer is no agent: it is verified, but nothing scoped runs for it.
    #[must_use]
    pub fn with_bearer(mut self, token: &Secret, subject: &str) -> Self {
        self.add(token, Identity { scopes: None, ..Identity::new(subject) });
        self
    }

    fn add(&mut self, token: &Secret, identity: Identity) {
        self.0.insert(hash(token.expose().as_bytes()), Held { identity, expires: None });
    }

    /// Reads a token file: YAML, readable by its owner only (0600), who must be the user that runs the server.
    ///
    /// ```yaml
    /// tokens:
    ///   - sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08   # printf %s "$TOKEN" | sha256sum
    ///     agent_id: support-1
    ///     agent_type: support
    ///     expires: 2027-01-01T00:00:00Z                                              # optional
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = read_private(path).map_err(|expected| FileError::whole(path, expected))?;
        Self::parse(path, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        let document: Document = read(file, text)?;
        let mut tokens = HashMap::with_capacity(document.tokens.len());
        for entry in document.tokens {
            let digest = hex(&entry.sha256.value).ok_or_else(|| {
                FileError::at(file, &entry.sha256, "expected the token's SHA-256 as 64 hexadecimal digits")
            })?;
            let agent = Agent::new(&entry.agent_id.value, &entry.agent_type.value).map_err(|error| {
                let id = doorman_grammar::name::agent(&entry.agent_id.value);
                let place = if id.is_err() { &entry.agent_id } else { &entry.agent_type };
                FileError::at(file, place, error.to_string())
            })?;
            let expires = entry.expires.as_ref().map(|text| {
                OffsetDateTime::parse(&text.value, &Rfc3339)
                    .map(SystemTime::from)
                    .map_err(|_| FileError::at(file, text, "expected a time as in 2027-01-01T00:00:00Z"))
            });
            let bearer = Held { identity: Identity::of_agent(agent), expires: expires.transpose()? };
            if tokens.insert(digest, bearer).is_some() {
                return Err(FileError::at(file, &entry.sha256, "this token is listed twice"));
            }
        }
        if tokens.is_empty() {
            return Err(FileError::whole(file, "expected at least one token"));
        }
        Ok(Self(tokens))
    }

    /// The bearer of a token, whatever bytes it has. The table is keyed by digest, so its lookup tells nothing about a
    /// token; the digest found is then compared in constant time (S09).
    pub(crate) fn verify(&self, token: &[u8], now: SystemTime) -> Option<(&TokenHash, &Held)> {
        let presented = hash(token);
        let (held, bearer) = self.0.get_key_value(&presented)?;
        verify_slices_are_equal(held, &presented).ok()?;
        bearer.expires.is_none_or(|expires| now < expires).then_some((held, bearer))
    }

    /// Whether this is one of them, expired or not.
    pub(crate) fn has(&self, token: &[u8]) -> bool {
        self.0.contains_key(&hash(token))
    }

    /// All tokens.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&TokenHash, &Held)> {
        self.0.iter()
    }
}

fn hex(text: &str) -> Option<TokenHash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, time::Duration};

    use super::*;

    const TEXT: &str = "tokens:\n  - sha256: 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\n    \
                        agent_id: a1\n    agent_type: clerk\n    expires: 2030-01-01T00:00:00Z\n";

    #[test]
    fn s09_any_bytes_are_compared_and_only_the_token_verifies() {
        let tokens = Tokens::parse(Path::new("t.yaml"), TEXT).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert!(tokens.verify(b"test", now).is_some());
        for token in [&b"Test"[..], b"test ", b"tes", b"", b"\xff\xfe\0", &[b'x'; 100_000]] {
            assert!(tokens.verify(token, now).is_none());
        }
    }

    #[test]
    fn expiry_is_exact() {
        let tokens = Tokens::parse(Path::new("t.yaml"), TEXT).unwrap();
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        assert!(tokens.verify(b"test", end - Duration::from_nanos(1)).is_some());
        assert!(tokens.verify(b"test", end).is_none());
    }

    #[test]
    fn s04_mistakes_in_the_file_say_where_and_never_the_digest() {
        let error = |text: &str| Tokens::parse(Path::new("t.yaml"), text).err().map(|error| error.to_string());
        let twice = format!("{TEXT}{}", TEXT.trim_start_matches("tokens:\n").replace("9F86", "9f86"));
        for (text, expected) in [
            (TEXT.replace("9F86", "9F8"), "t.yaml:2:13: expected the token's SHA-256"),
            (TEXT.replace("a1", "../a1"), "t.yaml:3:15: expected an agent id"),
            (TEXT.replace("2030-01-01T00:00:00Z", "tomorrow"), "t.yaml:5:14: expected a time"),
            (TEXT.replace("expires", "expire"), "t.yaml:5:5: unknown key"),
            ("tokens: []".to_owned(), "expected at least one token"),
            (twice, "t.yaml:6:13: this token is listed twice"),
        ] {
            let said = error(&text).unwrap_or_default();
            assert!(said.contains(expected), "{said}");
            assert!(!said.to_lowercase().contains("9f86"), "{said}");
        }
    }

    #[test]
    fn s28_a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.yaml");
        std::fs::write(&path, TEXT).unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        assert!(Tokens::read(&path).err().unwrap().to_string().contains("0600"));
        mode(0o600);
        assert!(Tokens::read(&path).is_ok());
        assert!(Tokens::read(folder.path()).err().unwrap().to_string().contains("regular file"));
    }
}
