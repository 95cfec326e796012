//! The manifest's grammar: what each key may hold.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use doorman_grammar::{
    glob::{self, Glob},
    name,
    rate::{self, Per, RateSpec},
    scope,
};
use serde_saphyr::Location;

use super::{
    FileErrors,
    fields::{Fields, Mistakes, Text},
    filters::{self, WrittenFilter},
    node::{Node, Value},
    yaml,
};
use crate::{
    filter::Direction,
    redact::{InvalidGlob, InvalidPattern, Kind, More},
    state::StateStore,
};

/// A manifest as it is written, every value legal by itself. Whether what it names exists is for the application to say.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) agent_type: String,
    pub(crate) description: String,
    pub(crate) scopes: Vec<Text>,
    pub(crate) modules: Vec<ModuleEntry>,
    pub(crate) credentials: CredentialSource,
    pub(crate) rate_limits: RateLimits,
    /// What is masked beyond what tools and the application say.
    pub(crate) redaction: More,
    /// What is shown to callers whose tokens lack its scopes, by name.
    pub(crate) discoverable: Vec<(Text, Glob)>,
    /// What is looked for in what its agents send and get.
    pub(crate) filters: Vec<WrittenFilter>,
    /// Where the counts of limits are kept, and where it says so.
    pub(crate) state: Option<(Location, StateStore)>,
    /// What `${…}` stood for: the values of the environment that are in this document.
    pub(crate) expanded: BTreeSet<String>,
}

/// One key of `modules`.
#[derive(Debug, Clone)]
pub(crate) struct ModuleEntry {
    /// The instance's name.
    pub(crate) name: Text,
    /// The module's name, where it isn't the instance's.
    pub(crate) kind: Option<Text>,
    pub(crate) mode: Option<(Location, Mode)>,
    pub(crate) config: Option<Node>,
    pub(crate) optional: bool,
}

/// What of a module instance is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `<instance>:read`.
    Read,
    /// `<instance>:read` and `<instance>:write`.
    Write,
}

/// Where modules' credentials come from.
#[derive(Debug, Clone)]
pub(crate) enum CredentialSource {
    Environment,
    File(PathBuf),
}

/// Limits on what an agent of this type may call; each agent has counts of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateLimits {
    /// Every attempt counts.
    pub(crate) global: RateSpec,
    /// The tools that a glob matches share a count.
    pub(crate) per_tool: Vec<(Text, Glob, RateSpec)>,
}

/// Keys of the predecessor's that mean something and aren't understood yet.
const NOT_YET: [&str; 3] = ["hitl", "audit", "content_limits"];

impl Document {
    /// Whether a value is (part of) a name that everybody may see.
    pub(crate) fn names(&self, value: &str) -> bool {
        let types = self.modules.iter().filter_map(|module| module.kind.as_ref());
        self.agent_type.contains(value) || self.scopes.iter().chain(types).any(|name| name.text.contains(value))
    }

    /// Reads a document. `variable` says what `${NAME}` stands for.
    pub(crate) fn parse(
        file: &Path,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, FileErrors> {
        let mut root = yaml::tree(file, text)?;
        let mut mistakes = Mistakes::new(file);
        for key in root.duplicates() {
            mistakes.at(key.at, "this key is given twice");
        }
        let expanded = expand(&mut root, variable, &mut mistakes);
        let document = document(root, expanded, &mut mistakes);
        let document = mistakes.unless_any(document).map_err(FileErrors::from)?;
        // Whatever couldn't be read has left a mistake.
        document.ok_or_else(|| yaml::FileError::whole(file, "expected a map with `agent_type`").into())
    }
}

fn document(root: Node, expanded: BTreeSet<String>, mistakes: &mut Mistakes<'_>) -> Option<Document> {
    let mut fields = Fields::of(root, mistakes)?;
    let agent_type = fields.require("agent_type", mistakes).and_then(|node| mistakes.text(node));
    let agent_type = agent_type.and_then(|text| mistakes.parsed(&text, name::agent_type));
    let description = fields.take("description").and_then(|node| mistakes.text(node)).map(|text| text.text);
    let (modules, scopes) = (fields.take_written("modules"), fields.take_written("scopes"));
    if modules.is_none() && scopes.is_none() {
        mistakes.at(fields.at, "expected `modules` or `scopes`: a manifest that grants nothing is a mistake");
    }
    let modules = modules.map_or_else(Vec::new, |node| read_modules(node, mistakes));
    let scopes = scopes.map_or_else(Vec::new, |node| read_scopes(node, mistakes));
    let credentials = fields.take("credentials").map(|node| read_credentials(node, mistakes));
    let rate_limits = fields.take("rate_limits").map(|node| read_rate_limits(node, mistakes));
    let redaction = fields.take("redaction").map(|node| read_redaction(node, mistakes));
    let discoverable = fields.take_written("discoverable");
    let discoverable = discoverable.map_or_else(Vec::new, |node| read_names(node, mistakes));
    let mut filters = filters::read(fields.take_written("argument_filters"), Direction::Arguments, mistakes);
    filters.extend(filters::read(fields.take_written("response_filters"), Direction::Responses, mistakes));
    let state = fields.take("state_backend").and_then(|node| read_state(node, mistakes));
    read_platform_metadata(&mut fields, mistakes);
    fields.refuse(&NOT_YET, mistakes);
    fields.finish(mistakes);
    Some(Document {
        agent_type: agent_type?.as_str().to_owned(),
        description: description.unwrap_or_default(),
        scopes,
        modules,
        credentials: credentials.flatten().unwrap_or(CredentialSource::Environment),
        rate_limits: rate_limits.flatten().unwrap_or_default(),
        redaction: redaction.flatten().unwrap_or_default(),
        discoverable,
        filters,
        state,
        expanded,
    })
}

fn read_scopes(node: Node, mistakes: &mut Mistakes<'_>) -> Vec<Text> {
    let at = node.at;
    let Some(items) = mistakes.list(node) else { return Vec::new() };
    if items.is_empty() {
        mistakes.at(at, "expected at least one scope");
    }
    let mut scopes = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = mistakes.text(item) else { continue };
        if mistakes.parsed(&text, scope::parse).is_some() {
            scopes.push(text);
        }
    }
    scopes
}

