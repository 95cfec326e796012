//! What the guard knows of each capability beyond the catalog: its limits, bounds and redaction plan, compiled at start.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use crate::{
    exposure::{Capability, Catalog, Grant, Kind, World},
    limits::{Limits, ToolLimits},
    manifest::Grants,
    redact::{More, Plan, Redactor},
    server::Error,
};

/// Bounds for capabilities that say none of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) timeout: Duration,
    /// Bytes of a result: its text and structured content as JSON, after redaction.
    pub(crate) max_result: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), max_result: 4 << 20 }
    }
}

/// What applies to one capability.
pub(crate) struct Policy {
    pub(crate) limits: ToolLimits,
    pub(crate) timeout: Duration,
    pub(crate) max_result: u64,
    /// One for all instances of a tool.
    plan: Arc<Plan>,
    /// Where a manifest has more masked.
    of_worlds: Box<[(World, Arc<Plan>)]>,
}

impl Policy {
    /// How what leaves is redacted, for callers of this world.
    pub(crate) fn plan(&self, world: Option<World>) -> &Plan {
        let own = world.and_then(|world| self.of_worlds.iter().find(|(of, _)| *of == world));
        own.map_or(&self.plan, |(_, plan)| plan)
    }

    /// The worlds that have a plan of their own.
    pub(crate) fn worlds(&self) -> impl Iterator<Item = World> {
        self.of_worlds.iter().map(|(world, _)| *world)
    }
}

/// The policies of a catalog, in its order.
pub(crate) struct Policies(Box<[Policy]>);

impl Policies {
    pub(crate) fn compile(
        catalog: &Catalog,
        limits: &Limits,
        redactor: &Redactor,
        grants: &Grants,
        defaults: Defaults,
    ) -> Result<Self, Error> {
        let mut of_worlds = worlds(catalog, grants);
        let mut plans: HashMap<_, Arc<Plan>> = HashMap::new();
        let policies = catalog.all().iter().map(|capability| {
            let spec = capability.spec;
            let plan = match plans.entry(std::ptr::from_ref(spec)) {
                Entry::Occupied(known) => Arc::clone(known.get()),
                Entry::Vacant(new) => Arc::clone(new.insert(Arc::new(redactor.plan_with(&spec.rules())?))),
            };
            let of_worlds = of_worlds.remove(&capability.id).unwrap_or_default();
            let of_worlds = of_worlds.into_iter().map(|(world, more)| (world, Arc::new(plan.with(more))));
            Ok(Policy {
                limits: limits.tool_with(&capability.counted_as(), spec.rate, spec.breaker, spec.cost)?,
                timeout: spec.timeout.unwrap_or(defaults.timeout),
                max_result: spec.max_result.unwrap_or(defaults.max_result),
                of_worlds: of_worlds.collect(),
                plan,
            })
        });
        policies.collect::<Result<_, _>>().map(Self)
    }

    /// Those of all capabilities.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter()
    }

    pub(crate) fn of(&self, capability: &Capability) -> &Policy {
        &self.0[capability.id]
    }
}

/// What manifests have masked beyond what capabilities say, of those that they grant.
fn worlds<'g>(catalog: &Catalog, grants: &'g Grants) -> HashMap<usize, Vec<(World, &'g More)>> {
    let mut worlds: HashMap<usize, Vec<_>> = HashMap::new();
    for granted in grants.all().filter(|granted| !granted.redaction().is_empty()) {
        let view = catalog.view(&Grant::Scopes(Some(granted.world), granted.scopes.to_vec()), &[]);
        for id in Kind::ALL.iter().flat_map(|kind| view.granted(*kind)) {
            worlds.entry(id).or_default().push((granted.world, granted.redaction()));
        }
    }
    worlds
}
