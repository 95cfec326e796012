//! An application that has been checked as a whole: all that it lists, all that its manifests say, and nothing started.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use doorman_grammar::glob::{self, Glob};

use super::{
    Doorman, Error,
    builder::Source,
    launch,
    modules::{Health, Module},
    reload::Reloads,
    status,
};
use crate::{
    credentials::Secret,
    exposure::{Catalog, Instance, Listed},
    filter::{Filter, Rule, Table},
    guard::{Policies, Rules},
    limits::{LimitError, Limits, Quotas},
    manifest::{Assembled, Assembly, FileError, Grants, Manifest, Offer, Recipe},
    redact::Redactor,
    state::{StateStore, Store},
    telemetry::Series,
};

/// A shorter credential would be in half of all texts, so it couldn't be kept out of them.
const SHORTEST_SECRET: usize = 4;

/// What an application is checked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Serving,
    /// Nothing but manifests and the environment is read.
    Looking,
}

pub(super) struct Checked {
    pub(super) rules: Rules,
    pub(super) counts: Counts,
    pub(super) grants: Grants,
    /// In the order in which they are to be started.
    pub(super) modules: Vec<Module>,
    pub(super) health: Arc<Health>,
    /// The credentials of the manifests.
    pub(super) secrets: Vec<Secret>,
    /// The application's, as they were said.
    pub(super) filters: Vec<Filter>,
}

/// What limits count, and where: opened once, for good.
#[derive(Clone)]
pub(super) struct Counts {
    said: StateStore,
    pub(super) store: Store,
    pub(super) limits: Limits,
}

impl Counts {
    fn open(builder: &Doorman, said: StateStore, redactor: &Redactor) -> Result<Self, Error> {
        let mut quotas = Quotas::parse(builder.rate.as_deref(), builder.budget.as_deref())?;
        let breaker = builder.breaker.as_deref().map(doorman_grammar::breaker::parse).transpose();
        quotas.breaker = breaker.map_err(LimitError::from)?;
        let store = said.open(&builder.name, quotas.max_cells, builder.state_password.as_ref());
        let store = store.map_err(|error| Error::State { store: said.to_string(), error }.scrubbed(redactor))?;
        let limits = Limits::over(store.clone(), &quotas);
        Ok(Self { said, store, limits })
    }
}

/// What goes on from one generation to the next.
#[derive(Clone, Copy)]
pub(super) struct Lasting<'a> {
    /// `None` at the start.
    pub(super) counts: Option<&'a Counts>,
    /// The instances that run.
    pub(super) modules: &'a [Module],
    /// The credentials of the manifests before: calls that began then may still say them.
    pub(super) secrets: &'a [Secret],
    /// How reloads went.
    pub(super) reloads: &'a Arc<Reloads>,
}

impl<'a> Lasting<'a> {
    /// Of a server that begins.
    pub(super) fn new(reloads: &'a Arc<Reloads>) -> Self {
        Self { counts: None, modules: &[], secrets: &[], reloads }
    }
}

impl Checked {
    /// Puts an application together, or says all that is wrong with its manifests, or the first other thing.
    pub(super) fn of(builder: &Doorman, lasting: Lasting<'_>, purpose: Purpose) -> Result<Self, Error> {
        let (manifests, mut wrong) = read(&builder.manifests);
        let mut assembly = assemble(builder, lasting.modules, manifests, purpose);
        let redactor = Arc::new(redactor(builder, assembly.secrets.iter().chain(lasting.secrets))?);
        wrong.append(&mut assembly.errors);
        let said = store(builder, &assembly.manifests, lasting.counts, &mut wrong);
        let counts = match lasting.counts {
            Some(counts) => counts.clone(),
            // What only looks opens nothing.
            None if purpose == Purpose::Looking || !wrong.is_empty() => {
                Counts::open(builder, StateStore::memory(), &redactor)?
            }
            None => Counts::open(builder, said, &redactor)?,
        };
        let modules = modules(builder, &assembly.manifests);
        let health = Arc::new(Health::of(&modules, &assembly.manifests, counts.store.clone()));
        let mut state = builder.state.clone();
        state.share(Arc::new(builder.updates.clone()));
        state.share(Arc::clone(&health));
        state.share(Arc::clone(lasting.reloads));
        let listed = builder.listed.iter().cloned().chain(assembly.listed).collect();
        let catalog = match Catalog::build(listed, &state) {
            Ok(catalog) => catalog,
            Err(error) if wrong.is_empty() => return Err(error.into()),
            // It may well follow from what is wrong with a manifest, and that has a place.
            Err(_) => return Err(Error::from(wrong).scrubbed(&redactor)),
        };
        let discoverable = discoverable(builder, &catalog)?;
        let (filters, own) = filters(builder, &catalog)?;
        let grants = Grants::of(assembly.manifests, &catalog, &counts.limits, &discoverable, &own);
        let grants = grants.map_err(|more| wrong.extend(more)).unwrap_or_default();
        if !wrong.is_empty() {
            return Err(Error::from(wrong).scrubbed(&redactor));
        }
        let policies = Policies::compile(&catalog, &counts.limits, &redactor, &grants, builder.defaults)?;
        let rules = Rules { catalog, policies, filters, redactor, state: Arc::new(state), series: Series::default() };
        let filters = builder.filters.clone();
        Ok(Self { rules, counts, grants, modules, health, secrets: assembly.secrets, filters })
    }
}

