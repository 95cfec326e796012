//! The principal: who calls, and whether a verifier vouches for it.

use std::{net::IpAddr, sync::Arc};

use super::Agent;

/// Who calls. Only a verifier can make a principal `verified`; an application can make unverified ones, for tests of
/// its own functions.
#[derive(Debug, Clone)]
pub struct Principal {
    subject: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    client: Option<Arc<str>>,
    scopes: Option<Arc<[String]>>,
    agent: Option<Agent>,
    peer: Option<IpAddr>,
    verified: bool,
}

impl Principal {
    /// A caller that nobody vouches for, at a network address if one is known.
    pub fn anonymous(peer: Option<IpAddr>) -> Self {
        Self { subject: None, tenant: None, client: None, scopes: None, agent: None, peer, verified: false }
    }

    /// A caller that a verifier vouches for (S06: the one place that sets `verified`).
    pub(crate) fn verified(identity: Identity) -> Self {
        let Identity { subject, tenant, client, scopes, agent } = identity;
        let scopes = scopes.map(Arc::from);
        Self {
            subject: Some(subject.into()),
            tenant: tenant.map(Into::into),
            client: client.map(Into::into),
            scopes,
            agent,
            peer: None,
            verified: true,
        }
    }

    /// Who it is, as its verifier names it; `None` for an anonymous caller.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
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
        self.verified
    }
}

/// What a verifier found out about a caller.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Who it is; unique within the tenant.
    pub(crate) subject: String,
    /// The tenant, where there are several.
    pub(crate) tenant: Option<String>,
    /// The OAuth client that the token was issued to.
    pub(crate) client: Option<String>,
    /// The scopes that the token carries; `None` if the manifest alone decides.
    pub(crate) scopes: Option<Vec<String>>,
    /// The agent that the caller acts as; without one, nothing scoped runs.
    pub(crate) agent: Option<Agent>,
}

impl Identity {
    /// An agent that speaks for itself.
    pub(crate) fn of_agent(agent: Agent) -> Self {
        Self { subject: agent.id().to_owned(), tenant: None, client: None, scopes: None, agent: Some(agent) }
    }
}
