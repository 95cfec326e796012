//! The catalog: all that an application exposes, and what of it a grant opens.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use doorman_grammar::{
    GrammarError,
    glob::Glob,
    uri::{self, Template},
};
use thiserror::Error;

use super::{
    Access, CapabilitySpec, Effect, Exposed, View, arguments::ArgumentSchema, output::OutputShape, view::Standing,
};
use crate::call::{Mounted, StateTable};

/// Why a set of capabilities can't be served.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Two capabilities of one kind have one wire name.
    #[error("two capabilities are named `{0}`; give one of them another name, or its module another instance name")]
    DuplicateName(String),
    /// A name that is no legal name of a capability, or a URI that is no legal template.
    #[error("`{name}` can't be a capability's name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is legal.
        reason: String,
    },
    /// A schema that can't be published.
    #[error("the capability `{capability}` has no usable schema: {reason}")]
    Schema {
        /// The capability.
        capability: String,
        /// What is wrong.
        reason: String,
    },
    /// Values that functions take and the application didn't give.
    #[error("missing: {}; give them with `.state(…)` or `.scope(…)`", .0.join(", "))]
    Missing(Vec<String>),
}

/// The kinds of capabilities, as lists have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Tool,
    Prompt,
    /// A resource with a fixed URI.
    Resource,
    /// A template of resources.
    Template,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// The field's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "resource template",
        }
    }
}

/// One thing that is exposed.
pub(crate) struct Capability {
    /// Its place in the catalog.
    pub(crate) id: usize,
    pub(crate) kind: Kind,
    /// Its name on the wire: of a resource the URI, or the template.
    pub(crate) name: Arc<str>,
    /// What people call it: with the instance's name before it, in a module.
    pub(crate) label: Arc<str>,
    pub(crate) spec: &'static CapabilitySpec,
    /// The scopes that a caller must hold, all of them; empty for a public one.
    pub(crate) scopes: Box<[Arc<str>]>,
    pub(crate) module: Option<Arc<Mounted>>,
    /// Of a resource.
    pub(crate) template: Option<Arc<Template>>,
    /// Compiled once for all instances of a function, as is its output.
    pub(crate) arguments: Arc<ArgumentSchema>,
    pub(crate) output: Option<Arc<OutputShape>>,
    required: ScopeSet,
}

impl Capability {
    /// What counts of limits are kept by: different for any two capabilities of a caller.
    pub(crate) fn counted_as(&self) -> Cow<'_, str> {
        match self.kind {
            // A URI has a colon, which no tool's name has.
            Kind::Tool | Kind::Resource | Kind::Template => (&*self.name).into(),
            Kind::Prompt => format!("prompt {}", self.name).into(),
        }
    }

    /// Whether the same name is another resource for each agent: an argument goes through a resource scope.
    pub(crate) fn is_each_agents_own(&self) -> bool {
        self.spec.params.iter().any(|param| param.is_argument() && !param.needs().is_empty())
    }

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

/// All that an application exposes.
pub(crate) struct Catalog {
    /// What all callers share, then each world's own.
    capabilities: Box<[Capability]>,
    common: usize,
    worlds: HashMap<World, Range<usize>>,
    scopes: HashMap<Arc<str>, usize>,
    views: Mutex<HashMap<Grant, Arc<View>>>,
}

/// A capability on its way into the catalog.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) spec: &'static CapabilitySpec,
    /// The module instance that it belongs to, and its name.
    pub(crate) module: Option<(Arc<str>, Arc<Mounted>)>,
    /// The manifest that it belongs to, if it isn't for all.
    pub(crate) world: Option<World>,
}

impl Listed {
    /// What people call it.
    fn label(&self) -> String {
        match &self.module {
            Some((instance, _)) => format!("{instance}_{}", self.spec.name),
            None => self.spec.name.to_owned(),
        }
    }

    /// Its kind and its name on the wire, which no two capabilities of a caller share.
    pub(crate) fn wire_name(&self) -> (Kind, String) {
        let Exposed::Resource { uri, .. } = self.spec.exposed else {
            let kind = if self.spec.exposed == Exposed::Prompt { Kind::Prompt } else { Kind::Tool };
            return (kind, self.label());
        };
        let uri = match &self.module {
            Some((instance, _)) => uri::of_instance(instance, uri),
            None => uri.to_owned(),
        };
        (if uri.contains('{') { Kind::Template } else { Kind::Resource }, uri)
    }
}

