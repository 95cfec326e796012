//! From manifests to module instances: what each key of `modules` stands for, configured, with its tools.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value as Json;
use serde_saphyr::Location;

use super::{
    FileError, Manifest,
    document::{CredentialSource, Mode, ModuleEntry},
    node::Node,
    read,
};
use crate::{
    credentials::{Secret, read_private},
    exposure::{CapabilitySpec, Credentials, Instance, Kind, Listed, ModuleError, ModuleType, World},
    state::StateStore,
};

/// What an application offers to manifests.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// The types of modules that a manifest may ask for, by name.
    pub(crate) types: &'a BTreeMap<&'static str, ModuleType>,
    /// The instances that the application has mounted itself.
    pub(crate) mounted: &'a HashMap<Arc<str>, &'static [&'static CapabilitySpec]>,
    /// The tool that tells an agent how its modules are.
    pub(crate) status: &'static CapabilitySpec,
    /// The kinds and names of what the application lists for all.
    pub(crate) names: &'a HashSet<(Kind, String)>,
    /// Whether this is to be served. To validate a manifest, no file but the manifest is read.
    pub(crate) serving: bool,
    /// The instances that run already, and what each was made from.
    pub(crate) running: &'a [(Arc<Recipe>, Instance)],
}

/// What a module instance is made from. One that would be made from the same as before isn't made anew.
#[derive(PartialEq)]
pub(crate) struct Recipe {
    agent_type: String,
    instance: String,
    kind: String,
    config: Json,
    /// SHA-256 of all their names and values.
    credentials: [u8; 32],
}

impl Recipe {
    fn make(self, kind: &ModuleType, credentials: &Credentials, offer: Offer<'_>) -> Result<Made, ModuleError> {
        let kept = offer.running.iter().find(|(recipe, _)| **recipe == self);
        match kept {
            Some((recipe, instance)) => Ok(Made { recipe: Arc::clone(recipe), instance: instance.clone() }),
            None => {
                let instance = (kind.make)(self.config.clone(), credentials)?;
                Ok(Made { recipe: Arc::new(self), instance })
            }
        }
    }
}

/// An instance, and what it was made from.
struct Made {
    recipe: Arc<Recipe>,
    instance: Instance,
}

/// A manifest with the instances that it asks for.
pub(crate) struct Assembled {
    pub(crate) manifest: Manifest,
    pub(crate) world: World,
    /// The scopes that its modes grant.
    pub(crate) scopes: Vec<Arc<str>>,
    pub(crate) instances: Vec<Declared>,
    /// Whether all its modules are known.
    pub(crate) complete: bool,
}

/// A module instance that a manifest declares.
pub(crate) struct Declared {
    pub(crate) name: Arc<str>,
    pub(crate) optional: bool,
    pub(crate) instance: Instance,
    pub(crate) recipe: Arc<Recipe>,
}

/// All manifests of an application.
#[derive(Default)]
pub(crate) struct Assembly {
    pub(crate) manifests: Vec<Assembled>,
    pub(crate) listed: Vec<Listed>,
    /// The credentials that instances were given, and what manifests took from the environment.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) errors: Vec<FileError>,
}

impl Assembly {
    /// Makes every instance that a manifest asks for. Nothing is started, and no path that a configuration names is
    /// touched.
    pub(crate) fn of(manifests: Vec<Manifest>, offer: Offer<'_>) -> Self {
        let mut assembly = Self::default();
        let mut types = HashSet::new();
        for (number, manifest) in manifests.into_iter().enumerate() {
            if !types.insert(manifest.agent_type().to_owned()) {
                assembly.errors.push(FileError::whole(&manifest.file, "another manifest is for the same agent_type"));
            }
            assembly.add(manifest, World(number), offer);
        }
        assembly
    }

