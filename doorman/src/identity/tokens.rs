//! Static bearer tokens: the verifier for a fixed set of agents.

use std::{collections::HashMap, path::Path, time::SystemTime};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use serde::Deserialize;
use serde_saphyr::Spanned;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Agent, Identity};
use crate::{
    credentials::{Secret, read_private},
    manifest::{FileError, read},
};

type Digest = [u8; 32];

fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Bearer tokens (RFC 6750) and the agents that they stand for. Only SHA-256 digests are held.
///
/// ```
/// use doorman::{credentials::Secret, identity::{Agent, Tokens}};
/// let tokens = Tokens::default().with(&Secret::new("a long random text"), Agent::new("support-1", "support")?);
/// # Ok::<(), doorman::identity::InvalidAgent>(())
/// ```
#[derive(Default)]
pub struct Tokens(HashMap<Digest, Bearer>);

/// Who bears a token.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
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
        let subject = subject.to_owned();
        self.add(token, Identity { subject, tenant: None, client: None, scopes: None, agent: None });
        self
    }

    fn add(&mut self, token: &Secret, identity: Identity) {
        self.0.insert(sha256(token.expose().as_bytes()), Bearer { identity, expires: None });
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
            let agent = Agent::new(&entry.agent_id.value, &entry.agent_type.value)
                .map_err(|error| FileError::at(file, &entry.agent_id, error.to_string()))?;
            let expires = entry.expires.as_ref().map(|text| {
                OffsetDateTime::parse(&text.value, &Rfc3339)
                    .map(SystemTime::from)
                    .map_err(|_| FileError::at(file, text, "expected a time as in 2027-01-01T00:00:00Z"))
            });
            let bearer = Bearer { identity: Identity::of_agent(agent), expires: expires.transpose()? };
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
    pub(crate) fn verify(&self, token: &[u8], now: SystemTime) -> Option<(&Digest, &Bearer)> {
        let presented = sha256(token);
        let (held, bearer) = self.0.get_key_value(&presented)?;
        verify_slices_are_equal(held, &presented).ok()?;
        bearer.expires.is_none_or(|expires| now < expires).then_some((held, bearer))
    }

    /// All bearers.
    pub(crate) fn bearers(&self) -> impl Iterator<Item = (&Digest, &Bearer)> {
        self.0.iter()
    }
}

fn hex(text: &str) -> Option<Digest> {
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
