//! What a schema says of the members that a value has: their names are the application's own words.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value};

use super::fields::Part;

/// The members that a schema declares.
pub(super) struct Declared {
    names: HashSet<Box<str>>,
    schema: Arc<Map<String, Value>>,
}

impl Declared {
    pub(super) fn of(schema: &Arc<Map<String, Value>>) -> Self {
        let mut names = HashSet::new();
        object(schema, &mut names);
        Self { names, schema: Arc::clone(schema) }
    }

    /// Whether some member has this name, at any depth.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether there can be a value at a pointer.
    pub(super) fn may_hold(&self, parts: &[Part]) -> bool {
        /// Schemas may be as many as they like, and refer to themselves.
        const MOST_STEPS: usize = 10_000;
        let root = Value::Object((*self.schema).clone());
        let mut steps = MOST_STEPS;
        may_hold(&root, &root, parts, &mut steps)
    }
}

/// Adds the names of the properties of a schema, at any depth.
fn names(schema: &Value, into: &mut HashSet<Box<str>>) {
    match schema {
        Value::Object(keywords) => object(keywords, into),
        Value::Array(schemas) => schemas.iter().for_each(|schema| names(schema, into)),
        _ => {}
    }
}

fn object(keywords: &Map<String, Value>, into: &mut HashSet<Box<str>>) {
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                into.extend(properties.keys().map(|name| name.as_str().into()));
                properties.values().for_each(|schema| names(schema, into));
            }
            ("$defs" | "definitions" | "patternProperties" | "dependentSchemas", Value::Object(schemas)) => {
                schemas.values().for_each(|schema| names(schema, into));
            }
            // Values, and no schemas.
            ("enum" | "const" | "default" | "examples", _) => {}
            (_, value) => names(value, into),
        }
    }
}

/// Whether a schema lets a value stand at a pointer. What it can't tell it takes for possible.
fn may_hold(schema: &Value, root: &Value, parts: &[Part], steps: &mut usize) -> bool {
    let (Some((part, rest)), Some(left)) = (parts.split_first(), steps.checked_sub(1)) else { return true };
    *steps = left;
    let Value::Object(keywords) = schema else { return *schema != Value::Bool(false) };
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.is_none_or(|target| may_hold(target, root, parts, steps));
    }
    let branches = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|keyword| keywords.get(keyword)?.as_array());
    let mut branches = branches.flatten().peekable();
    let branched = branches.peek().is_some();
    if branches.any(|branch| may_hold(branch, root, parts, steps)) {
        return true;
    }
    let properties = keywords.get("properties").and_then(Value::as_object);
    let mut known = properties.into_iter().flatten().filter(|(name, _)| part.fits(name)).peekable();
    let is_known = known.peek().is_some();
    if known.any(|(_, schema)| may_hold(schema, root, rest, steps)) {
        return true;
    }
    let index = match part {
        Part::Any => true,
        Part::Key(key) => key.bytes().all(|b| b.is_ascii_digit()),
    };
    let items = ["items", "prefixItems"].into_iter().filter_map(|keyword| keywords.get(keyword)).filter(|_| index);
    let mut items = items.flat_map(|it| it.as_array().map_or_else(|| std::slice::from_ref(it), Vec::as_slice));
    if items.any(|schema| may_hold(schema, root, rest, steps)) {
        return true;
    }
    let more = ["additionalProperties", "unevaluatedProperties"].into_iter().find_map(|keyword| keywords.get(keyword));
    match more {
        Some(Value::Bool(false)) => false,
        Some(schema) => !(is_known && *part != Part::Any) && may_hold(schema, root, rest, steps),
        None if keywords.contains_key("patternProperties") => true,
        None if branched || is_known || properties.is_some() => false,
        // Anything at all, unless it says that it is no container.
        None => keywords.get("type").is_none_or(|types| match types {
            Value::String(one) => one == "object" || one == "array" && index && !keywords.contains_key("items"),
            Value::Array(several) => several.iter().any(|one| one == "object" || one == "array"),
            _ => true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::filter::fields::Field;

    #[test]
    fn names_and_places() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["path"],
            "properties": {
                "path": {"type": "string", "default": {"properties": {"no": 1}}},
                "options": {"$ref": "#/$defs/Options"},
                "any": {},
                "tags": {"type": "array", "items": {"type": "object", "properties": {"label": {"type": "string"}}, "additionalProperties": false}},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "perhaps": {"anyOf": [{"$ref": "#/$defs/Options"}, {"type": "null"}]},
            },
            "$defs": {"Options": {"type": "object", "properties": {"deep": {"type": "string"}, "properties": {"type": "string"}}, "additionalProperties": false}},
        });
        let Value::Object(schema) = schema else { panic!("an object") };
        let declared = Declared::of(&Arc::new(schema));
        let is_in = |field: &str| Field::parse(field).expect("a field").is_in(&declared);
        for field in [
            "*",
            "path",
            "deep",
            "label",
            "properties",
            "/path",
            "/*",
            "/options/deep",
            "/*/deep",
            "/any/a/b",
            "/tags/0/label",
            "/tags/*/label",
            "/map/x",
            "/perhaps/deep",
        ] {
            assert!(is_in(field), "{field}");
        }
        for field in [
            "no",
            "type",
            "/no",
            "/path/x",
            "/options/no",
            "/tags/x",
            "/tags/0/no",
            "/map/x/y",
            "/perhaps/no",
            "/*/*/*/*",
        ] {
            assert!(!is_in(field) || field == "/*/*/*/*", "{field}");
        }
    }
}
