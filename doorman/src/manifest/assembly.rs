//! From manifests to module instances: what each key of `modules` stands for, configured, with its tools.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value as Json;
use serde_saphyr::Location;

use super::{
    FileError, FileErrors, Manifest,
    document::{CredentialSource, Mode, ModuleEntry},
    read,
};
use crate::{
    credentials::{Secret, read_private},
    exposure::{Credentials, Instance, Listed, ModuleType, ToolSpec, World},
};

/// What an application offers to manifests.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// The types of modules that a manifest may ask for, by name.
    pub(crate) types: &'a BTreeMap<&'static str, ModuleType>,
    /// The instances that the application has mounted itself.
    pub(crate) mounted: &'a HashMap<Arc<str>, &'static [&'static ToolSpec]>,
    /// The tool that tells an agent how its modules are.
    pub(crate) status: &'static ToolSpec,
    /// The names of the tools that the application lists for all.
    pub(crate) names: &'a HashSet<String>,
    /// Whether this is to be served. To validate a manifest, no file but the manifest is read.
    pub(crate) serving: bool,
}

/// A manifest with the instances that it asks for.
pub(crate) struct Assembled {
    pub(crate) manifest: Manifest,
    pub(crate) world: World,
    /// The scopes that its modes grant.
    pub(crate) scopes: Vec<Arc<str>>,
    pub(crate) instances: Vec<Declared>,
}

/// A module instance that a manifest declares.
pub(crate) struct Declared {
    pub(crate) name: Arc<str>,
    pub(crate) optional: bool,
    pub(crate) instance: Instance,
}

/// All manifests of an application.
#[derive(Default)]
pub(crate) struct Assembly {
    pub(crate) manifests: Vec<Assembled>,
    pub(crate) listed: Vec<Listed>,
    /// The credentials that instances were given, and what manifests took from the environment.
    pub(crate) secrets: Vec<Secret>,
    errors: Vec<FileError>,
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

    /// All that is wrong, if anything is.
    pub(crate) fn errors(&mut self) -> Option<FileErrors> {
        (!self.errors.is_empty()).then(|| std::mem::take(&mut self.errors).into())
    }

    fn add(&mut self, manifest: Manifest, world: World, offer: Offer<'_>) {
        let document = &manifest.document;
        self.secrets.extend(document.expanded.iter().filter(|(_, value)| is_secret(value)).map(|(_, it)| Secret::new(it)));
        let mut source = Source::new(&document.credentials, offer.serving);
        let (mut scopes, mut instances): (Vec<Arc<str>>, _) = (Vec::new(), Vec::new());
        let mut names: HashSet<String> = offer.names.clone();
        for entry in &document.modules {
            match self.entry(entry, &mut source, offer) {
                Err(found) => {
                    let located = |(at, expected)| FileError::located(&manifest.file, at, expected);
                    self.errors.extend(found.into_iter().map(located));
                }
                Ok(resolved) => {
                    scopes.extend(resolved.scopes);
                    let Some((instance, tools)) = resolved.declared else { continue };
                    let name: Arc<str> = entry.name.text.as_str().into();
                    for &spec in tools {
                        let module = Some((Arc::clone(&name), Arc::clone(&instance.mounted)));
                        let tool = Listed { spec, module, world: Some(world) };
                        if !names.insert(tool.wire_name()) {
                            let text = format!("another tool is already named `{}`", tool.wire_name());
                            self.errors.push(FileError::located(&manifest.file, entry.name.at, text));
                        }
                        self.listed.push(tool);
                    }
                    instances.push(Declared { name, optional: entry.optional, instance });
                }
            }
        }
        self.secrets.extend(source.given);
        self.errors.extend(source.broken);
        if !document.modules.is_empty() {
            self.listed.push(Listed { spec: offer.status, module: None, world: Some(world) });
            scopes.extend(offer.status.scopes().iter().map(|&scope| scope.into()));
        }
        self.manifests.push(Assembled { manifest, world, scopes, instances });
    }

