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
    reload::Reloads,
    status,
};
use crate::{
    credentials::Secret,
    exposure::{Catalog, Instance, Listed},
    guard::{Policies, Rules},
    limits::{Limits, Monotonic, Quotas},
    manifest::{Assembled, Assembly, FileError, Grants, Manifest, Offer, Recipe},
    redact::Redactor,
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
    pub(super) grants: Grants,
    /// In the order in which they are to be started.
    pub(super) modules: Vec<Module>,
    pub(super) health: Arc<Health>,
    /// The credentials of the manifests.
    pub(super) secrets: Vec<Secret>,
}

/// What goes on from one generation to the next.
#[derive(Clone, Copy)]
pub(super) struct Lasting<'a> {
    pub(super) limits: &'a Limits,
    /// The instances that run.
    pub(super) modules: &'a [Module],
    /// The credentials of the manifests before: calls that began then may still say them.
    pub(super) secrets: &'a [Secret],
    /// How reloads went.
    pub(super) reloads: &'a Arc<Reloads>,
}

impl<'a> Lasting<'a> {
    /// Of a server that begins.
    pub(super) fn new(limits: &'a Limits, reloads: &'a Arc<Reloads>) -> Self {
        Self { limits, modules: &[], secrets: &[], reloads }
    }
}

impl Checked {
    /// Puts an application together, or says all that is wrong with its manifests, or the first other thing.
    pub(super) fn of(builder: &Doorman, lasting: Lasting<'_>, purpose: Purpose) -> Result<Self, Error> {
        let (manifests, mut wrong) = read(&builder.manifests);
        let mut assembly = assemble(builder, lasting.modules, manifests, purpose);
        let redactor = Arc::new(redactor(builder, assembly.secrets.iter().chain(lasting.secrets))?);
        wrong.append(&mut assembly.errors);
        let modules = modules(builder, &assembly.manifests);
        let health = Arc::new(Health::of(&modules, &assembly.manifests));
        let mut state = builder.state.clone();
        state.share(Arc::clone(&health));
        state.share(Arc::clone(lasting.reloads));
        let listed = builder.listed.iter().cloned().chain(assembly.listed).collect();
        let catalog = match Catalog::build(listed, &state) {
            Ok(catalog) => catalog,
            Err(error) if wrong.is_empty() => return Err(error.into()),
            // It may well follow from what is wrong with a manifest, and that has a place.
            Err(_) => return Err(Error::from(wrong).scrubbed(&redactor)),
        };
        let grants = Grants::of(assembly.manifests, &catalog, lasting.limits);
        let grants = grants.map_err(|more| wrong.extend(more)).unwrap_or_default();
        if !wrong.is_empty() {
            return Err(Error::from(wrong).scrubbed(&redactor));
        }
        let policies = Policies::compile(&catalog, lasting.limits, &redactor, builder.defaults)?;
        let rules = Rules { catalog, policies, redactor, state: Arc::new(state) };
        Ok(Self { rules, grants, modules, health, secrets: assembly.secrets })
    }
}

/// Whether what the application says of itself is sound, as far as that shows without manifests.
pub(super) fn sound(builder: &mut Doorman) -> Result<(), Error> {
    match std::mem::take(&mut builder.errors).into_iter().next() {
        Some(error) => Err(error.scrubbed(&redactor(builder, std::iter::empty())?)),
        None => Ok(()),
    }
}

/// The rules of the application itself, with nothing counted yet.
pub(super) fn limits(builder: &Doorman) -> Result<Limits, Error> {
    let quotas = Quotas::parse(builder.rate.as_deref(), builder.budget.as_deref())?;
    Ok(Limits::new(Monotonic::start(), &quotas))
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
        builder.modules.iter().map(|module| (Arc::clone(&module.name), module.tools)).collect();
    let names: HashSet<String> = builder.listed.iter().map(Listed::wire_name).collect();
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

/// Knows every credential that the process holds: those it was given, those that modules were given, and what in the
/// environment has the name of one.
fn redactor<'a>(builder: &'a Doorman, secrets: impl Iterator<Item = &'a Secret>) -> Result<Redactor, Error> {
    let mut redactor = Redactor::builder();
    for key in &builder.redact_keys {
        redactor = redactor.key(key);
    }
    let environment = launch::credentials();
    let held: Vec<&Secret> = builder.secrets.iter().chain(secrets).collect();
    for secret in held.into_iter().chain(&environment) {
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
        let limits = limits(&builder).expect("no limits are limits");
        let reloads = Arc::default();
        let checked = Checked::of(&builder, Lasting::new(&limits, &reloads), Purpose::Looking);
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