/// Names of capabilities, or patterns of names.
fn read_names(node: Node, mistakes: &mut Mistakes<'_>) -> Vec<(Text, Glob)> {
    let mut names = Vec::new();
    for item in mistakes.list(node).unwrap_or_default() {
        let Some(text) = mistakes.text(item) else { continue };
        if let Some(glob) = mistakes.parsed(&text, glob::parse) {
            names.push((text, glob));
        }
    }
    names
}

fn read_modules(node: Node, mistakes: &mut Mistakes<'_>) -> Vec<ModuleEntry> {
    let Some((at, entries)) = mistakes.map(node) else { return Vec::new() };
    if entries.is_empty() {
        mistakes.at(at, "expected at least one module");
    }
    let mut modules = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let name = Text { at: key.at, text: key.name };
        let legal = mistakes.parsed(&name, name::instance).is_some();
        // A module without a word about it: the type is its name, and its configuration is empty.
        let entry = match value.value {
            Value::Null => Some(ModuleEntry { name, kind: None, mode: None, config: None, optional: false }),
            _ => read_module(name, value, mistakes),
        };
        modules.extend(entry.filter(|_| legal));
    }
    modules
}

fn read_module(name: Text, node: Node, mistakes: &mut Mistakes<'_>) -> Option<ModuleEntry> {
    let mut fields = Fields::of(node, mistakes)?;
    let mode = fields.take("mode").and_then(|node| {
        let at = node.at;
        let mode = mistakes.word(node, &[("read", Mode::Read), ("write", Mode::Write)])?;
        Some((at, mode))
    });
    let kind = fields.take("type").and_then(|node| mistakes.text(node));
    let config = fields.take("config").filter(|node| match node.value {
        Value::Map(_) => true,
        _ => mistakes.expected::<()>(node.at, "a map").is_some(),
    });
    let optional = fields.take("optional").and_then(|node| mistakes.boolean(&node)).unwrap_or(false);
    fields.refuse(&["dependency_wait_timeout_seconds", "dependency_wait_interval_seconds"], mistakes);
    fields.finish(mistakes);
    Some(ModuleEntry { name, kind, mode, config, optional })
}

fn read_credentials(node: Node, mistakes: &mut Mistakes<'_>) -> Option<CredentialSource> {
    #[derive(Clone, Copy)]
    enum Source {
        Environment,
        File,
        Vault,
    }
    let mut fields = Fields::of(node, mistakes)?;
    let at = fields.at;
    let words = [("env", Source::Environment), ("file", Source::File), ("vault", Source::Vault)];
    let source = match fields.take("source") {
        Some(node) => (node.at, mistakes.word(node, &words)?),
        None => (at, Source::Environment),
    };
    let path = fields.take("path").and_then(|node| mistakes.text(node));
    if let Some(strict) = fields.take("strict_permissions")
        && mistakes.boolean(&strict) == Some(false)
    {
        mistakes.at(strict.at, "expected true: a file of secrets that others may read is never read");
    }
    fields.refuse(&["vault"], mistakes);
    fields.finish(mistakes);
    match (source, path) {
        ((_, Source::Environment), None) => Some(CredentialSource::Environment),
        ((_, Source::Environment), Some(path)) => mistakes.expected(path.at, "no `path`, or `source: file`"),
        ((_, Source::File), Some(path)) if is_absolute(&path.text) => Some(CredentialSource::File(path.text.into())),
        ((_, Source::File), Some(path)) => mistakes.expected(path.at, "an absolute path, without `..`"),
        ((at, Source::File), None) => mistakes.expected(at, "`path`, because `source` is `file`"),
        ((at, Source::Vault), _) => {
            mistakes.at(at, "`source: vault` is not supported yet");
            None
        }
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|name| name == "..")
}

