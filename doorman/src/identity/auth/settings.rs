//! What the operator says about an issuer.

use std::{fmt, sync::OnceLock, time::Duration};

use futures::future::BoxFuture;

use super::{
    Algorithm,
    claims::Policy,
    engine::Engine,
    flight::Moment,
    mapping::{Agents, Hierarchy},
};
use crate::{
    credentials::Secret,
    identity::{Agent, Bearer, ProtectedResource, TokenVerifier, Unverified},
};

/// The widest leeway.
const LEEWAY_MOST: Duration = Duration::from_secs(60);
/// The longest that an issuer's word holds.
const REVOCATION_MOST: Duration = Duration::from_secs(3600);

/// An issuer (OAuth authorization server) whose tokens say who calls.
///
/// A token is good if it has the issuer's signature, names this server as audience, is an access token (RFC 9068, or one
/// that doesn't say that it is something else) and hasn't expired. Tokens bound to a key (`cnf`) are refused: their proof
/// isn't checked. The scopes are those of `scope` or `scp`; a token without them has none.
///
/// ```
/// use std::time::Duration;
///
/// use doorman::identity::Auth;
///
/// let auth = Auth::jwt("https://issuer.example", "https://mcp.example/mcp")
///     .required_scopes(["mcp"])
///     .scopes_supported(["mcp", "invoices:read"])
///     .implies("invoices:write", ["invoices:read"])
///     .leeway(Duration::from_secs(10));
/// assert!(auth.check().is_ok());
/// ```
///
/// Keys come from the issuer's metadata (RFC 8414, OpenID Connect Discovery): over https, without redirects, at most 256 KiB
/// and 100 keys. They are renewed before they are 5 minutes old. If that fails they serve until they are an hour old, and
/// then every token is refused. A key id that isn't among them has them fetched again, at most every 30 seconds.
///
/// Several issuers stand side by side in [`Issuers`](super::Issuers). Each may name any agent, unless [`Auth::agent_of`] limits it.
pub struct Auth {
    pub(super) settings: Settings,
    engine: OnceLock<Result<Engine, InvalidAuth>>,
}

pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) supported: Vec<String>,
    pub(super) loopback_http: bool,
    pub(super) asked: Option<Asked>,
    #[cfg(test)]
    pub(super) patience: Option<Duration>,
}

/// How an issuer is asked about tokens.
pub(super) struct Asked {
    pub(super) client: String,
    pub(super) secret: Secret,
    pub(super) revocation: Duration,
    /// Whether tokens need no audience.
    pub(super) audience_by_issuer: bool,
}

/// Settings that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("issuer {issuer:?}: {expected}")]
pub struct InvalidAuth {
    pub(super) issuer: String,
    pub(super) expected: &'static str,
}

impl Auth {
    /// An issuer that signs its tokens (JWT, RFC 9068). `issuer` and `resource` are compared exactly with `iss` and `aud`
    /// (RFC 8707): a slash more is another one.
    pub fn jwt(issuer: impl Into<String>, resource: impl Into<String>) -> Self {
        let policy = Policy {
            issuer: issuer.into(),
            resource: resource.into(),
            leeway: Duration::from_secs(30),
            required: Vec::new(),
            hierarchy: Hierarchy::default(),
            agents: Agents::default(),
            tenant: None,
        };
        let settings = Settings {
            policy,
            algorithms: Algorithm::ALL.to_vec(),
            supported: Vec::new(),
            loopback_http: false,
            asked: None,
            #[cfg(test)]
            patience: None,
        };
        Self { settings, engine: OnceLock::new() }
    }

    /// An issuer that is asked about each token (RFC 7662), with this client's credentials. An answer holds for
    /// [`revocation_within`](Self::revocation_within), and never longer than the token.
    pub fn introspection(
        issuer: impl Into<String>,
        resource: impl Into<String>,
        client_id: impl Into<String>,
        secret: Secret,
    ) -> Self {
        let client = client_id.into();
        let revocation = Duration::from_secs(60);
        let asked = Asked { client, secret, revocation, audience_by_issuer: false };
        Self::jwt(issuer, resource).with(|it| it.asked = Some(asked))
    }

