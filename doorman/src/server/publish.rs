//! The tools of a catalog in the words of the protocol.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::Value;

use crate::{
    exposure::{Capability, CapabilitySpec},
    guard::Rules,
};

/// All tools of these rules, in the catalog's order.
pub(super) fn publish(rules: &Rules) -> Box<[Tool]> {
    // Instances of a tool differ in their names only.
    let mut published: HashMap<*const CapabilitySpec, Tool> = HashMap::new();
    let tools = rules.catalog.all().iter().map(|capability| {
        let known = published.entry(std::ptr::from_ref(capability.spec)).or_insert_with(|| tool(rules, capability));
        let mut tool = known.clone();
        tool.name = Cow::Owned(capability.name.to_string());
        tool
    });
    tools.collect()
}

fn tool(rules: &Rules, capability: &Capability) -> Tool {
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
    tool.description = (!spec.description.is_empty()).then_some(Cow::Borrowed(spec.description));
    tool.output_schema = capability.output.as_ref().map(|output| {
        let mut schema = Value::Object(output.schema.clone());
        rules.policies.of(capability).plan.widen(&mut schema);
        match schema {
            Value::Object(schema) => Arc::new(schema),
            _ => Arc::default(),
        }
    });
    tool.with_annotations(annotations)
}