fn read_rate_limits(node: Node, mistakes: &mut Mistakes<'_>) -> Option<RateLimits> {
    let mut fields = Fields::of(node, mistakes)?;
    let global = fields.take("global").and_then(|node| read_rules(node, mistakes)).unwrap_or_default();
    let mut per_tool = Vec::new();
    if let Some((_, entries)) = fields.take("per_tool").and_then(|node| mistakes.map(node)) {
        for (key, value) in entries {
            let pattern = Text { at: key.at, text: key.name };
            let rules = read_rules(value, mistakes);
            // `*` alone is every tool: legal here, where all of them are the agent's own.
            let glob = match pattern.text.as_str() {
                "*" => Some(Glob::any()),
                _ => mistakes.parsed(&pattern, glob::parse),
            };
            per_tool.extend(glob.zip(rules).map(|(glob, rules)| (pattern, glob, rules)));
        }
    }
    fields.finish(mistakes);
    Some(RateLimits { global, per_tool })
}

/// Keys, patterns and kinds that are masked in what agents of this type get.
fn read_redaction(node: Node, mistakes: &mut Mistakes<'_>) -> Option<More> {
    let mut fields = Fields::of(node, mistakes)?;
    let mut more = More::default();
    let mut texts = |name: &'static str, mistakes: &mut Mistakes<'_>| -> Vec<Text> {
        let items = fields.take_written(name).and_then(|node| mistakes.list(node)).unwrap_or_default();
        items.into_iter().filter_map(|item| mistakes.text(item)).collect()
    };
    for glob in texts("keys", mistakes) {
        match more.key(&glob.text) {
            Ok(()) => {}
            Err(InvalidGlob::Everything(_)) => {
                mistakes.at(glob.at, "expected at least one letter or digit, as in `iban` or `*_iban`");
            }
            Err(InvalidGlob::Wildcard { .. }) => mistakes.at(glob.at, "expected no wildcard but `*`"),
        }
    }
    for pattern in texts("patterns", mistakes) {
        match more.pattern(&pattern.text) {
            Ok(()) => {}
            Err(InvalidPattern::Empty(_)) => {
                mistakes.at(pattern.at, "expected a regular expression that doesn't match the empty text");
            }
            Err(InvalidPattern::Syntax { reason, .. }) => {
                mistakes.at(pattern.at, format!("expected a regular expression: {reason}"));
            }
        }
    }
    for kind in texts("detect", mistakes) {
        match Kind::named(&kind.text).filter(|kind| kind.is_opt_in()) {
            Some(kind) => more.detect(kind),
            None => mistakes.at(kind.at, "expected ip or mac; all other kinds are looked for anyway"),
        }
    }
    fields.finish(mistakes);
    Some(more)
}

/// `10/minute`: rules of the general grammar, plain ones for each agent. `global` is for all agents of this type; which
/// tools share a count the key has said already.
fn read_rules(node: Node, mistakes: &mut Mistakes<'_>) -> Option<RateSpec> {
    let text = mistakes.text(node)?;
    // As the predecessor, which allows no space in a rate.
    let tight = text.text.trim() == text.text && !text.text.contains(" /") && !text.text.contains("/ ");
    let fits = |spec: &RateSpec| spec.rules().iter().all(|rule| !matches!(rule.per, Per::Tool | Per::CallerAndTool));
    let spec = rate::parse(&text.text).ok().filter(|spec| tight && fits(spec));
    spec.or_else(|| {
        let expected = "a rate such as \"60/minute\" or \"60/min burst 10; 500/calendar_day global\": a whole number from \
                        1, a unit, and optionally per_caller, per_agent, per_tenant or global, and burst N";
        mistakes.expected(text.at, expected)
    })
}

