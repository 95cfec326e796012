//! What a caller may do, worked out once: when its token is first seen, or at launch.

use std::sync::Arc;

use super::Rules;
use crate::{
    exposure::{Catalog, Grant, View, World},
    filter::Screens,
    identity::{Principal, Voucher},
    limits::{Caller, CallerKey, Counted},
    manifest::{Granted, Grants},
};

/// A principal with all that follows from who it is.
pub(crate) struct Access {
    pub(crate) principal: Arc<Principal>,
    /// What it sees, and nothing else exists for it.
    pub(crate) view: Arc<View>,
    /// Whose limits it uses up.
    pub(crate) caller: CallerKey,
    /// The same as caller, agent and tenant.
    pub(crate) counted: Counted,
    /// What its manifest adds.
    pub(crate) world: Option<Arc<Granted>>,
}

impl Access {
    /// The access of a principal under the manifests.
    pub(crate) fn of(principal: impl Into<Arc<Principal>>, catalog: &Catalog, grants: &Grants) -> Self {
        let principal = principal.into();
        let world = grants.of_principal(&principal);
        let view = catalog.view(&grant(&principal, world, grants), grants.discoverable(world));
        Self::with(view, world.cloned(), principal)
    }

    /// Whose rules it is under beside those of all.
    pub(crate) fn world(&self) -> Option<World> {
        self.world.as_ref().map(|granted| granted.world)
    }

    /// What calls of a capability go through, if there are filters for it.
    pub(super) fn screens<'a>(&'a self, rules: &'a Rules, capability: usize) -> Option<&'a Arc<Screens>> {
        self.world.as_ref().map_or(&rules.filters, |world| &world.filters).get(capability)
    }

    /// `Doorman::dev()`: everything.
    pub(crate) fn everything(principal: Principal, catalog: &Catalog) -> Self {
        Self::with(catalog.view(&Grant::Everything, &[]), None, principal.into())
    }

    fn with(view: Arc<View>, world: Option<Arc<Granted>>, principal: Arc<Principal>) -> Self {
        let who = who(&principal);
        let caller = match &who {
            Some(subject) if principal.is_verified() => Caller::Verified { tenant: principal.tenant(), subject },
            _ => Caller::Anonymous { peer: principal.peer() },
        };
        let caller = caller.key();
        let vouched = Some(&principal).filter(|it| it.is_verified());
        let agent = vouched.and_then(|it| it.agent()).map(|it| (it.kind(), it.id()));
        let counted = Counted::new(caller, agent, vouched.and_then(|it| it.tenant()));
        Self { caller, counted, view, principal, world }
    }
}

/// Whose limits, sessions and tasks these are: those of a principal, with the OAuth client that it uses, as the agent that it
/// acts as (S10). Two people whose tokens name one agent share its files and not each other's sessions; an agent of one type
/// is none of another; two issuers' subjects of one name are two, and so are a user and a client of one name. What comes last
/// may have spaces in it, and what comes before it says how long it is.
fn who(principal: &Principal) -> Option<String> {
    let subject = principal.subject()?;
    let agent = principal.agent().map(|agent| format!("{} {}", agent.kind(), agent.id())).unwrap_or_default();
    Some(match (principal.voucher(), principal.issuer(), principal.client()) {
        (Some(Voucher::Verifier), issuer, client) => {
            let (issuer, client) = (issuer.unwrap_or_default(), client.unwrap_or_default());
            format!("issuer {issuer} client {} {client} as {} {agent} {subject}", client.len(), agent.len())
        }
        // The operator's own: the agent is all that there is.
        _ if !agent.is_empty() => format!("agent {agent}"),
        _ => format!("subject {subject}"),
    })
}

