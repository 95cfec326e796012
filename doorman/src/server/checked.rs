//! An application that has been checked as a whole: all that it lists, all that its manifests say, and nothing started.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Doorman, Error,
    builder::Source,
    launch,
    modules::{Health, Module},
    status,
};
use crate::{
    call::StateTable,
    credentials::Secret,
    exposure::{Catalog, Listed},
    guard::Policies,
    limits::{LimitError, Limits, Quotas},
    manifest::{Assembled, Assembly, FileError, Grants, Manifest, Offer},
    redact::Redactor,
    state::{StateStore, Store},
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
    pub(super) catalog: Catalog,
    pub(super) policies: Policies,
    pub(super) limits: Limits,
    pub(super) store: Store,
    pub(super) grants: Grants,
    pub(super) redactor: Arc<Redactor>,
    pub(super) state: StateTable,
    /// In the order in which they are to be started.
    pub(super) modules: Vec<Module>,
    pub(super) health: Arc<Health>,
    /// What is left of the builder.
    pub(super) rest: Doorman,
}

impl Checked {
    /// Puts an application together, or says all that is wrong with its manifests, or the first other thing.
    pub(super) fn of(mut builder: Doorman, purpose: Purpose) -> Result<Self, Error> {
        let (manifests, mut wrong) = read(std::mem::take(&mut builder.manifests));
        let listed = std::mem::take(&mut builder.listed);
        let mut assembly = assemble(&builder, &listed, manifests, purpose);
        let redactor = Arc::new(redactor(&builder, &assembly)?);
        if let Some(error) = std::mem::take(&mut builder.errors).into_iter().next() {
            return Err(error.scrubbed(&redactor));
        }
        wrong.append(&mut assembly.errors);
        let store = store(&builder, &assembly.manifests, &mut wrong);
        let modules = modules(&mut builder, &assembly.manifests);
        let mut quotas = Quotas::parse(builder.rate.as_deref(), builder.budget.as_deref())?;
        quotas.breaker =
            builder.breaker.as_deref().map(doorman_grammar::breaker::parse).transpose().map_err(LimitError::from)?;
        // What only looks opens nothing.
        let store = if purpose == Purpose::Serving && wrong.is_empty() { store } else { StateStore::memory() };
        let opened = store.open(&builder.name, quotas.max_cells, builder.state_password.as_ref());
        let opened = opened.map_err(|error| Error::State { store: store.to_string(), error }.scrubbed(&redactor))?;
        let health = Arc::new(Health::of(&modules, opened.clone()));
        let mut state = std::mem::take(&mut builder.state);
        state.share(Arc::clone(&health));
        let catalog = match Catalog::build(listed.into_iter().chain(assembly.listed).collect(), &state) {
            Ok(catalog) => catalog,
            Err(error) if wrong.is_empty() => return Err(error.into()),
            // It may well follow from what is wrong with a manifest, and that has a place.
            Err(_) => return Err(Error::from(wrong).scrubbed(&redactor)),
        };
        let limits = Limits::over(opened.clone(), &quotas);
        let grants = Grants::of(assembly.manifests, &catalog, &limits);
        let grants = grants.map_err(|more| wrong.extend(more)).unwrap_or_default();
        if !wrong.is_empty() {
            return Err(Error::from(wrong).scrubbed(&redactor));
        }
        let policies = Policies::compile(&catalog, &limits, &redactor, builder.defaults)?;
        Ok(Self { catalog, policies, limits, store: opened, grants, redactor, state, modules, health, rest: builder })
    }
}

/// Reads manifests that are still files.
fn read(sources: Vec<Source>) -> (Vec<Manifest>, Vec<FileError>) {
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for source in sources {
        match source {
            Source::Read(manifest) => read.push(*manifest),
            Source::At(path) => match Manifest::read_all(path) {
                Ok(manifests) => read.extend(manifests),
                Err(errors) => wrong.extend(errors),
            },
        }
    }
    (read, wrong)
}

fn assemble(builder: &Doorman, listed: &[Listed], manifests: Vec<Manifest>, purpose: Purpose) -> Assembly {
    let mounted: HashMap<_, _> =
        builder.modules.iter().map(|module| (Arc::clone(&module.name), module.tools)).collect();
    let names: HashSet<String> = listed.iter().map(Listed::wire_name).collect();
    let serving = purpose == Purpose::Serving;
    let offer = Offer { types: &builder.types, mounted: &mounted, status: status::spec(), names: &names, serving };
    Assembly::of(manifests, offer)
}

/// Where counts are kept: as the application says, and every manifest that says anything says the same.
fn store(builder: &Doorman, manifests: &[Assembled], wrong: &mut Vec<FileError>) -> StateStore {
    let mut said = builder.store.clone();
    for manifest in manifests.iter().map(|it| &it.manifest) {
        match (&said, manifest.state()) {
            (Some(known), Some(its)) if known != its => wrong.extend(manifest.mistake_of_state(
                "expected the store that the other manifests, the command line or the application say; one process has one",
            )),
            (None, Some(its)) => said = Some(its.clone()),
            _ => {}
        }
    }
    said.unwrap_or_else(StateStore::memory)
}

/// Knows every credential that the process holds: those it was given, those that modules were given, and what in the
/// environment has the name of one.
fn redactor(builder: &Doorman, assembly: &Assembly) -> Result<Redactor, Error> {
    let mut redactor = Redactor::builder();
    for key in &builder.redact_keys {
        redactor = redactor.key(key);
    }
    let stores = assembly.manifests.iter().filter_map(|it| it.manifest.state()).chain(&builder.store);
    let passwords: Vec<Secret> = stores.filter_map(StateStore::secret).chain(builder.state_password.clone()).collect();
    let held = builder.secrets.iter().chain(&assembly.secrets).chain(&passwords);
    for secret in held.chain(&launch::credentials()) {
        if secret.expose().len() < SHORTEST_SECRET {
            let text = format!("a credential of fewer than {SHORTEST_SECRET} bytes can't be told from other text");
            return Err(Error::Setting(text));
        }
        redactor = redactor.secret(secret);
    }
    Ok(redactor.build()?)
}

/// The application's own instances, then each manifest's.
fn modules(builder: &mut Doorman, manifests: &[Assembled]) -> Vec<Module> {
    let own = std::mem::take(&mut builder.modules).into_iter();
    let own = own.map(|it| Module { name: it.name, agent_type: None, optional: false, instance: it.instance });
    let declared = manifests.iter().flat_map(|assembled| {
        let agent_type: Arc<str> = assembled.manifest.agent_type().into();
        assembled.instances.iter().map(move |it| Module {
            name: Arc::clone(&it.name),
            agent_type: Some(Arc::clone(&agent_type)),
            optional: it.optional,
            instance: it.instance.clone(),
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
        let checked = Checked::of(builder.module_type::<Filesystem>().grant(manifest), Purpose::Looking);
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