/// The predecessor's `in_process` and `dragonfly` (which speaks as Redis does), and ours.
fn read_state(node: Node, mistakes: &mut Mistakes<'_>) -> Option<(Location, StateStore)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Type {
        Memory,
        File,
        Redis,
    }
    let at = node.at;
    let mut fields = Fields::of(node, mistakes)?;
    let words = [
        ("in_process", Type::Memory),
        ("file", Type::File),
        ("redis", Type::Redis),
        ("valkey", Type::Redis),
        ("dragonfly", Type::Redis),
    ];
    let kind = match fields.take("type") {
        Some(node) => mistakes.word(node, &words)?,
        None => Type::Memory,
    };
    let url = fields.take("url").and_then(|node| mistakes.text(node));
    let path = fields.take("path").and_then(|node| mistakes.text(node));
    fields.finish(mistakes);
    if let Some(path) = path.as_ref().filter(|_| kind != Type::File) {
        return mistakes.expected(path.at, "no `path`, or `type: file`");
    }
    if let Some(url) = url.as_ref().filter(|_| kind != Type::Redis) {
        return mistakes.expected(url.at, "no `url`, or a `type` that has one");
    }
    let store = match (kind, url, path) {
        (Type::Memory, ..) => StateStore::memory(),
        (Type::File, _, Some(path)) if is_absolute(&path.text) => StateStore::file(path.text),
        (Type::File, _, Some(path)) => return mistakes.expected(path.at, "an absolute path, without `..`"),
        (Type::File, _, None) => return mistakes.expected(at, "`path`, because `type` is `file`"),
        (Type::Redis, None, _) => return mistakes.expected(at, "`url`, because of its `type`"),
        (Type::Redis, Some(url), _) => match StateStore::redis(&url.text) {
            Ok(store) => store,
            Err(error) => return mistakes.expected(url.at, error.expected()),
        },
    };
    Some((at, store))
}

/// What the predecessor's platform keeps in a manifest for itself. It is checked, and means nothing here.
fn read_platform_metadata(fields: &mut Fields, mistakes: &mut Mistakes<'_>) {
    let _ = fields.take("max_auto_risk").and_then(|node| mistakes.text(node));
    if let Some(mut inner) = fields.take("interaction_permissions").and_then(|node| Fields::of(node, mistakes)) {
        for name in ["auto_approved", "needs_approval"] {
            for item in inner.take(name).and_then(|node| mistakes.list(node)).unwrap_or_default() {
                let _ = mistakes.text(item);
            }
        }
        inner.finish(mistakes);
    }
    for item in fields.take("workspace_access").and_then(|node| mistakes.list(node)).unwrap_or_default() {
        let Some(mut inner) = Fields::of(item, mistakes) else { continue };
        let _ = inner.require("path", mistakes).and_then(|node| mistakes.text(node));
        let access = inner.require("access", mistakes);
        let _ = access.and_then(|node| mistakes.word(node, &[("readonly", ()), ("readwrite", ())]));
        for name in ["git_backed", "branch_required"] {
            let _ = inner.take(name).and_then(|node| mistakes.boolean(&node));
        }
        inner.finish(mistakes);
    }
}

/// How much of the environment may be put into one document, in bytes.
const MOST_EXPANDED: usize = 1 << 20;

/// Puts the environment's values in the place of `${NAME}`, in texts that have been parsed: a value can't change the
/// structure. `$${` is a literal `${`. All names that aren't set are one mistake.
fn expand(root: &mut Node, variable: &dyn Fn(&str) -> Option<String>, mistakes: &mut Mistakes<'_>) -> BTreeSet<String> {
    let (mut expanded, mut missing) = (BTreeSet::new(), BTreeSet::new());
    let (mut first, mut bytes, mut too_large) = (None, 0, None);
    root.each_text(&mut |at, text| {
        if !text.contains("${") {
            return;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_variable(name));
            match name {
                _ if before.ends_with('$') => {
                    out.push_str(&before[..before.len() - 1]);
                    out.push_str("${");
                    rest = after;
                }
                None => {
                    out.push_str(&rest[..start + 2]);
                    rest = after;
                }
                Some(name) => {
                    out.push_str(before);
                    match variable(name) {
                        Some(value) => {
                            bytes += value.len();
                            if bytes > MOST_EXPANDED {
                                too_large = Some(at);
                            } else {
                                out.push_str(&value);
                                expanded.insert(value);
                            }
                        }
                        None => {
                            first.get_or_insert(at);
                            missing.insert(format!("`{name}`"));
                        }
                    }
                    rest = &after[name.len() + 1..];
                }
            }
        }
        out.push_str(rest);
        *text = out;
    });
    if let Some(at) = first {
        let missing: Vec<String> = missing.into_iter().collect();
        mistakes.at(at, format!("not set in the environment: {}", missing.join(", ")));
    }
    if let Some(at) = too_large {
        mistakes.at(at, "too large: expected at most 1 MiB from the environment");
    }
    expanded
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
