//! What manifests open, once the catalog says what there is.

use std::{collections::HashMap, path::Path, sync::Arc};

use super::{Assembled, FileError, FileErrors, Manifest};
use crate::{
    exposure::{Catalog, Grant, Kind, World},
    identity::Principal,
    limits::{GrantLimits, Limits},
};

/// What an agent type is granted.
pub(crate) struct Granted {
    pub(crate) world: World,
    pub(crate) scopes: Arc<[Arc<str>]>,
    pub(crate) limits: GrantLimits,
    /// As it was written.
    pub(crate) manifest: Manifest,
}

/// All manifests of an application: agent type → what it is granted.
#[derive(Default)]
pub(crate) struct Grants(HashMap<String, Arc<Granted>>);

impl Grants {
    /// Checks manifests against what the application exposes (S04).
    pub(crate) fn of(manifests: Vec<Assembled>, catalog: &Catalog, limits: &Limits) -> Result<Self, FileErrors> {
        let (mut grants, mut errors) = (HashMap::new(), Vec::new());
        for Assembled { manifest, world, mut scopes, complete, .. } in manifests {
            let mut mistake = |at, text: &str| errors.push(FileError::located(&manifest.file, at, text));
            let document = &manifest.document;
            for scope in &document.scopes {
                let of_module =
                    |name: &str| scope.text.strip_prefix(name).is_some_and(|verb| matches!(verb, ":read" | ":write"));
                if document.modules.iter().any(|module| of_module(&module.name.text)) {
                    mistake(scope.at, "a module's scopes are granted by its `mode`");
                } else if catalog.knows_scope(world, &scope.text) {
                    scopes.push(scope.text.as_str().into());
                } else {
                    mistake(scope.at, "no capability of this server asks for this scope");
                }
            }
            let view = catalog.view(&Grant::Scopes(Some(world), scopes.clone()));
            let mut of_tools = Vec::new();
            for (pattern, glob, rules) in &document.rate_limits.per_tool {
                let matched: Vec<usize> =
                    view.granted(Kind::Tool).filter(|&id| glob.matches(&catalog.get(id).name)).collect();
                if matched.is_empty() && complete {
                    mistake(pattern.at, "no tool that this manifest grants has such a name");
                }
                of_tools.push((pattern.text.as_str(), rules, matched));
            }
            let limits = limits.grant(manifest.agent_type(), &document.rate_limits.global, of_tools);
            let agent_type = manifest.agent_type().to_owned();
            grants.insert(agent_type, Arc::new(Granted { world, scopes: scopes.into(), limits, manifest }));
        }
        if errors.is_empty() { Ok(Self(grants)) } else { Err(errors.into()) }
    }

    /// Whether there are no manifests at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a principal's agent type is granted; nobody vouches for an agent that isn't verified.
    pub(crate) fn of_principal(&self, principal: &Principal) -> Option<&Arc<Granted>> {
        principal.agent().filter(|_| principal.is_verified()).and_then(|agent| self.of_type(agent.kind()))
    }

    /// What an agent type is granted.
    pub(crate) fn of_type(&self, agent_type: &str) -> Option<&Arc<Granted>> {
        self.0.get(agent_type)
    }

    /// The files that modules' credentials are in.
    pub(crate) fn credential_files(&self) -> impl Iterator<Item = &Path> {
        self.0.values().filter_map(|granted| granted.manifest.credential_file())
    }

    /// All agent types that have a manifest, in order.
    pub(crate) fn types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self.0.keys().map(String::as_str).collect();
        types.sort_unstable();
        types
    }
}
