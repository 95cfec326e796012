//! The catalog: all that an application exposes, and what of it a grant opens.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use thiserror::Error;

use super::{
    Access, Effect, ToolSpec,
    arguments::{ArgumentSchema, Object},
};
use crate::call::{Mounted, StateTable};

/// Why a set of capabilities can't be served.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Two capabilities have one wire name.
    #[error("two capabilities are named `{0}`; give one of them another name, or its module another instance name")]
    DuplicateName(String),
    /// A name that is no legal tool name.
    #[error("`{name}` can't be a tool's name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is legal.
        reason: String,
    },
    /// A schema that can't be published.
    #[error("the tool `{capability}` has no usable schema: {reason}")]
    Schema {
        /// The tool.
        capability: String,
        /// What is wrong.
        reason: String,
    },
    /// Values that tools take and the application didn't give.
    #[error("missing: {}; give them with `.state(…)` or `.scope(…)`", .0.join(", "))]
    Missing(Vec<String>),
}

/// One thing that is exposed.
pub(crate) struct Capability {
    /// Its place in the catalog.
    pub(crate) id: usize,
    /// Its name on the wire.
    pub(crate) name: Arc<str>,
    pub(crate) spec: &'static ToolSpec,
    /// The scopes that a caller must hold, all of them; empty for a public one.
    pub(crate) scopes: Box<[Arc<str>]>,
    pub(crate) module: Option<Arc<Mounted>>,
    /// Compiled once for all instances of a tool, as is its output.
    pub(crate) arguments: Arc<ArgumentSchema>,
    pub(crate) output: Option<Arc<OutputShape>>,
    required: ScopeSet,
}

/// What a capability's structured output looks like.
pub(crate) struct OutputShape {
    pub(crate) schema: Object,
    /// MCP up to 2025-11-25 wants an object: other values are sent as `{"result": …}`.
    pub(crate) wrapped: bool,
}

impl Capability {
    /// The hints that MCP publishes: read-only, destructive.
    pub(crate) fn hints(&self) -> (bool, bool) {
        (self.spec.effect == Effect::ReadOnly, self.spec.effect == Effect::Destructive)
    }
}

/// A set of the catalog's scopes, as bits.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ScopeSet(Box<[u64]>);

impl ScopeSet {
    fn covers(&self, needed: &Self) -> bool {
        self.0.iter().zip(&needed.0).all(|(held, needed)| needed & !held == 0)
    }
}

/// What belongs to one manifest: the instances that it declares, and nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct World(pub(crate) usize);

/// What a caller has been granted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    /// Nobody vouches for the caller: public capabilities only.
    Unverified,
    /// A verified caller with these scopes, in the world of its manifest.
    Scopes(Option<World>, Vec<Arc<str>>),
    /// `Doorman::dev()`: all that the application lists.
    Everything,
}

impl Grant {
    fn world(&self) -> Option<World> {
        match self {
            Self::Scopes(world, _) => *world,
            Self::Unverified | Self::Everything => None,
        }
    }
}

/// What one grant opens: listed, found and callable are the same set, by construction.
pub(crate) struct View {
    by_name: HashMap<Arc<str>, usize>,
    /// In the order of names.
    opened: Box<[Opened]>,
}

/// A capability in a view.
struct Opened {
    id: usize,
    module: Option<Arc<Mounted>>,
}

impl Opened {
    /// A tool whose module hasn't started isn't there.
    fn is_there(&self) -> bool {
        self.module.as_ref().is_none_or(|module| module.has_started())
    }
}

impl View {
    /// The capability of this name, if the caller may know of it.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let opened = &self.opened[*self.by_name.get(name)?];
        opened.is_there().then_some(opened.id)
    }

    /// All that the caller sees, in the order of names.
    pub(crate) fn listed(&self) -> impl Iterator<Item = usize> {
        self.opened.iter().filter(|it| it.is_there()).map(|it| it.id)
    }

    /// All that the caller sees once every module has started.
    pub(crate) fn granted(&self) -> impl Iterator<Item = usize> {
        self.opened.iter().map(|it| it.id)
    }
}

