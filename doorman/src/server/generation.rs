//! What is served at one time, and to whom: read as a whole, replaced as a whole.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    Error,
    callers::Callers,
    checked::Checked,
    launch::{Launch, Launched},
    modules::Health,
    publish::Published,
    verifying::Verifying,
};
use crate::{
    exposure::Kind,
    guard::{Access, Rules},
    identity::{Bearer, Principal, Unverified},
    limits::CallerKey,
    manifest::Grants,
};

pub(super) struct Generation {
    /// 1 is what the start read, and each reload that succeeds makes the next.
    pub(super) number: u64,
    pub(super) rules: Arc<Rules>,
    /// What lists show.
    pub(super) published: Published,
    pub(super) grants: Grants,
    #[cfg_attr(
        not(any(feature = "http", feature = "telemetry")),
        expect(dead_code, reason = "nobody asks how modules are")
    )]
    pub(super) health: Arc<Health>,
    /// The bearers of tokens, if there are tokens.
    pub(super) callers: Option<Callers>,
    /// What says who bears the others.
    pub(super) verifying: Option<Verifying>,
    /// `Doorman::dev()`: everything.
    pub(super) dev: Option<Arc<Access>>,
    /// What a caller gets that nobody vouches for and whose address is unknown.
    pub(super) nobody: Arc<Access>,
    /// Who calls on stdio, where stdio is served.
    pub(super) launched: Option<Launched>,
}

impl Generation {
    /// What was checked, as it is served. `bearer` is what the verifier says of the launcher's token.
    pub(super) fn of(
        number: u64,
        checked: Checked,
        launch: &Launch,
        verifying: Option<Verifying>,
        bearer: Option<Result<Bearer, Unverified>>,
        before: Option<&Callers>,
    ) -> Result<Self, Error> {
        let Checked { rules, grants, health, .. } = checked;
        let catalog = &rules.catalog;
        let callers = match (launch.tokens(&grants)?, verifying.as_ref().map(|it| Arc::clone(&it.verifier))) {
            (None, None) => None,
            (tokens, verifier) => Some(Callers::new(tokens.unwrap_or_default(), verifier, (catalog, &grants), before)),
        };
        let dev = launch.developer()?.map(|developer| Arc::new(Access::everything(developer, catalog)));
        let nobody = Arc::new(Access::of(Principal::anonymous(None), catalog, &grants));
        let published = Published::of(&rules, &grants);
        let mut generation = Self {
            number,
            published,
            rules: Arc::new(rules),
            grants,
            health,
            callers,
            verifying,
            dev,
            nobody,
            launched: None,
        };
        generation.launched = launch.stdio.then(|| launch.launched(&generation, bearer)).transpose()?;
        Ok(generation)
    }

    /// What a principal may do now.
    pub(super) fn access(&self, principal: &Arc<Principal>) -> Arc<Access> {
        match &self.dev {
            Some(everything) => Arc::clone(everything),
            None => Arc::new(Access::of(Arc::clone(principal), &self.rules.catalog, &self.grants)),
        }
    }

    /// Whether a caller that was let in before is let in now.
    pub(super) fn knows(&self, principal: &Principal, caller: CallerKey) -> bool {
        let launched = self.dev.is_some() || self.launched.as_ref().is_some_and(|it| it.access().is_some());
        launched || self.callers.as_ref().is_some_and(|callers| callers.know(principal, caller))
    }

    /// Stands for what a caller sees of these kinds now: the same for the same capabilities under the same names.
    pub(super) fn fingerprint(&self, access: &Access, kinds: &[Kind]) -> u64 {
        let mut hasher = DefaultHasher::new();
        for id in kinds.iter().flat_map(|&kind| access.view.listed(kind)) {
            let capability = self.rules.catalog.get(id);
            capability.name.hash(&mut hasher);
            std::ptr::hash(capability.spec, &mut hasher);
        }
        hasher.finish()
    }
}