    fn entry(&self, entry: &ModuleEntry, source: &mut Source, offer: Offer<'_>) -> Result<Resolved, Vec<Mistake>> {
        let at = entry.name.at;
        if let Some(tools) = offer.mounted.get(entry.name.text.as_str()) {
            let mut mistakes = Vec::new();
            if entry.kind.is_some() || entry.config.is_some() {
                mistakes.push((at, "the application has this module already; expected `mode` alone".to_owned()));
            }
            let scopes = granted(entry, tools, &mut mistakes);
            return if mistakes.is_empty() { Ok(Resolved { scopes, declared: None }) } else { Err(mistakes) };
        }
        let kind = entry.kind.as_ref().unwrap_or(&entry.name);
        let Some(kind) = offer.types.get(kind.text.as_str()) else {
            return Err(vec![(kind.at, unknown_type(&kind.text, offer))]);
        };
        let mut mistakes = Vec::new();
        let scopes = granted(entry, kind.tools, &mut mistakes);
        let config = configuration(entry, kind, &mut mistakes);
        let credentials = source.credentials(kind.credentials);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        // Credentials that weren't read can't be asked for.
        if let Some(credentials) = credentials {
            match (kind.make)(config, &credentials) {
                Ok(instance) => return Ok(Resolved { scopes, declared: Some((instance, kind.tools)) }),
                Err(reason) => return Err(vec![(at, reason.to_string())]),
            }
        }
        Ok(Resolved { scopes, declared: None })
    }
}

type Mistake = (Location, String);

/// What a key of `modules` came to.
struct Resolved {
    scopes: Vec<Arc<str>>,
    declared: Option<(Instance, &'static [&'static ToolSpec])>,
}

/// The scopes of a mode. A module that can write and doesn't say whether it may is refused (S03).
fn granted(entry: &ModuleEntry, tools: &[&ToolSpec], mistakes: &mut Vec<Mistake>) -> Vec<Arc<str>> {
    let writes = tools.iter().any(|tool| tool.writes());
    let reads = tools.iter().any(|tool| !tool.writes());
    let scope = |verb: &str| -> Arc<str> { format!("{}:{verb}", entry.name.text).into() };
    match entry.mode {
        None if writes => {
            let text = "this module has tools that write; expected `mode: read` or `mode: write`";
            mistakes.push((entry.name.at, text.to_owned()));
            Vec::new()
        }
        Some((at, Mode::Read)) if !reads => {
            mistakes.push((at, "this module has no tools that only read; expected `mode: write`".to_owned()));
            Vec::new()
        }
        None | Some((_, Mode::Read)) => vec![scope("read")],
        Some((at, Mode::Write)) if !writes => {
            mistakes.push((at, "this module has no tools that write; expected `mode: read`".to_owned()));
            Vec::new()
        }
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
    let mut places: HashMap<String, Location> = HashMap::new();
    let config = match &entry.config {
        Some(config) => config.to_json("", &mut |path, at| {
            places.insert(path, at);
        }),
        None => Json::Object(serde_json::Map::new()),
    };
    let whole = entry.config.as_ref().map_or(entry.name.at, |config| config.at);
    for mistake in kind.config.mistakes(&config) {
        let path: &str = &mistake.name;
        let parent = || path.rsplit_once(['.', '[']).map_or("", |(parent, _)| parent);
        let (at, text) = match &*mistake.expected {
            "missing" => {
                let at = places.get(parent()).copied().unwrap_or(whole);
                (at, format!("the key `{path}` of `config` is missing"))
            }
            "no such argument" | "no such field" => {
                let at = places.get(&format!("{path}\0key")).copied().unwrap_or(whole);
                let legal = if path.contains(['.', '[']) { String::new() } else { kind.config.keys().join(", ") };
                (at, if legal.is_empty() { "unknown key".to_owned() } else { format!("unknown key; legal here: {legal}") })
            }
            expected => (places.get(path).copied().unwrap_or(whole), expected.to_owned()),
        };
        mistakes.push((at, text));
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
    let origin = || {
        value.split_once("://").is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '@', '?', '#']))
    };
    value.len() >= SHORTEST && !value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('/') && !origin()
}
