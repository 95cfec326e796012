//! What the guard knows of each capability beyond the catalog: its limits, bounds and redaction plan, compiled at start.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use crate::{
    exposure::{Capability, Catalog},
    limits::{Limits, ToolLimits},
    redact::{Plan, Redactor},
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
    pub(crate) plan: Arc<Plan>,
}

/// The policies of a catalog, in its order.
pub(crate) struct Policies(Box<[Policy]>);

impl Policies {
    pub(crate) fn compile(
        catalog: &Catalog,
        limits: &Limits,
        redactor: &Redactor,
        defaults: Defaults,
    ) -> Result<Self, Error> {
        let mut plans: HashMap<_, Arc<Plan>> = HashMap::new();
        let policies = catalog.all().iter().map(|capability| {
            let spec = capability.spec;
            let plan = match plans.entry(std::ptr::from_ref(spec)) {
                Entry::Occupied(known) => Arc::clone(known.get()),
                Entry::Vacant(new) => Arc::clone(new.insert(Arc::new(redactor.plan(spec.redact, spec.reveal)?))),
            };
            Ok(Policy {
                limits: limits.tool_with(&capability.counted_as(), spec.rate, spec.breaker, spec.cost)?,
                timeout: spec.timeout.unwrap_or(defaults.timeout),
                max_result: spec.max_result.unwrap_or(defaults.max_result),
                plan,
            })
        });
        policies.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter()
    }

    pub(crate) fn of(&self, capability: &Capability) -> &Policy {
        &self.0[capability.id]
    }
}
