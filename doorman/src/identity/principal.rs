//! The principal: who calls, and whether a verifier vouches for it.

use std::{fmt, net::IpAddr, sync::Arc};

use super::Agent;

/// Who calls. Only a verifier can make a principal `verified`; an application can make unverified ones, for tests of
/// its own functions.
#[derive(Debug, Clone)]
pub struct Principal {
    subject: Option<Arc<str>>,
    issuer: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    client: Option<Arc<str>>,
    scopes: Option<Arc<[String]>>,
    agent: Option<Agent>,
    peer: Option<IpAddr>,
    voucher: Option<Voucher>,
}

/// Who says that a caller is who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voucher {
    /// The operator, when the server was launched: by the environment, or by a static token.
    Operator,
    /// The application's verifier of tokens.
    Verifier,
}

impl Principal {
    /// A caller that nobody vouches for, at a network address if one is known.
    pub fn anonymous(peer: Option<IpAddr>) -> Self {
        Self { subject: None, issuer: None, tenant: None, client: None, scopes: None, agent: None, peer, voucher: None }
    }

    /// A caller that the operator vouches for.
    pub(crate) fn verified(identity: Identity) -> Self {
        Self::vouched_for(identity, Voucher::Operator)
    }

    /// A caller that somebody vouches for (S06: the one place that says so).
    pub(crate) fn vouched_for(identity: Identity, voucher: Voucher) -> Self {
        let Identity { subject, issuer, tenant, client, scopes, agent } = identity;
        let scopes = scopes.map(Arc::from);
        Self {
            subject: Some(subject.into()),
            issuer: issuer.map(Into::into),
            tenant: tenant.map(Into::into),
            client: client.map(Into::into),
            scopes,
            agent,
            peer: None,
            voucher: Some(voucher),
        }
    }

    /// Who it is, as its verifier names it; `None` for an anonymous caller.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The issuer of the caller's token, where it has one: a subject is unique for its issuer only.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The tenant that the verifier named.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The OAuth client that the verifier named.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The scopes that the token carries; `None` if it carries none of its own, so that the manifest alone decides.
    pub fn token_scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    /// The agent that the principal acts as.
    pub fn agent(&self) -> Option<&Agent> {
        self.agent.as_ref()
    }

    /// The network address of an anonymous caller.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Whether a verifier vouches for this caller.
    pub fn is_verified(&self) -> bool {
        self.voucher.is_some()
    }

    /// Who vouches for this caller.
    pub(crate) fn voucher(&self) -> Option<Voucher> {
        self.voucher
    }
}

/// What a verifier found out about a caller. `Debug` shows nothing of it: it is what a token says.
///
/// ```
/// use doorman::identity::{Agent, Identity};
///
/// let mut identity = Identity::new("user-17");
/// identity.scopes = Some(vec!["invoices:read".into()]);
/// identity.agent = Some(Agent::new("billing-7", "billing")?);
/// # Ok::<(), doorman::identity::InvalidAgent>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// Who it is; unique for the issuer, and within the tenant.
    pub subject: String,
    /// Who says so, where there may be several.
    pub issuer: Option<String>,
    /// The tenant, where there are several.
    pub tenant: Option<String>,
    /// The OAuth client that the token was issued to.
    pub client: Option<String>,
    /// The scopes that the token carries, which may be none; `None` only if the manifest alone is to decide.
    pub scopes: Option<Vec<String>>,
    /// The agent that the caller acts as; without one, nothing scoped runs where there are manifests.
    pub agent: Option<Agent>,
}

impl Identity {
    /// A caller of this name, with no scopes and no agent.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            tenant: None,
            client: None,
            scopes: Some(Vec::new()),
            agent: None,
        }
    }

    /// An agent that speaks for itself; the manifest alone decides.
    pub(crate) fn of_agent(agent: Agent) -> Self {
        Self { scopes: None, agent: Some(agent.clone()), ..Self::new(agent.id()) }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