/// Whether what the application says of itself is sound, as far as that shows without manifests.
pub(super) fn sound(builder: &mut Doorman) -> Result<(), Error> {
    match std::mem::take(&mut builder.errors).into_iter().next() {
        Some(error) => Err(error.scrubbed(&redactor(builder, std::iter::empty())?)),
        None => Ok(()),
    }
}

/// Reads manifests that are still files.
fn read(sources: &[Source]) -> (Vec<Manifest>, Vec<FileError>) {
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for source in sources {
        match source {
            Source::Read(manifest) => read.push((**manifest).clone()),
            Source::At(path) => match Manifest::read_all(path) {
                Ok(manifests) => read.extend(manifests),
                Err(errors) => wrong.extend(errors),
            },
        }
    }
    (read, wrong)
}

fn assemble(builder: &Doorman, running: &[Module], manifests: Vec<Manifest>, purpose: Purpose) -> Assembly {
    let mounted: HashMap<_, _> =
        builder.modules.iter().map(|module| (Arc::clone(&module.name), module.capabilities)).collect();
    let names: HashSet<_> = builder.listed.iter().map(Listed::wire_name).collect();
    let running: Vec<(Arc<Recipe>, Instance)> =
        running.iter().filter_map(|it| Some((it.recipe.clone()?, it.instance.clone()))).collect();
    let offer = Offer {
        types: &builder.types,
        mounted: &mounted,
        status: status::spec(),
        names: &names,
        serving: purpose == Purpose::Serving,
        running: &running,
    };
    Assembly::of(manifests, offer)
}

/// Where counts are kept: as the application says, and every manifest that says anything says the same. At a reload, where
/// they are kept already.
fn store(
    builder: &Doorman,
    manifests: &[Assembled],
    counts: Option<&Counts>,
    wrong: &mut Vec<FileError>,
) -> StateStore {
    let mut said = counts.map(|it| it.said.clone()).or_else(|| builder.store.clone());
    for manifest in manifests.iter().map(|it| &it.manifest) {
        match (&said, manifest.state()) {
            (Some(known), Some(its)) if known != its => {
                let expected = match counts {
                    None => {
                        "expected the store that the other manifests, the command line or the application say; one process has one"
                    }
                    Some(_) => "expected the store that is in use; another takes a restart",
                };
                wrong.extend(manifest.mistake_of_state(expected));
            }
            (None, Some(its)) => said = Some(its.clone()),
            _ => {}
        }
    }
    said.unwrap_or_else(StateStore::memory)
}

/// What the application declares discoverable: patterns that name something.
fn discoverable(builder: &Doorman, catalog: &Catalog) -> Result<Vec<Glob>, Error> {
    let parsed = builder.discoverable.iter().map(|pattern| {
        let glob = glob::parse(pattern).map_err(|error| Error::Setting(format!("discoverable: {error}")))?;
        match catalog.all().iter().any(|it| glob.matches(&it.label)) {
            true => Ok(glob),
            false => Err(Error::Setting(format!("discoverable: nothing is named `{pattern}`"))),
        }
    });
    parsed.collect()
}