/// All that an application exposes.
pub(crate) struct Catalog {
    /// What all callers share, then each world's own.
    capabilities: Box<[Capability]>,
    common: usize,
    worlds: HashMap<World, Range<usize>>,
    scopes: HashMap<Arc<str>, usize>,
    views: Mutex<HashMap<Grant, Arc<View>>>,
}

/// A tool on its way into the catalog.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) spec: &'static ToolSpec,
    /// The module instance that it belongs to, and its name.
    pub(crate) module: Option<(Arc<str>, Arc<Mounted>)>,
    /// The manifest that it belongs to, if it isn't for all.
    pub(crate) world: Option<World>,
}

impl Listed {
    /// Its name on the wire.
    pub(crate) fn wire_name(&self) -> String {
        match &self.module {
            Some((instance, _)) => format!("{instance}_{}", self.spec.name),
            None => self.spec.name.to_owned(),
        }
    }
}

/// Views are made anew when more than this many grants are in use.
const MOST_VIEWS: usize = 4096;

impl Catalog {
    /// Builds the catalog: names unique and legal, schemas usable, everything that tools take is there.
    pub(crate) fn build(listed: Vec<Listed>, state: &StateTable) -> Result<Self, CatalogError> {
        let mut named: Vec<(String, Listed)> = listed.into_iter().map(|tool| (tool.wire_name(), tool)).collect();
        named.sort_by(|a, b| (a.1.world, &a.0).cmp(&(b.1.world, &b.0)));
        let common = named.iter().take_while(|(_, tool)| tool.world.is_none()).count();
        if let Some(name) = taken_twice(&named, common) {
            return Err(CatalogError::DuplicateName(name.to_owned()));
        }
        let mut worlds: HashMap<World, Range<usize>> = HashMap::new();
        for (id, (_, tool)) in named.iter().enumerate() {
            if let Some(world) = tool.world {
                worlds.entry(world).or_insert(id..id).end = id + 1;
            }
        }
        let missing: Vec<String> = named.iter().flat_map(|(name, tool)| missing(name, tool, state)).collect();
        if !missing.is_empty() {
            return Err(CatalogError::Missing(missing));
        }
        let mut scopes: HashMap<Arc<str>, usize> = HashMap::new();
        let needed: Vec<Box<[Arc<str>]>> = named.iter().map(|(_, tool)| scopes_of(tool)).collect();
        for scope in needed.iter().flat_map(|scopes| scopes.iter()) {
            let next = scopes.len();
            scopes.entry(Arc::clone(scope)).or_insert(next);
        }
        let mut capabilities = Vec::with_capacity(named.len());
        let mut compiled = HashMap::new();
        for (id, ((name, tool), needed)) in named.into_iter().zip(needed).enumerate() {
            doorman_grammar::name::tool(&name)
                .map_err(|error| CatalogError::Name { name: name.clone(), reason: error.to_string() })?;
            let (arguments, output) = match compiled.entry(std::ptr::from_ref(tool.spec)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    new.insert((Arc::new(ArgumentSchema::of(tool.spec, &name)?), output_shape(tool.spec).map(Arc::new)))
                }
            };
            capabilities.push(Capability {
                id,
                arguments: Arc::clone(arguments),
                output: output.clone(),
                name: name.into(),
                spec: tool.spec,
                required: set(&scopes, needed.iter().map(|scope| &**scope)),
                scopes: needed,
                module: tool.module.map(|(_, mounted)| mounted),
            });
        }
        Ok(Self { capabilities: capabilities.into(), common, worlds, scopes, views: Mutex::default() })
    }

    /// All capabilities, in the order of names.
    pub(crate) fn all(&self) -> &[Capability] {
        &self.capabilities
    }

    /// The capability with this place.
    pub(crate) fn get(&self, id: usize) -> &Capability {
        &self.capabilities[id]
    }

    /// What a world's callers may be granted.
    fn of_world(&self, world: Option<World>) -> impl Iterator<Item = &Capability> {
        let own = world.and_then(|world| self.worlds.get(&world).cloned()).unwrap_or_default();
        self.capabilities[..self.common].iter().chain(&self.capabilities[own])
    }

    /// Whether some capability of a world asks for this scope.
    pub(crate) fn knows_scope(&self, world: World, scope: &str) -> bool {
        self.of_world(Some(world)).any(|it| it.scopes.iter().any(|known| **known == *scope))
    }

    /// What a grant opens. Views are shared by all callers with the same grant.
    pub(crate) fn view(&self, grant: &Grant) -> Arc<View> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = views.get(grant) {
            return Arc::clone(view);
        }
        if views.len() >= MOST_VIEWS {
            views.clear();
        }
        let held = match grant {
            Grant::Scopes(_, held) => set(&self.scopes, held.iter().map(|scope| &**scope)),
            Grant::Unverified | Grant::Everything => set(&self.scopes, []),
        };
        let mut opened: Vec<&Capability> =
            self.of_world(grant.world()).filter(|it| authorize(it, grant, &held)).collect();
        opened.sort_by(|a, b| a.name.cmp(&b.name));
        let by_name = opened.iter().enumerate().map(|(at, it)| (Arc::clone(&it.name), at)).collect();
        let opened = opened.into_iter().map(|it| Opened { id: it.id, module: it.module.clone() }).collect();
        let view = Arc::new(View { by_name, opened });
        views.insert(grant.clone(), Arc::clone(&view));
        view
    }
}

