//! What the operator says about issuers, in a file.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use doorman_grammar::duration;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Algorithm, Auth, Issuers};
use crate::{
    credentials::{Secret, read_private, read_public},
    identity::{
        Agent,
        digest::{TokenHash, hash},
    },
    manifest::{FileError, read},
};

type Texts = Vec<Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    resource: Spanned<String>,
    #[serde(default)]
    scopes_supported: Texts,
    #[serde(default)]
    required_scopes: Texts,
    #[serde(default)]
    implies: BTreeMap<String, Spanned<Vec<String>>>,
    issuers: Spanned<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuer: Spanned<String>,
    algorithms: Option<Texts>,
    leeway: Option<Spanned<String>>,
    #[serde(default)]
    allow_loopback_http: bool,
    agent_claims: Option<AgentClaims>,
    agents: Option<Spanned<AgentTable>>,
    tenant_claim: Option<String>,
    introspection: Option<Asking>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentClaims {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    claim: String,
    table: BTreeMap<String, Spanned<AgentEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentEntry {
    agent_id: String,
    agent_type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    client_id: Spanned<String>,
    client_secret_file: Option<Spanned<PathBuf>>,
    client_secret_env: Option<Spanned<String>>,
    revocation_within: Option<Spanned<String>>,
    #[serde(default)]
    audience_by_issuer: bool,
}

/// A file about issuers that has been read.
pub(crate) struct Written {
    pub(crate) issuers: Issuers,
    /// The files that clients' secrets are in.
    pub(crate) secret_files: Vec<PathBuf>,
    /// Stands for all that the file, and those that it names, say.
    pub(crate) digest: TokenHash,
}

impl Written {
    /// Reads a file about issuers. Nothing is fetched.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let text = read_public(path).map_err(|expected| FileError::whole(path, expected))?;
        Self::parse(path, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        let document: Document = read(file, text)?;
        for (scope, implied) in &document.implies {
            for name in implied.value.iter().chain([scope]) {
                legal_scope(name).map_err(|expected| FileError::at(file, implied, expected))?;
            }
        }
        for scope in document.scopes_supported.iter().chain(&document.required_scopes) {
            legal_scope(&scope.value).map_err(|expected| FileError::at(file, scope, expected))?;
        }
        if document.issuers.value.is_empty() {
            return Err(FileError::at(file, &document.issuers, "expected at least one issuer"));
        }
        let mut written = Self { issuers: Issuers::default(), secret_files: Vec::new(), digest: [0; 32] };
        let mut said = text.as_bytes().to_vec();
        for entry in &document.issuers.value {
            let secret = entry.introspection.as_ref().map(|asking| secret(file, asking)).transpose()?;
            if let Some((secret, from)) = &secret {
                said.extend_from_slice(&hash(secret.expose().as_bytes()));
                written.secret_files.extend(from.clone());
            }
            let auth = auth(file, &document, entry, secret.map(|(secret, _)| secret))?;
            written.issuers.add(auth).map_err(|error| FileError::at(file, &entry.issuer, error.expected))?;
        }
        written.digest = hash(&said);
        Ok(written)
    }
}

fn legal_scope(name: &str) -> Result<(), &'static str> {
    doorman_grammar::scope::parse(name).map(drop).map_err(|_| "expected a scope such as invoices:read, without `*`")
}

fn texts(of: &Texts) -> impl Iterator<Item = &str> {
    of.iter().map(|it| it.value.as_str())
}

fn auth(file: &Path, document: &Document, entry: &Entry, secret: Option<Secret>) -> Result<Auth, FileError> {
    let (issuer, resource) = (entry.issuer.value.as_str(), document.resource.value.as_str());
    let time = |text: &Spanned<String>| match text.value.as_str() {
        "0s" => Ok(Duration::ZERO),
        other => duration::parse(other).map_err(|_| FileError::at(file, text, "expected a time such as 30s, 5m or 0s")),
    };
    let mut auth = match (&entry.introspection, secret) {
        (Some(asking), Some(secret)) => Auth::introspection(issuer, resource, &asking.client_id.value, secret),
        _ => Auth::jwt(issuer, resource),
    };
    auth = auth.scopes_supported(texts(&document.scopes_supported)).required_scopes(texts(&document.required_scopes));
    for (scope, implied) in &document.implies {
        auth = auth.implies(scope.as_str(), implied.value.iter().map(String::as_str));
    }
    if let Some(names) = &entry.algorithms {
        let expected = "expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
        let named = names.iter().map(|it| Algorithm::named(&it.value).ok_or_else(|| FileError::at(file, it, expected)));
        auth = auth.algorithms(named.collect::<Result<Vec<_>, _>>()?);
    }
    if let Some(leeway) = &entry.leeway {
        auth = auth.leeway(time(leeway)?);
    }
    if entry.allow_loopback_http {
        auth = auth.allow_loopback_http();
    }
    auth = match (&entry.agent_claims, &entry.agents) {
        (None, None) => auth,
        (Some(AgentClaims { id, kind }), None) => auth.agent_claims(id, kind),
        (None, Some(agents)) => auth.agent_of(&agents.value.claim, table(file, &agents.value)?),
        (Some(_), Some(agents)) => return Err(FileError::at(file, agents, "expected `agent_claims` or `agents`")),
    };
    if let Some(claim) = &entry.tenant_claim {
        auth = auth.tenant_claim(claim);
    }
    let Some(asking) = &entry.introspection else { return Ok(auth) };
    if let Some(within) = &asking.revocation_within {
        auth = auth.revocation_within(time(within)?);
    }
    Ok(if asking.audience_by_issuer { auth.audience_by_issuer() } else { auth })
}