/// The application's filters: what they are for, and the rules that they are.
fn filters(builder: &Doorman, catalog: &Catalog) -> Result<(Table, Vec<Rule>), Error> {
    let mut rules: Vec<Rule> = Vec::with_capacity(builder.filters.len());
    for filter in &builder.filters {
        let rule = filter.compile().map_err(|mut wrong| wrong.swap_remove(0))?;
        if let Some(unknown) = rule.unknown(catalog.all().iter()).into_iter().next() {
            return Err(unknown.into());
        }
        if rules.iter().any(|known| known.direction == rule.direction && known.name == rule.name) {
            return Err(Error::Setting(format!("two filters are named `{}`", rule.name)));
        }
        rules.push(rule);
    }
    let table = Table::of(&rules, catalog.all().iter());
    table.map(|table| (table, rules)).map_err(|expected| Error::Setting(format!("filters: expected {expected}")))
}

/// Knows every credential that the process holds: those it was given, those that modules were given, and what in the
/// environment has the name of one.
pub(super) fn redactor<'a>(builder: &Doorman, secrets: impl Iterator<Item = &'a Secret>) -> Result<Redactor, Error> {
    let mut redactor = Redactor::builder();
    for key in &builder.redact_keys {
        redactor = redactor.key(key);
    }
    for pattern in &builder.redact_patterns {
        redactor = redactor.pattern(pattern);
    }
    for kind in &builder.detect {
        redactor = redactor.detect(*kind);
    }
    let mut held = launch::credentials();
    held.extend(builder.secrets.iter().cloned());
    held.extend(secrets.cloned());
    held.extend(builder.store.as_ref().and_then(StateStore::secret));
    held.extend(builder.state_password.clone());
    for secret in &held {
        if secret.expose().len() < SHORTEST_SECRET {
            let text = format!("a credential of fewer than {SHORTEST_SECRET} bytes can't be told from other text");
            return Err(Error::Setting(text));
        }
        redactor = redactor.secret(secret);
    }
    Ok(redactor.build()?)
}

/// The application's own instances, then each manifest's.
fn modules(builder: &Doorman, manifests: &[Assembled]) -> Vec<Module> {
    let own = builder.modules.iter().map(|it| Module {
        name: Arc::clone(&it.name),
        agent_type: None,
        optional: false,
        instance: it.instance.clone(),
        recipe: None,
    });
    let declared = manifests.iter().flat_map(|assembled| {
        let agent_type: Arc<str> = assembled.manifest.agent_type().into();
        assembled.instances.iter().map(move |it| Module {
            name: Arc::clone(&it.name),
            agent_type: Some(Arc::clone(&agent_type)),
            optional: it.optional,
            instance: it.instance.clone(),
            recipe: Some(Arc::clone(&it.recipe)),
        })
    });
    own.chain(declared).collect()
}

#[cfg(all(test, feature = "filesystem"))]
mod tests {
    use super::*;
    use crate::{expose, modules::Filesystem, tools};

    /// Has the name that an instance `docs` gives its own.
    #[expose(read_only, public)]
    async fn docs_stat() -> String {
        String::new()
    }

    fn wrong(text: &str) -> String {
        let manifest = Manifest::parse("m.yaml", text).expect("a manifest");
        let builder = Doorman::new("t").tools(tools![docs_stat]).module_as("own", Filesystem::beneath("/x"));
        let builder = builder.module_type::<Filesystem>().grant(manifest);
        let checked = Checked::of(&builder, Lasting::new(&Arc::default()), Purpose::Looking);
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn s05_an_instance_takes_no_name_of_the_applications() {
        let module = |name: &str| {
            format!("agent_type: a\nmodules:\n  {name}: {{type: filesystem, mode: read, config: {{base_path: /x}}}}\n")
        };
        assert_eq!(wrong(&module("docs")), "m.yaml:3:3: another tool is already named `docs_stat`");
        assert_eq!(wrong(&module("files")), "");
    }

    #[test]
    fn s04_of_a_mounted_instance_only_the_mode_is_said() {
        assert_eq!(wrong("agent_type: a\nmodules: {own: {mode: read}}"), "");
        for more in ["type: filesystem", "config: {base_path: /x}", "optional: true"] {
            let said = wrong(&format!("agent_type: a\nmodules: {{own: {{mode: read, {more}}}}}"));
            assert!(said.contains("expected `mode` alone"), "{more}: {said}");
        }
        assert!(wrong("agent_type: a\nmodules: {own: {}}").contains("expected `mode: read` or `mode: write`"));
        let scopes = wrong("agent_type: a\nmodules: {own: {mode: read}}\nscopes: [own:write]");
        assert!(scopes.contains("granted by its `mode`"), "{scopes}");
    }
}