    /// The scopes that the server's metadata lists (RFC 9728), for clients to ask for; none by default.
    #[must_use]
    pub fn scopes_supported<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.with(|it| it.supported = scopes.into_iter().map(Into::into).collect())
    }

    /// The scopes that every caller needs, whatever it calls; none by default.
    #[must_use]
    pub fn required_scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.with(|it| it.policy.required = scopes.into_iter().map(Into::into).collect())
    }

    /// Declares that who has `scope` has these, too, and what they imply in turn.
    #[must_use]
    pub fn implies<S: Into<String>>(self, scope: impl Into<String>, implied: impl IntoIterator<Item = S>) -> Self {
        self.with(|it| it.policy.hierarchy.declare(scope.into(), implied.into_iter().map(Into::into)))
    }

    /// The claims that name the agent's id and type; `agent_id` and `agent_type` by default. A token with neither is no agent's.
    #[must_use]
    pub fn agent_claims(self, id: impl Into<String>, kind: impl Into<String>) -> Self {
        self.with(|it| it.policy.agents = Agents::Claims { id: id.into(), kind: kind.into() })
    }

    /// The agents that a claim's values stand for. A token with another value is no agent's, whatever else it says.
    #[must_use]
    pub fn agent_of<S: Into<String>>(
        self,
        claim: impl Into<String>,
        table: impl IntoIterator<Item = (S, Agent)>,
    ) -> Self {
        let agents = table.into_iter().map(|(value, agent)| (value.into(), agent)).collect();
        self.with(|it| it.policy.agents = Agents::Table { claim: claim.into(), agents })
    }

    /// The claim that names the tenant. A token without it is refused then.
    #[must_use]
    pub fn tenant_claim(self, claim: impl Into<String>) -> Self {
        self.with(|it| it.policy.tenant = Some(claim.into()))
    }

    /// The algorithms that tokens may be signed with; by default all of [`Algorithm`].
    #[must_use]
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.with(|it| it.algorithms = algorithms.into_iter().collect())
    }

    /// How far the issuer's clock may be off, which tokens are good for longer, too: 30 seconds by default, 60 at most.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.with(|it| it.policy.leeway = leeway)
    }

    /// Allows the issuer to be reached over http if its host is a loopback address.
    #[must_use]
    pub fn allow_loopback_http(self) -> Self {
        self.with(|it| it.loopback_http = true)
    }

    /// For [`Auth::introspection`]: how long a token may still be taken for good after it was revoked; 60 seconds by default,
    /// an hour at most. With zero, the issuer is asked for each request.
    #[must_use]
    pub fn revocation_within(self, time: Duration) -> Self {
        self.with(|it| {
            if let Some(asked) = &mut it.asked {
                asked.revocation = time;
            }
        })
    }

    /// For [`Auth::introspection`]: takes tokens of which the issuer doesn't say for whom they are, because all that it issues
    /// are for this server. One that is for somebody else is still refused.
    #[must_use]
    pub fn audience_by_issuer(self) -> Self {
        self.with(|it| {
            if let Some(asked) = &mut it.asked {
                asked.audience_by_issuer = true;
            }
        })
    }

    /// The issuer, as it calls itself.
    pub fn issuer(&self) -> &str {
        &self.settings.policy.issuer
    }

    /// Whether these settings can be used. Until they can, every token is refused.
    pub fn check(&self) -> Result<(), InvalidAuth> {
        self.engine().map(drop).map_err(Clone::clone)
    }

    pub(super) async fn verify_at(&self, token: &str, now: Moment) -> Result<Bearer, Unverified> {
        self.engine().map_err(|_| Unverified::Unavailable(UNUSABLE))?.verify(token, now).await
    }

    pub(super) fn engine(&self) -> Result<&Engine, &InvalidAuth> {
        self.engine.get_or_init(|| Engine::of(&self.settings)).as_ref()
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        Self { engine: OnceLock::new(), ..self }
    }
}

const UNUSABLE: &str = "its settings can't be used";

impl Settings {
    /// What can be wrong with them beside the issuer's address.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let Policy { resource, required, hierarchy, leeway, .. } = &self.policy;
        let url = reqwest::Url::parse(resource).map_err(|_| "expected this server's URL as resource")?;
        // RFC 8707 §2. Whatever the URL is normalized to, the text is what is compared.
        if url.fragment().is_some() || !resource.bytes().all(|it| it.is_ascii_graphic()) {
            return Err("expected a resource in visible ASCII, without fragment");
        }
        let plain = url.username().is_empty() && url.password().is_none() && !resource.contains(['"', '\\']);
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() || !plain {
            return Err("expected this server's URL as resource, as in https://mcp.example/mcp");
        }
        let mut scopes = self.supported.iter().chain(required).chain(hierarchy.names());
        if !scopes.all(|it| doorman_grammar::scope::parse(it).is_ok()) {
            return Err("expected scopes such as \"invoices:read\", without '*'");
        }
        if *leeway > LEEWAY_MOST {
            return Err("expected a leeway of 60 seconds at most");
        }
        if self.algorithms.is_empty() {
            return Err("expected at least one algorithm");
        }
        match &self.asked {
            Some(asked) if asked.client.is_empty() || asked.secret.expose().is_empty() => {
                Err("expected a client id and its secret")
            }
            Some(asked) if asked.revocation > REVOCATION_MOST => Err("expected revocation within an hour at most"),
            _ => Ok(()),
        }
    }
}

impl TokenVerifier for Auth {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bearer, Unverified>> {
        Box::pin(self.verify_at(token, Moment::now()))
    }

    fn trouble(&self) -> Option<&'static str> {
        self.engine().map_or(Some(UNUSABLE), Engine::trouble)
    }

    fn resource(&self) -> Option<ProtectedResource> {
        let mut resource = ProtectedResource::new(self.settings.policy.resource.as_str());
        resource.authorization_servers = vec![self.issuer().to_owned()];
        resource.scopes_supported = self.settings.supported.clone();
        resource.required_scopes = self.settings.policy.required.clone();
        Some(resource)
    }

    fn prepare(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Ok(engine) = self.engine() {
                drop(engine.prepare(Moment::now()).await);
            }
        })
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Auth");
        shown.field("issuer", &self.issuer()).field("resource", &self.settings.policy.resource).finish_non_exhaustive()
    }
}