fn table(file: &Path, agents: &AgentTable) -> Result<HashMap<String, Agent>, FileError> {
    let agent = |(value, it): (&String, &Spanned<AgentEntry>)| {
        let agent = Agent::new(&it.value.agent_id, &it.value.agent_type);
        agent.map(|agent| (value.clone(), agent)).map_err(|error| FileError::at(file, it, error.to_string()))
    };
    agents.table.iter().map(agent).collect()
}

/// A client's secret, and the file that it is in.
fn secret(file: &Path, asking: &Asking) -> Result<(Secret, Option<PathBuf>), FileError> {
    match (&asking.client_secret_file, &asking.client_secret_env) {
        (Some(path), None) => {
            let text = read_private(&path.value).map_err(|expected| FileError::at(file, path, expected))?;
            Ok((Secret::new(text.trim()), Some(path.value.clone())))
        }
        (None, Some(name)) => match std::env::var(&name.value) {
            Ok(text) if !text.trim().is_empty() => Ok((Secret::new(text.trim()), None)),
            _ => Err(FileError::at(file, name, "expected the name of a variable that is set")),
        },
        _ => {
            let expected = "expected `client_secret_file` or `client_secret_env` beside it";
            Err(FileError::at(file, &asking.client_id, expected))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::TokenVerifier;

    const TEXT: &str = "resource: https://mcp.example/mcp
scopes_supported: [mcp, invoices:read]
required_scopes: [mcp]
implies: {invoices:write: [invoices:read]}
issuers:
  - issuer: https://id.example
    algorithms: [ES256]
    leeway: 10s
    tenant_claim: org
    agents: {claim: client_id, table: {svc-1: {agent_id: a1, agent_type: clerk}}}
  - issuer: https://other.example
    agent_claims: {id: a, type: b}
    introspection: {client_id: doorman, client_secret_env: PATH, revocation_within: 5s}
";

    fn parse(text: &str) -> Result<Written, FileError> {
        Written::parse(Path::new("auth.yaml"), text)
    }

    #[test]
    fn all_keys_are_read() {
        let written = parse(TEXT).unwrap();
        let resource = written.issuers.resource().unwrap();
        assert_eq!(resource.resource, "https://mcp.example/mcp");
        assert_eq!(resource.authorization_servers, ["https://id.example", "https://other.example"]);
        assert_eq!(resource.scopes_supported, ["mcp", "invoices:read"]);
        assert_eq!(resource.required_scopes, ["mcp"]);
        assert_eq!(written.issuers.secrets().count(), 1);
        assert!(parse(&TEXT.replace("10s", "0s").replace("5s", "0s")).is_ok(), "always exact, and always asked");
        assert_ne!(written.digest, parse(&TEXT.replace("10s", "11s")).unwrap().digest);
    }

    #[test]
    fn s04_mistakes_say_where_and_what_was_expected() {
        for (from, to, expected) in [
            ("leeway: 10s", "leeway: soon", "auth.yaml:8:13: expected a time"),
            ("leeway: 10s", "leeway: 0", "auth.yaml:8:13: expected a time"),
            ("leeway: 10s", "leeway: 61s", "auth.yaml:6:13: expected a leeway of 60 seconds at most"),
            ("leeway", "leway", "auth.yaml:8:5: unknown key"),
            ("ES256", "none", "auth.yaml:7:18: expected one of RS256"),
            ("ES256", "HS256", "auth.yaml:7:18: expected one of RS256"),
            ("https://id.example", "http://id.example", "auth.yaml:6:13: expected an https URL"),
            ("https://other.example", "https://id.example", "auth.yaml:11:13: expected each issuer once"),
            ("https://mcp.example/mcp", "mcp", "expected this server's URL as resource"),
            ("[mcp, invoices:read]", "[mcp, '*']", "auth.yaml:2:25: expected a scope"),
            ("[invoices:read]}", "['a b']}", "auth.yaml:4:27: expected a scope"),
            ("agent_id: a1", "agent_id: ../a", "expected an agent id"),
            ("client_secret_env: PATH", "client_secret_env: NO_SUCH_VARIABLE", "expected the name of a variable"),
            ("client_secret_env: PATH, ", "", "expected `client_secret_file` or `client_secret_env`"),
            ("    agent_claims:", "    agents: {claim: c, table: {}}\n    agent_claims:", "`agent_claims` or `agents`"),
        ] {
            assert!(TEXT.contains(from), "{from}");
            let said = parse(&TEXT.replacen(from, to, 1)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(expected), "{to}: {said}");
        }
    }
}