/// Views are made anew when more than this many grants are in use.
const MOST_VIEWS: usize = 4096;

impl Catalog {
    /// Builds the catalog: names unique and legal, schemas usable, everything that functions take is there.
    pub(crate) fn build(listed: Vec<Listed>, state: &StateTable) -> Result<Self, CatalogError> {
        let mut named: Vec<(WireName, Listed)> = listed.into_iter().map(|it| (it.wire_name(), it)).collect();
        named.sort_by(|a, b| (a.1.world, &a.0).cmp(&(b.1.world, &b.0)));
        let common = named.iter().take_while(|(_, it)| it.world.is_none()).count();
        if let Some(name) = taken_twice(&named, common) {
            return Err(CatalogError::DuplicateName(name.to_owned()));
        }
        let mut worlds: HashMap<World, Range<usize>> = HashMap::new();
        for (id, (_, it)) in named.iter().enumerate() {
            if let Some(world) = it.world {
                worlds.entry(world).or_insert(id..id).end = id + 1;
            }
        }
        let missing: Vec<String> = named.iter().flat_map(|((_, name), it)| missing(name, it, state)).collect();
        if !missing.is_empty() {
            return Err(CatalogError::Missing(missing));
        }
        let mut scopes: HashMap<Arc<str>, usize> = HashMap::new();
        let needed: Vec<Box<[Arc<str>]>> = named.iter().map(|(_, it)| scopes_of(it)).collect();
        for scope in needed.iter().flat_map(|scopes| scopes.iter()) {
            let next = scopes.len();
            scopes.entry(Arc::clone(scope)).or_insert(next);
        }
        let mut capabilities = Vec::with_capacity(named.len());
        let mut compiled = HashMap::new();
        for (id, (((kind, name), it), needed)) in named.into_iter().zip(needed).enumerate() {
            let label = it.label();
            let illegal = |error: GrammarError| CatalogError::Name { name: name.clone(), reason: error.to_string() };
            doorman_grammar::name::tool(&label).map_err(illegal)?;
            let template = match kind {
                Kind::Resource | Kind::Template => Some(Arc::new(uri::parse(&name).map_err(illegal)?)),
                Kind::Tool | Kind::Prompt => None,
            };
            let (arguments, output) = match compiled.entry(std::ptr::from_ref(it.spec)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    new.insert((Arc::new(ArgumentSchema::of(it.spec, &name)?), OutputShape::of(it.spec).map(Arc::new)))
                }
            };
            capabilities.push(Capability {
                id,
                kind,
                arguments: Arc::clone(arguments),
                output: output.clone(),
                name: name.into(),
                label: label.into(),
                spec: it.spec,
                required: set(&scopes, needed.iter().map(|scope| &**scope)),
                scopes: needed,
                module: it.module.map(|(_, mounted)| mounted),
                template,
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

    /// The capabilities that a label's pattern names, of those that a caller of this world may be granted.
    pub(crate) fn labelled(&self, world: Option<World>, glob: &Glob) -> impl Iterator<Item = &Capability> {
        self.of_world(world).filter(|it| glob.matches(&it.label))
    }

    /// What a grant opens, and of these others, in order, what a verified caller is shown beyond it: they are the same for all
    /// callers of a world. Views are shared by all callers with the same grant.
    pub(crate) fn view(&self, grant: &Grant, discoverable: &[usize]) -> Arc<View> {
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
        let shown = |it: &Capability| matches!(grant, Grant::Scopes(..)) && discoverable.binary_search(&it.id).is_ok();
        let opened = self.of_world(grant.world()).filter_map(|it| match authorize(it, grant, &held) {
            true => Some((it, Standing::Granted)),
            false => shown(it).then_some((it, Standing::Discoverable)),
        });
        let view = Arc::new(View::of(opened.collect()));
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

type WireName = (Kind, String);

/// What a name says: two templates that differ in the names of their variables are one.
fn said((kind, name): &WireName) -> WireName {
    let form = |name: &String| uri::parse(name).map_or_else(|_| name.clone(), |template| template.form());
    (*kind, if *kind == Kind::Template { form(name) } else { name.clone() })
}

/// A name that two capabilities of one caller would have; `named` is in the order of worlds and names.
fn taken_twice(named: &[(WireName, Listed)], common: usize) -> Option<&str> {
    let mut shared: HashSet<WireName> = HashSet::new();
    let mut own: HashSet<(Option<World>, WireName)> = HashSet::new();
    let taken = named.iter().enumerate().find(|(at, (name, listed))| {
        let name = said(name);
        match *at < common {
            true => !shared.insert(name),
            false => shared.contains(&name) || !own.insert((listed.world, name)),
        }
    });
    taken.map(|(_, ((_, name), _))| &**name)
}

fn scopes_of(it: &Listed) -> Box<[Arc<str>]> {
    let instance = || it.module.as_ref().map_or("", |(instance, _)| instance);
    match it.spec.access {
        Access::Public => Box::default(),
        Access::Scopes(scopes) => {
            let mut seen = HashSet::new();
            scopes.iter().filter(|scope| seen.insert(**scope)).map(|&scope| scope.into()).collect()
        }
        Access::Instance if it.spec.effect == Effect::ReadOnly => Box::new([format!("{}:read", instance()).into()]),
        Access::Instance => Box::new([format!("{}:write", instance()).into()]),
    }
}

fn missing(name: &str, it: &Listed, state: &StateTable) -> Vec<String> {
    let needs = it.spec.params.iter().flat_map(|param| param.needs());
    let absent = needs.filter(|need| match &it.module {
        Some((_, mounted)) => !mounted.provides(need) && !state.has(need),
        None => !state.has(need),
    });
    absent.map(|need| format!("`{}`, which `{name}` takes", need.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::arguments::Object, *};
    use crate::call::Refused;

    fn tool(name: &'static str, access: Access) -> Listed {
        let bind = |_: &crate::call::Call, _: &Object| Err(Refused::Invalid(Vec::new()));
        let spec = CapabilitySpec::new(name, Effect::Destructive, access, &[], |_| None, bind);
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
            let view = catalog.view(&Grant::Scopes(None, held.clone()), &[]);
            let listed: Vec<&str> = view.listed(Kind::Tool).map(|id| &*catalog.get(id).name).collect();
            for capability in catalog.all() {
                let covered = capability.scopes.iter().all(|needed| held.contains(needed));
                assert_eq!(view.find(Kind::Tool, &capability.name).is_some(), covered);
                assert_eq!(listed.contains(&&*capability.name), covered);
            }
            assert_eq!(view.find(Kind::Tool, "no_such_tool"), None);
        }
    }

    #[test]
    fn s06_without_a_verified_caller_only_public_capabilities_are_there() {
        let tools = vec![tool("a", Access::Scopes(&["a:read"])), tool("open", Access::Public)];
        let catalog = Catalog::build(tools, &StateTable::default()).unwrap();
        let seen = |grant: &Grant| catalog.view(grant, &[]).listed(Kind::Tool).count();
        assert_eq!((seen(&Grant::Unverified), seen(&Grant::Scopes(None, vec![])), seen(&Grant::Everything)), (1, 1, 2));
    }

    #[test]
    fn s02_what_is_discoverable_is_shown_and_not_opened() {
        let tools = vec![
            tool("a", Access::Scopes(&["a:read"])),
            tool("b", Access::Scopes(&["b:read"])),
            tool("c", Access::Scopes(&["c:read"])),
        ];
        let catalog = Catalog::build(tools, &StateTable::default()).unwrap();
        let seen = |grant: &Grant| {
            let view = catalog.view(grant, &[0, 1]);
            let found = |name| (view.find(Kind::Tool, name).is_some(), view.discoverable(Kind::Tool, name).is_some());
            (view.listed(Kind::Tool).count(), ["a", "b", "c"].map(found))
        };
        let some = seen(&Grant::Scopes(None, vec!["a:read".into()]));
        assert_eq!(some, (2, [(true, false), (false, true), (false, false)]));
        assert_eq!(seen(&Grant::Unverified), (0, [(false, false); 3]), "verified callers only");
    }

    #[test]
    fn s05_two_capabilities_with_one_name_are_refused() {
        let tools = vec![tool("a", Access::Public), tool("a", Access::Scopes(&["a:read"]))];
        let refused = Catalog::build(tools, &StateTable::default()).err().unwrap();
        assert!(matches!(refused, CatalogError::DuplicateName(name) if name == "a"));
    }
}