    fn add(&mut self, manifest: Manifest, world: World, offer: Offer<'_>) {
        let document = &manifest.document;
        self.secrets.extend(manifest.state().and_then(StateStore::secret));
        self.secrets.extend(
            document.expanded.iter().filter(|value| is_secret(value) && !document.names(value)).map(Secret::new),
        );
        let mut source = Source::new(&document.credentials, offer.serving);
        let (mut scopes, mut instances, mut complete): (Vec<Arc<str>>, _, _) = (Vec::new(), Vec::new(), true);
        let mut names = offer.names.clone();
        for entry in &document.modules {
            let mut mistakes = Vec::new();
            let resolved = resolve(manifest.agent_type(), entry, &mut source, offer, &mut mistakes);
            complete &= resolved.is_some();
            let Resolved { scopes: granted, declared } = resolved.unwrap_or_default();
            scopes.extend(granted);
            if let Some((kind, made)) = declared {
                let name: Arc<str> = entry.name.text.as_str().into();
                let mounted = made.as_ref().map_or_else(|| kind.absent(), |it| Arc::clone(&it.instance.mounted));
                for &spec in kind.capabilities {
                    let module = Some((Arc::clone(&name), Arc::clone(&mounted)));
                    let listed = Listed { spec, module, world: Some(world) };
                    let (kind, name) = listed.wire_name();
                    let mistake = (entry.name.at, format!("another {} is already named `{name}`", kind.word()));
                    if names.insert((kind, name)) {
                        self.listed.push(listed);
                    } else {
                        mistakes.push(mistake);
                    }
                }
                instances.extend(made.map(|Made { recipe, instance }| Declared {
                    name,
                    optional: entry.optional,
                    instance,
                    recipe,
                }));
            }
            let located = |(at, expected)| FileError::located(&manifest.file, at, expected);
            self.errors.extend(mistakes.into_iter().map(located));
        }
        self.secrets.extend(source.given);
        self.errors.extend(source.broken);
        if !document.modules.is_empty() {
            self.listed.push(Listed { spec: offer.status, module: None, world: Some(world) });
            scopes.extend(offer.status.scopes().iter().map(|&scope| scope.into()));
        }
        self.manifests.push(Assembled { manifest, world, scopes, instances, complete });
    }
}

/// What a key of `modules` stands for: an instance that the application has mounted, or one of its own. An instance that
/// can't be made has its tools all the same, so that what else is wrong with the manifest can be told.
fn resolve<'o>(
    agent_type: &str,
    entry: &ModuleEntry,
    source: &mut Source,
    offer: Offer<'o>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Resolved<'o>> {
    let at = entry.name.at;
    if let Some(tools) = offer.mounted.get(entry.name.text.as_str()) {
        if entry.kind.is_some() || entry.config.is_some() || entry.optional {
            mistakes.push((at, "the application has this module already; expected `mode` alone".to_owned()));
        }
        return Some(Resolved { scopes: granted(entry, tools, mistakes), declared: None });
    }
    let said = entry.kind.as_ref().unwrap_or(&entry.name);
    let Some(kind) = offer.types.get(said.text.as_str()) else {
        mistakes.push((said.at, unknown_type(&said.text, offer)));
        return None;
    };
    let scopes = granted(entry, kind.capabilities, mistakes);
    let before = mistakes.len();
    let config = configuration(entry, kind, mistakes);
    let credentials = source.credentials(kind.credentials).filter(|_| mistakes.len() == before);
    let made = credentials.map(|credentials| {
        let (agent_type, instance) = (agent_type.to_owned(), entry.name.text.clone());
        let recipe =
            Recipe { agent_type, instance, kind: said.text.clone(), config, credentials: credentials.digest() };
        recipe.make(kind, &credentials, offer)
    });
    let made = made.transpose().unwrap_or_else(|reason| {
        mistakes.push((at, reason.to_string()));
        None
    });
    Some(Resolved { scopes, declared: Some((kind, made)) })
}

type Mistake = (Location, String);

/// What a key of `modules` came to.
#[derive(Default)]
struct Resolved<'o> {
    scopes: Vec<Arc<str>>,
    /// The type of its own instance, and the instance if there is one.
    declared: Option<(&'o ModuleType, Option<Made>)>,
}

/// The scopes of a mode. A module that can write and doesn't say whether it may is refused (S03).
fn granted(entry: &ModuleEntry, tools: &[&CapabilitySpec], mistakes: &mut Vec<Mistake>) -> Vec<Arc<str>> {
    let writes = tools.iter().any(|tool| tool.writes());
    let reads = tools.iter().any(|tool| !tool.writes());
    let mistake = match entry.mode {
        None if writes => {
            Some((entry.name.at, "this module has tools that write; expected `mode: read` or `mode: write`"))
        }
        Some((at, Mode::Read)) if !reads => {
            Some((at, "this module has no tools that only read; expected `mode: write`"))
        }
        Some((at, Mode::Write)) if !writes => Some((at, "this module has no tools that write; expected `mode: read`")),
        _ => None,
    };
    mistakes.extend(mistake.map(|(at, text)| (at, text.to_owned())));
    let scope = |verb: &str| -> Arc<str> { format!("{}:{verb}", entry.name.text).into() };
    match entry.mode {
        None | Some((_, Mode::Read)) => vec![scope("read")],
        Some((_, Mode::Write)) => vec![scope("read"), scope("write")],
    }
}