/// The one authorization rule (S01, S02, S06): a public capability, or a verified caller whose scopes cover all that it
/// asks for.
fn authorize(capability: &Capability, grant: &Grant, held: &ScopeSet) -> bool {
    match grant {
        _ if capability.scopes.is_empty() => true,
        Grant::Unverified => false,
        Grant::Scopes(..) => held.covers(&capability.required),
        Grant::Everything => true,
    }
}

fn set<'a>(known: &HashMap<Arc<str>, usize>, scopes: impl IntoIterator<Item = &'a str>) -> ScopeSet {
    let mut bits = vec![0; known.len().div_ceil(64)];
    for &bit in scopes.into_iter().filter_map(|scope| known.get(scope)) {
        bits[bit / 64] |= 1 << (bit % 64);
    }
    ScopeSet(bits.into())
}

/// A name that two capabilities of one caller would have; `named` is in the order of worlds and names.
fn taken_twice(named: &[(String, Listed)], common: usize) -> Option<&str> {
    let shared: HashSet<&str> = named[..common].iter().map(|(name, _)| name.as_str()).collect();
    let beside = named.windows(2).find(|pair| pair[0].0 == pair[1].0 && pair[0].1.world == pair[1].1.world);
    let across = || named[common..].iter().find(|(name, _)| shared.contains(name.as_str()));
    beside.map(|pair| &*pair[0].0).or_else(|| across().map(|(name, _)| &**name))
}

fn scopes_of(tool: &Listed) -> Box<[Arc<str>]> {
    let instance = || tool.module.as_ref().map_or("", |(instance, _)| instance);
    match tool.spec.access {
        Access::Public => Box::default(),
        Access::Scopes(scopes) => {
            let mut seen = HashSet::new();
            scopes.iter().filter(|scope| seen.insert(**scope)).map(|&scope| scope.into()).collect()
        }
        Access::Instance if tool.spec.effect == Effect::ReadOnly => Box::new([format!("{}:read", instance()).into()]),
        Access::Instance => Box::new([format!("{}:write", instance()).into()]),
    }
}

fn missing(name: &str, tool: &Listed, state: &StateTable) -> Vec<String> {
    let needs = tool.spec.params.iter().flat_map(|param| param.needs());
    let absent = needs.filter(|need| match &tool.module {
        Some((_, mounted)) => !mounted.provides(need) && !state.has(need),
        None => !state.has(need),
    });
    absent.map(|need| format!("`{}`, which the tool `{name}` takes", need.name())).collect()
}