/// The scopes that hold: the manifest's, the token's, or what both grant. No verified principal, no agent type with a
/// manifest where manifests are used: nothing (S03, S06).
fn grant(principal: &Principal, world: Option<&Arc<Granted>>, grants: &Grants) -> Grant {
    if !principal.is_verified() {
        return Grant::Unverified;
    }
    let granted = world.map(|world| &*world.scopes);
    let scopes: Vec<Arc<str>> = match (granted, principal.token_scopes()) {
        (Some(granted), Some(held)) => {
            granted.iter().filter(|it| held.iter().any(|held| **held == ***it)).cloned().collect()
        }
        (Some(granted), None) => granted.to_vec(),
        (None, Some(held)) if grants.is_empty() => held.iter().map(|scope| scope.as_str().into()).collect(),
        (None, _) => Vec::new(),
    };
    Grant::Scopes(world.map(|world| world.world), scopes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{
        call::{Refused, StateTable},
        exposure::{Access as Asks, CapabilitySpec, Effect, Kind, Listed, World},
        identity::{Agent, Identity},
        manifest::{Assembled, Manifest},
    };

    fn catalog(asks: Asks) -> Catalog {
        let bind =
            |_: &crate::call::Call, _: &serde_json::Map<String, serde_json::Value>| Err(Refused::Invalid(vec![]));
        let spec = CapabilitySpec::new("tool", Effect::Write, asks, &[], |_| None, bind);
        Catalog::build(
            vec![Listed { spec: Box::leak(Box::new(spec)), module: None, world: None }],
            &StateTable::default(),
        )
        .unwrap()
    }

    fn identity(scopes: Option<&[&str]>, agent_type: Option<&str>) -> Identity {
        let agent = agent_type.map(|kind| Agent::new("a1", kind).unwrap());
        let scopes = scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect());
        Identity { scopes, agent, ..Identity::new("u1") }
    }

    #[derive(Deserialize)]
    struct Case {
        required: Vec<String>,
        verified: bool,
        transport: String,
        scopes: Vec<String>,
        expect: String,
    }

    #[test]
    fn s01_s06_every_case_of_the_scope_table() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/data/scopes.json")).unwrap();
        assert_eq!(cases.len(), 59);
        for case in cases {
            let required: Vec<&'static str> =
                case.required.iter().map(|scope| &*Box::leak(scope.clone().into_boxed_str())).collect();
            let asks = if required.is_empty() { Asks::Public } else { Asks::Scopes(Vec::leak(required)) };
            let held: Vec<&str> = case.scopes.iter().map(String::as_str).collect();
            let principal = match case.verified {
                true => Principal::verified(identity(Some(&held), None)),
                false => Principal::anonymous(None),
            };
            let access = Access::of(principal, &catalog(asks), &Grants::default());
            let found = access.view.find(Kind::Tool, "tool").is_some();
            assert_eq!(found, case.expect == "allow", "{:?} {} {:?}", case.required, case.transport, case.scopes);
        }
    }

    #[test]
    fn s10_subjects_of_two_issuers_are_two_callers() {
        let catalog = catalog(Asks::Public);
        let caller = |subject: &str, issuer: Option<&str>| {
            let identity = Identity { issuer: issuer.map(str::to_owned), ..Identity::new(subject) };
            let principal = Principal::vouched_for(identity, Voucher::Verifier);
            Access::of(principal, &catalog, &Grants::default()).caller
        };
        let callers = [
            caller("ada", None),
            caller("ada", Some("https://a.example")),
            caller("ada", Some("https://b.example")),
            caller("https://a.example ada", None),
        ];
        for (place, one) in callers.iter().enumerate() {
            assert!(!callers[..place].contains(one), "{place}");
        }
    }

    #[test]
    fn s10_two_people_who_act_as_one_agent_are_two_callers() {
        let catalog = catalog(Asks::Public);
        let access = |subject: &str, issuer: Option<&str>, client: Option<&str>, voucher| {
            let mut of = identity(None, Some("clerk"));
            (of.subject, of.issuer) = (subject.to_owned(), issuer.map(str::to_owned));
            of.client = client.map(str::to_owned);
            Access::of(Principal::vouched_for(of, voucher), &catalog, &Grants::default()).caller
        };
        let (issuer, verifier) = (Some("https://a.example"), Voucher::Verifier);
        let ada = || access("ada", issuer, Some("app"), verifier);
        let callers = [
            ada(),
            access("bob", issuer, Some("app"), verifier),
            access("ada", issuer, Some("ada"), verifier),
            access("ada", issuer, None, verifier),
            access("ada", None, None, verifier),
            access("a1", None, None, verifier),
            access("a1", None, None, Voucher::Operator),
        ];
        for (place, one) in callers.iter().enumerate() {
            assert!(!callers[..place].contains(one), "{place}");
        }
        assert_eq!(ada(), callers[0]);
    }

    #[test]
    fn s03_a_token_and_a_manifest_grant_what_both_grant() {
        let catalog = catalog(Asks::Scopes(&["a:read", "a:write"]));
        let manifest = Manifest::parse("m.yaml", "agent_type: clerk\nscopes: [a:read, a:write]").unwrap();
        let limits = crate::limits::Limits::new(crate::limits::Monotonic::start(), &Default::default());
        let assembled =
            Assembled { manifest, world: World(0), scopes: Vec::new(), instances: Vec::new(), complete: true };
        let grants = Grants::of(vec![assembled], &catalog, &limits, &[], &[]).unwrap();
        let opens = |identity| {
            let access = Access::of(Principal::verified(identity), &catalog, &grants);
            access.view.find(Kind::Tool, "tool").is_some()
        };
        assert!(opens(identity(None, Some("clerk"))), "the manifest alone");
        assert!(opens(identity(Some(&["a:write", "a:read", "other"]), Some("clerk"))), "both");
        assert!(!opens(identity(Some(&["a:read"]), Some("clerk"))), "the token grants less");
        assert!(!opens(identity(None, Some("visitor"))), "no manifest for this type");
        assert!(!opens(identity(Some(&["a:read", "a:write"]), Some("visitor"))), "a token doesn't replace a manifest");
        assert!(!opens(identity(Some(&["a:read", "a:write"]), None)), "no agent");
    }
}
