//! The capabilities of a catalog in the words of the protocol.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use rmcp::model::{Prompt, PromptArgument, Resource, ResourceTemplate, Tool, ToolAnnotations};
use serde_json::Value;

use crate::{
    exposure::{Capability, CapabilitySpec, Exposed, Kind, OutputShape, World},
    filter::Screen,
    guard::Rules,
    manifest::Grants,
    redact::{Masked, Plan},
};

/// What lists show of each capability, in the catalog's order.
pub(super) struct Published {
    shown: Box<[Shown]>,
    /// Tools whose output another plan may change more of.
    of_worlds: HashMap<(World, usize), Tool>,
}

enum Shown {
    Tool(Tool),
    Prompt(Prompt),
    Resource(Resource),
    Template(ResourceTemplate),
}

macro_rules! shown {
    ($($name:ident: $kind:ident($ty:ty);)*) => {$(
        pub(super) fn $name(&self, id: usize) -> Option<&$ty> {
            match self.shown.get(id)? {
                Shown::$kind(it) => Some(it),
                _ => None,
            }
        }
    )*};
}

impl Published {
    /// A tool, as callers of a world see it.
    pub(super) fn tool(&self, world: Option<World>, id: usize) -> Option<&Tool> {
        let own = world.and_then(|world| self.of_worlds.get(&(world, id)));
        own.or_else(|| self.general(id))
    }

    shown! {
        general: Tool(Tool);
        prompt: Prompt(Prompt);
        resource: Resource(Resource);
        template: Template(ResourceTemplate);
    }

    /// All capabilities of these rules and grants.
    pub(super) fn of(rules: &Rules, grants: &Grants) -> Self {
        // Instances of a tool differ in their names only.
        let mut tools: HashMap<*const CapabilitySpec, Tool> = HashMap::new();
        let shown = rules.catalog.all().iter().map(|it| match it.kind {
            Kind::Tool => {
                let mut tool = match rules.filters.masking(it.id) {
                    None => tools.entry(std::ptr::from_ref(it.spec)).or_insert_with(|| tool(rules, it, None)).clone(),
                    // Filters may be for some instances only.
                    masking => tool(rules, it, masking),
                };
                tool.name = Cow::Owned(it.name.to_string());
                Shown::Tool(tool)
            }
            Kind::Prompt => Shown::Prompt(prompt(it)),
            Kind::Resource => Shown::Resource(resource(it)),
            Kind::Template => Shown::Template(template(it)),
        });
        let shown: Box<[Shown]> = shown.collect();
        let of_policies = rules.catalog.all().iter().flat_map(|it| {
            let worlds = rules.policies.of(it).worlds();
            worlds.map(|world| ((world, it.id), None))
        });
        let mut others: HashMap<(World, usize), Option<&Screen>> = of_policies.collect();
        for granted in grants.all() {
            others.extend(granted.filters.all_masking().map(|(id, screen)| ((granted.world, id), Some(screen))));
        }
        let of_worlds = others.into_iter().filter_map(|((world, id), masking)| {
            let (output, Shown::Tool(tool)) = (rules.catalog.get(id).output.as_ref()?, shown.get(id)?) else {
                return None;
            };
            let mut tool = tool.clone();
            let plan = rules.policies.of(rules.catalog.get(id)).plan(Some(world));
            tool.output_schema = Some(widened(output, plan, masking));
            Some(((world, id), tool))
        });
        let of_worlds = of_worlds.collect();
        Self { shown, of_worlds }
    }
}

fn description(spec: &CapabilitySpec) -> Option<&'static str> {
    Some(spec.description).filter(|text| !text.is_empty())
}

fn tool(rules: &Rules, capability: &Capability, masking: Option<&Screen>) -> Tool {
    let spec = capability.spec;
    let (read_only, destructive) = capability.hints();
    let annotations = ToolAnnotations::from_raw(
        spec.title.map(str::to_owned),
        Some(read_only),
        Some(destructive),
        Some(spec.idempotent || read_only),
        spec.open_world,
    );
    let mut tool = Tool::new_with_raw("", None, Arc::clone(capability.arguments.published()));
    tool.title = spec.title.map(str::to_owned);
    tool.description = description(spec).map(Cow::Borrowed);
    let plan = rules.policies.of(capability).plan(None);
    tool.output_schema = capability.output.as_ref().map(|output| widened(output, plan, masking));
    tool.with_annotations(annotations)
}

/// An output schema that what filters and a plan leave of the output fits.
fn widened(output: &OutputShape, plan: &Plan, masking: Option<&Screen>) -> Arc<serde_json::Map<String, Value>> {
    let mut schema = Value::Object(output.schema.clone());
    let masked = masking.map(|screen| |value: &Value| screen.masked(value));
    plan.widen_with(&mut schema, masked.as_ref().map(|masked| masked as Masked<'_>));
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

fn prompt(capability: &Capability) -> Prompt {
    let spec = capability.spec;
    let required = capability.arguments.published().get("required").and_then(Value::as_array);
    let arguments = spec.params.iter().filter(|param| param.is_argument()).map(|param| {
        let needed = required.is_some_and(|names| names.iter().any(|name| name == param.name()));
        let mut argument = PromptArgument::new(param.name()).with_required(needed);
        argument.description = Some(param.doc().to_owned()).filter(|text| !text.is_empty());
        argument
    });
    let arguments: Vec<PromptArgument> = arguments.collect();
    let mut prompt = Prompt::new(
        capability.name.to_string(),
        description(spec),
        Some(arguments).filter(|arguments| !arguments.is_empty()),
    );
    prompt.title = spec.title.map(str::to_owned);
    prompt
}

fn resource(capability: &Capability) -> Resource {
    let spec = capability.spec;
    let mut resource = Resource::new(capability.name.to_string(), capability.label.to_string());
    resource.title = spec.title.map(str::to_owned);
    resource.description = description(spec).map(str::to_owned);
    if let Exposed::Resource { mime, size, .. } = spec.exposed {
        (resource.mime_type, resource.size) = (mime.map(str::to_owned), size);
    }
    resource
}

fn template(capability: &Capability) -> ResourceTemplate {
    let spec = capability.spec;
    let mut template = ResourceTemplate::new(capability.name.to_string(), capability.label.to_string());
    template.title = spec.title.map(str::to_owned);
    template.description = description(spec).map(str::to_owned);
    if let Exposed::Resource { mime, .. } = spec.exposed {
        template.mime_type = mime.map(str::to_owned);
    }
    template
}
