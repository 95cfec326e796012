//! What a capability's structured output looks like, as a schema that clients of every protocol version take.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{CapabilitySpec, arguments::Object};

/// What a capability's structured output looks like.
pub(crate) struct OutputShape {
    pub(crate) schema: Object,
    /// MCP up to 2025-11-25 wants an object: other values are sent as `{"result": …}`.
    pub(crate) wrapped: bool,
}

impl OutputShape {
    /// That of a function's output; `None` if it is none.
    pub(super) fn of(spec: &CapabilitySpec) -> Option<Self> {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut root = (spec.output)(&mut generator)?.to_value();
        let mut definitions: Object = generator.take_definitions(true);
        std::iter::once(&mut root).chain(definitions.values_mut()).for_each(spell_out);
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
        Some(Self { schema: std::mem::take(object), wrapped })
    }
}

/// A property that may be anything is `true`, which some clients don't know for a schema; `{}` says the same.
fn spell_out(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Some(object) = schema.as_object_mut() else { return };
    for (key, value) in object {
        match (key.as_str(), value) {
            ("properties" | "$defs", Value::Object(schemas)) => schemas.values_mut().for_each(spell_out),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(spell_out);
            }
            ("items" | "additionalProperties", value @ Value::Object(_)) => spell_out(value),
            _ => {}
        }
    }
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
