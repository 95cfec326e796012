//! What a caller may do, worked out once: when its token is first seen, or at launch.

use std::sync::Arc;

use crate::{
    exposure::{Catalog, Grant, View},
    identity::Principal,
    limits::{Caller, CallerKey},
    manifest::Grants,
};

/// A principal with all that follows from who it is.
pub(crate) struct Access {
    pub(crate) principal: Arc<Principal>,
    /// What it sees, and nothing else exists for it.
    pub(crate) view: Arc<View>,
    /// Whose limits it uses up.
    pub(crate) caller: CallerKey,
}

impl Access {
    /// The access of a principal under the manifests.
    pub(crate) fn of(principal: Principal, catalog: &Catalog, grants: &Grants) -> Self {
        Self::with(&grant(&principal, grants), principal, catalog)
    }

    /// `Doorman::dev()`: everything.
    pub(crate) fn everything(principal: Principal, catalog: &Catalog) -> Self {
        Self::with(&Grant::Everything, principal, catalog)
    }

    fn with(grant: &Grant, principal: Principal, catalog: &Catalog) -> Self {
        let caller = match principal.subject() {
            Some(subject) if principal.is_verified() => Caller::Verified { tenant: principal.tenant(), subject },
            _ => Caller::Anonymous { peer: principal.peer() },
        };
        Self { caller: caller.key(), view: catalog.view(grant), principal: Arc::new(principal) }
    }
}

/// The scopes that hold: the manifest's, the token's, or what both grant. No verified principal, no agent type with a
/// manifest where manifests are used: nothing (S03, S06).
fn grant(principal: &Principal, grants: &Grants) -> Grant {
    if !principal.is_verified() {
        return Grant::Unverified;
    }
    let granted = principal.agent().and_then(|agent| grants.of_type(agent.kind()));
    let scopes: Vec<Arc<str>> = match (granted, principal.token_scopes()) {
        (Some(granted), Some(held)) => {
            granted.iter().filter(|it| held.iter().any(|held| **held == ***it)).cloned().collect()
        }
        (Some(granted), None) => granted.to_vec(),
        (None, Some(held)) if grants.is_empty() => held.iter().map(|scope| scope.as_str().into()).collect(),
        (None, _) => Vec::new(),
    };
    Grant::Scopes(scopes)
}
