//! What manifests open, once the catalog says what there is.

use std::{collections::HashMap, path::Path, sync::Arc};

use doorman_grammar::glob::Glob;
use serde_saphyr::Location;

use super::{Assembled, FileError, FileErrors, Manifest};
use crate::{
    exposure::{Capability, Catalog, Grant, Kind, World},
    filter::{Part, Rule, Table},
    identity::Principal,
    limits::{GrantLimits, Limits},
    redact::More,
};

/// What an agent type is granted.
pub(crate) struct Granted {
    pub(crate) world: World,
    pub(crate) scopes: Arc<[Arc<str>]>,
    pub(crate) limits: GrantLimits,
    /// The manifest's filters and the application's, by what is granted.
    pub(crate) filters: Table,
    /// What a caller is shown although its token lacks the scopes, by their places in the catalog, in order (S02).
    discoverable: Box<[usize]>,
    /// As it was written.
    pub(crate) manifest: Manifest,
}

/// All manifests of an application: agent type → what it is granted.
#[derive(Default)]
pub(crate) struct Grants {
    of_types: HashMap<String, Arc<Granted>>,
    /// Where there are no manifests: what is shown to callers whose tokens lack the scopes.
    discoverable: Box<[usize]>,
}

impl Granted {
    /// What is masked beyond what capabilities and the application say.
    pub(crate) fn redaction(&self) -> &More {
        &self.manifest.document.redaction
    }
}

impl Grants {
    /// Checks manifests against what the application exposes (S04). The application may declare capabilities discoverable, too.
    pub(crate) fn of(
        manifests: Vec<Assembled>,
        catalog: &Catalog,
        limits: &Limits,
        discoverable: &[Glob],
        filters: &[Rule],
    ) -> Result<Self, FileErrors> {
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
            let view = catalog.view(&Grant::Scopes(Some(world), scopes.clone()), &[]);
            let mut of_tools = Vec::new();
            for (pattern, glob, rules) in &document.rate_limits.per_tool {
                let matched: Vec<usize> =
                    view.granted(Kind::Tool).filter(|&id| glob.matches(&catalog.get(id).name)).collect();
                if matched.is_empty() && complete {
                    mistake(pattern.at, "no tool that this manifest grants has such a name");
                }
                of_tools.push((pattern.text.as_str(), rules, matched));
            }
            // A scope that the manifest doesn't grant, no token opens: to show it would send callers to ask for nothing.
            let within = |it: &&Capability| it.scopes.iter().all(|scope| scopes.contains(scope));
            let mut shown: Vec<usize> = Vec::new();
            for (pattern, glob) in &document.discoverable {
                let before = shown.len();
                shown.extend(catalog.labelled(Some(world), glob).filter(within).map(|it| it.id));
                if shown.len() == before && complete {
                    mistake(pattern.at, "nothing that this manifest grants has such a name");
                }
            }
            for glob in discoverable {
                shown.extend(catalog.labelled(Some(world), glob).filter(within).map(|it| it.id));
            }
            let opened: Vec<&Capability> =
                Kind::ALL.iter().flat_map(|&kind| view.granted(kind)).map(|id| catalog.get(id)).collect();
            let opened = opened.iter().copied();
            for written in document.filters.iter().filter(|_| complete) {
                for unknown in written.rule.unknown(opened.clone()) {
                    mistake(written.at(unknown.part()), &format!("expected {}", unknown.expected()));
                }
            }
            let rules: Vec<Rule> =
                filters.iter().chain(document.filters.iter().map(|written| &written.rule)).cloned().collect();
            let filters = Table::of(&rules, opened).unwrap_or_else(|expected| {
                let at = document.filters.first().map(|written| written.at(Part::Filter));
                mistake(at.unwrap_or(Location::UNKNOWN), &format!("expected {expected}"));
                Table::default()
            });
            let limits = limits.grant(manifest.agent_type(), &document.rate_limits.global, of_tools);
            let agent_type = manifest.agent_type().to_owned();
            let discoverable = in_order(shown);
            let granted = Granted { world, scopes: scopes.into(), limits, filters, discoverable, manifest };
            grants.insert(agent_type, Arc::new(granted));
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let shown = discoverable.iter().flat_map(|glob| catalog.labelled(None, glob)).map(|it| it.id);
        Ok(Self { of_types: grants, discoverable: in_order(shown.collect()) })
    }

    /// Whether there are no manifests at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.of_types.is_empty()
    }

    /// What a principal's agent type is granted; nobody vouches for an agent that isn't verified.
    pub(crate) fn of_principal(&self, principal: &Principal) -> Option<&Arc<Granted>> {
        principal.agent().filter(|_| principal.is_verified()).and_then(|agent| self.of_type(agent.kind()))
    }

    /// All that is granted to anybody.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Granted> {
        self.of_types.values().map(Arc::as_ref)
    }

    /// What an agent type is granted.
    pub(crate) fn of_type(&self, agent_type: &str) -> Option<&Arc<Granted>> {
        self.of_types.get(agent_type)
    }

    /// What a verified caller is shown beyond what its token opens, in the world of its manifest.
    pub(crate) fn discoverable<'g>(&'g self, granted: Option<&'g Arc<Granted>>) -> &'g [usize] {
        match granted {
            Some(granted) => &granted.discoverable,
            None if self.is_empty() => &self.discoverable,
            None => &[],
        }
    }

    /// The files that modules' credentials are in.
    pub(crate) fn credential_files(&self) -> impl Iterator<Item = &Path> {
        self.of_types.values().filter_map(|granted| granted.manifest.credential_file())
    }

    /// All agent types that have a manifest, in order.
    pub(crate) fn types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self.of_types.keys().map(String::as_str).collect();
        types.sort_unstable();
        types
    }
}

fn in_order(mut places: Vec<usize>) -> Box<[usize]> {
    places.sort_unstable();
    places.dedup();
    places.into()
}