/// The predecessor's module types that are still to come.
const NOT_YET: [&str; 9] =
    ["http_proxy", "ntfy", "smtp", "matrix", "slack_webhook", "discord_webhook", "grafana", "influxdb", "mcp_proxy"];

fn unknown_type(kind: &str, offer: Offer<'_>) -> String {
    let known: Vec<&str> = offer.types.keys().copied().collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    match NOT_YET.iter().find(|name| **name == kind) {
        Some(name) => format!("the module `{name}` is not supported yet; available: {known}"),
        None => format!("no module of this type; available: {known}"),
    }
}

/// A configuration as JSON, after all that doesn't fit its module's type has been noted at its place.
fn configuration(entry: &ModuleEntry, kind: &ModuleType, mistakes: &mut Vec<Mistake>) -> Json {
    let config = entry.config.as_ref().map_or_else(|| Json::Object(serde_json::Map::new()), Node::to_json);
    for mistake in kind.config.mistakes(&config) {
        let path: &str = &mistake.name;
        let (value, key) = entry.config.as_ref().map_or((None, None), |config| {
            let (value, key) = config.at_path(path);
            (Some(value.at), key.map(|key| key.at))
        });
        let at = value.unwrap_or(entry.name.at);
        mistakes.push(match &*mistake.expected {
            "missing" => (at, format!("the key `{path}` of `config` is missing")),
            "no such argument" => {
                (key.unwrap_or(at), format!("unknown key; legal here: {}", kind.config.keys().join(", ")))
            }
            "no such field" => (key.unwrap_or(at), "unknown key".to_owned()),
            expected => (at, expected.to_owned()),
        });
    }
    config
}

/// Where a manifest's modules get their credentials.
struct Source {
    from: Origin,
    given: Vec<Secret>,
    broken: Option<FileError>,
}

enum Origin {
    Environment,
    /// A file, once it has been read.
    File(PathBuf, Option<BTreeMap<String, String>>),
    /// Not to be read.
    Nowhere,
}

impl Source {
    fn new(said: &CredentialSource, serving: bool) -> Self {
        let from = match said {
            CredentialSource::Environment => Origin::Environment,
            CredentialSource::File(path) if serving => Origin::File(path.clone(), None),
            CredentialSource::File(_) => Origin::Nowhere,
        };
        // A file that is named is read, also if no module asks for anything: a mistake in it shows at the start.
        let mut source = Self { from, given: Vec::new(), broken: None };
        if let Origin::File(path, values) = &mut source.from {
            match read_credentials(path) {
                Ok(read) => *values = Some(read),
                Err(error) => source.broken = Some(error),
            }
        }
        source
    }

    /// Those of these names that there are; `None` if that can't be known.
    fn credentials(&mut self, names: &[&str]) -> Option<Credentials> {
        let mut credentials = Credentials::none();
        for &name in names {
            let value = match &self.from {
                Origin::Environment => std::env::var(name).ok(),
                Origin::File(_, values) => values.as_ref()?.get(name).cloned(),
                Origin::Nowhere => return None,
            };
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let secret = Secret::new(value);
                self.given.push(secret.clone());
                credentials = credentials.with(name, secret);
            }
        }
        Some(credentials)
    }
}

/// A file of secrets: names and texts, readable by its owner only.
fn read_credentials(path: &Path) -> Result<BTreeMap<String, String>, FileError> {
    let text = read_private(path).map_err(|expected| FileError::whole(path, expected))?;
    read(path, &text)
}

/// Whether a value of the environment that a manifest uses is to be kept out of everything that leaves. Not what is too
/// short or too plain to be one (a port, a bare origin), and not a path.
pub(crate) fn is_secret(value: &str) -> bool {
    const SHORTEST: usize = 12;
    let origin =
        || value.split_once("://").is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '@', '?', '#']));
    value.len() >= SHORTEST && !value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('/') && !origin()
}