fn output_shape(spec: &ToolSpec) -> Option<OutputShape> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let root = (spec.output)(&mut generator)?.to_value();
    let mut definitions: Object = generator.take_definitions(true);
    let wrapped = !is_object(&root, &definitions);
    let mut schema = if wrapped {
        json!({ "type": "object", "properties": { "result": root }, "required": ["result"] })
    } else {
        inline(root, &mut definitions)
    };
    let object = schema.as_object_mut()?;
    if !definitions.is_empty() {
        object.insert("$defs".into(), definitions.into());
    }
    Some(OutputShape { schema: std::mem::take(object), wrapped })
}

fn referenced(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

fn is_object(schema: &Value, definitions: &Object) -> bool {
    let target = referenced(schema).and_then(|name| definitions.get(name)).unwrap_or(schema);
    target.get("type") == Some(&json!("object"))
}

/// Clients up to 2025-11-25 want `"type": "object"` at the root, not a reference to it.
fn inline(root: Value, definitions: &mut Object) -> Value {
    let Some(name) = referenced(&root).map(str::to_owned) else { return root };
    let Some(target) = definitions.get(&name).cloned() else { return root };
    let reference = format!("#/$defs/{name}");
    let still_used = |value: &Value| value.to_string().contains(&reference);
    if !still_used(&target) && !definitions.iter().any(|(other, value)| *other != name && still_used(value)) {
        definitions.shift_remove(&name);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Refused;

    fn tool(name: &'static str, access: Access) -> Listed {
        let bind = |_: &crate::call::Call, _: &Object| Err(Refused::Invalid(Vec::new()));
        let spec = ToolSpec::new(name, Effect::Destructive, access, &[], |_| None, bind);
        Listed { spec: Box::leak(Box::new(spec)), module: None, world: None }
    }

    fn leaked(text: String) -> &'static str {
        Box::leak(text.into_boxed_str())
    }

    #[test]
    fn s01_s02_listed_and_found_are_the_same_for_every_grant() {
        // 130 scopes, so that sets are longer than one word; each tool asks for two of them.
        let scopes: Vec<&'static str> = (0..130).map(|i| leaked(format!("area{i}:read"))).collect();
        let asks = |i: usize| [scopes[i], scopes[(i * 7 + 3) % 130]];
        let mut tools: Vec<Listed> =
            (0..130).map(|i| tool(leaked(format!("tool_{i}")), Access::Scopes(Box::leak(Box::new(asks(i)))))).collect();
        tools.push(tool("open", Access::Public));
        let catalog = Catalog::build(tools, &StateTable::default()).unwrap();
        let mut seed = 7_u64;
        for _ in 0..200 {
            let mut held: Vec<Arc<str>> = vec!["unknown:read".into(), "*".into(), "AREA1:READ".into()];
            for scope in &scopes {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if seed >> 62 != 0 {
                    held.push((*scope).into());
                }
            }
            let view = catalog.view(&Grant::Scopes(None, held.clone()));
            let listed: Vec<&str> = view.listed().map(|id| &*catalog.get(id).name).collect();
            for capability in catalog.all() {
                let covered = capability.scopes.iter().all(|needed| held.contains(needed));
                assert_eq!(view.find(&capability.name).is_some(), covered);
                assert_eq!(listed.contains(&&*capability.name), covered);
            }
            assert_eq!(view.find("no_such_tool"), None);
        }
    }

    #[test]
    fn s06_without_a_verified_caller_only_public_capabilities_are_there() {
        let tools = vec![tool("a", Access::Scopes(&["a:read"])), tool("open", Access::Public)];
        let catalog = Catalog::build(tools, &StateTable::default()).unwrap();
        let seen = |grant: &Grant| catalog.view(grant).listed().count();
        assert_eq!((seen(&Grant::Unverified), seen(&Grant::Scopes(None, vec![])), seen(&Grant::Everything)), (1, 1, 2));
    }

    #[test]
    fn s05_two_capabilities_with_one_name_are_refused() {
        let tools = vec![tool("a", Access::Public), tool("a", Access::Scopes(&["a:read"]))];
        let refused = Catalog::build(tools, &StateTable::default()).err().unwrap();
        assert!(matches!(refused, CatalogError::DuplicateName(name) if name == "a"));
    }
}
