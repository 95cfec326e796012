//! Output schemas that stay true after redaction.
//!
//! A schema is only ever widened: keywords that a mask could violate go, types that could become a mask also allow
//! strings. What is left alone is what redaction leaves alone.

use serde_json::{Map, Value, json};

use super::keys::Name;
use super::kind::{Counts, Kind};
use super::memo::Role;
use super::plan::Plan;
use super::rules::Verdict;

/// Constraints that a masked text, a renamed key or two equal masks may violate.
const DROPPED: [&str; 6] = ["propertyNames", "maxContains", "not", "if", "then", "else"];

/// Texts of at most so many characters hold nothing that is looked for: `"USD"`.
const TOO_SHORT: u64 = 3;

/// No text that redaction changes becomes shorter than this: it has a mask in it, or is JSON without a repeated key.
const SHORTEST: u64 = 6;

/// Formats of numbers; all others are about text.
const NUMBER_FORMATS: [&str; 13] = [
    "int8", "int16", "int32", "uint8", "uint16", "uint32", "float", "int64", "uint64", "int", "uint", "int128",
    "double",
];

/// How many of [`NUMBER_FORMATS`] are too small for a card number.
const SMALL_FORMATS: usize = 7;

/// The smallest number that can be a card number.
const SMALLEST_CARD: f64 = 1e11;

/// What filters make of a value, if it isn't what it was.
pub(crate) type Masked<'m> = &'m dyn Fn(&Value) -> Option<Value>;

pub(super) fn widen(plan: &Plan, schema: &mut Value, masked: Option<Masked<'_>>) {
    let widener = Widener {
        plan,
        records: may_have_records(schema),
        secrets: !plan.shared.scrubber.is_empty(),
        patterns: masked.is_some() || !plan.patterns.is_empty() || !plan.shared.patterns.is_empty(),
        masked,
    };
    widener.schema(schema, 0);
}

struct Widener<'p> {
    plan: &'p Plan,
    /// Records such as `{"name": "password", "value": …}` may occur.
    records: bool,
    /// Held secrets may be removed anywhere, from revealed values too.
    secrets: bool,
    /// Own patterns may match anything.
    patterns: bool,
    /// Filters, which mask in numbers, too.
    masked: Option<Masked<'p>>,
}

impl Widener<'_> {
    fn schema(&self, schema: &mut Value, depth: usize) {
        if depth > Plan::MAX_DEPTH {
            *schema = Value::Bool(true);
            return;
        }
        let Value::Object(keywords) = schema else { return };
        let conditional = keywords.contains_key("if");
        let short = !self.patterns && keywords.get("maxLength").and_then(Value::as_u64).is_some_and(|n| n <= TOO_SHORT);
        let unique = self.are_kept(keywords.get("items"));
        keywords.retain(|keyword, value| match keyword.as_str() {
            "format" => value.as_str().is_some_and(|format| NUMBER_FORMATS.contains(&format) || self.is_kept(format)),
            "pattern" | "maxLength" => short,
            "minLength" => value.as_u64().is_some_and(|n| n <= SHORTEST),
            "uniqueItems" => unique,
            // What the dropped branches evaluated would count as unevaluated.
            "unevaluatedProperties" | "unevaluatedItems" => !conditional,
            keyword => !DROPPED.contains(&keyword),
        });
        self.values(keywords);
        self.members(keywords, depth);
        self.items(keywords, depth);
        self.branches(keywords, depth);
        for keyword in ["$defs", "definitions", "dependentSchemas"] {
            if let Some(Value::Object(schemas)) = keywords.get_mut(keyword) {
                schemas.values_mut().for_each(|schema| self.schema(schema, depth + 1));
            }
        }
    }

    /// Whether no text of a format is ever masked: dates, times and UUIDs, unless a held secret or an own pattern may be
    /// one; addresses of hosts, unless they are looked for.
    fn is_kept(&self, format: &str) -> bool {
        let looked_for = self.plan.detectors.has(Kind::Ip);
        !self.patterns
            && match format {
                "date" | "time" | "date-time" | "duration" => !self.plan.shared.scrubber.may_be_time(),
                "uuid" => !self.plan.shared.scrubber.may_be_uuid(),
                "ipv4" | "ipv6" => !self.secrets && !looked_for,
                _ => false,
            }
    }

    /// Whether items are never masked, so that different ones stay different.
    fn are_kept(&self, items: Option<&Value>) -> bool {
        let Some(Value::Object(keywords)) = items else { return false };
        let kept = ["boolean", "null", "integer", "number"];
        let only = keywords.get("type").and_then(Value::as_str).is_some_and(|t| kept.contains(&t));
        only && !self.may_mask_number(keywords)
    }

    /// `type`, `enum` and `const`.
    fn values(&self, keywords: &mut Map<String, Value>) {
        let listed = match (keywords.get("const"), keywords.get("enum")) {
            (Some(one), _) => Some(vec![one.clone()]),
            (None, Some(Value::Array(values))) => Some(values.clone()),
            _ => None,
        };
        let masked = match listed {
            Some(mut values) => {
                let mut masks: Vec<Value> = values.iter().flat_map(|value| self.redacted(value)).collect();
                // What names a secret may be the first item of a pair whose second is listed here too.
                if values.iter().filter_map(Value::as_str).any(|name| self.plan.verdict(name) == Verdict::Mask) {
                    masks.push(Value::from(Kind::Key.mask()));
                }
                if masks.is_empty() {
                    return;
                }
                values.extend(masks);
                keywords.remove("const");
                keywords.insert("enum".to_owned(), Value::Array(values));
                true
            }
            None => self.may_mask_number(keywords),
        };
        if let (true, Some(types)) = (masked, keywords.get_mut("type")) {
            allow_string(types);
        }
    }

    /// What filters and redaction make of a listed value, where that is another.
    fn redacted(&self, value: &Value) -> impl Iterator<Item = Value> {
        let filtered = self.masked.and_then(|masked| masked(value));
        [value.clone()].into_iter().chain(filtered).filter_map(move |mut redacted| {
            let blocked = self.plan.value(&mut redacted, &mut Counts::default()).is_err();
            (!blocked && redacted != *value).then_some(redacted)
        })
    }

    fn may_mask_number(&self, keywords: &Map<String, Value>) -> bool {
        let number = has_type(keywords, &["integer", "number"]);
        let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
        let below =
            |keyword: &str| keywords.get(keyword).and_then(Value::as_f64).is_some_and(|max| max < SMALLEST_CARD);
        let small = NUMBER_FORMATS[..SMALL_FORMATS].contains(&format) || below("maximum") || below("exclusiveMaximum");
        number
            && (self.masked.is_some()
                || self.plan.shared.scrubber.is_numeric()
                || !small && self.plan.detectors.has(Kind::Card))
    }

    fn members(&self, keywords: &mut Map<String, Value>, depth: usize) {
        if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
            for (key, schema) in properties.iter_mut() {
                self.property(key, schema, depth + 1);
            }
        }
        if let Some(Value::Object(patterns)) = keywords.get_mut("patternProperties") {
            for schema in patterns.values_mut() {
                self.schema(schema, depth + 1);
                accept_string(schema);
            }
            // A key that is masked no longer matches its pattern.
            keywords.remove("additionalProperties");
            keywords.remove("unevaluatedProperties");
        }
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            // The keys are the data's own, so any of them may be one whose value is masked.
            if let Some(schema) = keywords.get_mut(keyword) {
                self.schema(schema, depth + 1);
                accept_string(schema);
            }
        }
    }

    fn property(&self, key: &str, schema: &mut Value, depth: usize) {
        let name = Name::new(key);
        match self.plan.verdict_of(&name) {
            Verdict::Mask => accept_string(schema),
            Verdict::Reveal if !self.secrets && self.masked.is_none() && is_leaf(schema) => {}
            Verdict::Reveal => self.schema(schema, depth),
            Verdict::Suspect(_) | Verdict::Scan => {
                self.schema(schema, depth);
                if self.records && Role::of(&name) == Role::Value {
                    accept_string(schema);
                }
            }
        }
    }

    fn items(&self, keywords: &mut Map<String, Value>, depth: usize) {
        for keyword in ["items", "contains", "unevaluatedItems", "additionalItems"] {
            match keywords.get_mut(keyword) {
                Some(Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| self.schema(schema, depth + 1)),
                Some(schema) => self.schema(schema, depth + 1),
                None => {}
            }
        }
        // A masked item may be the one that was contained.
        if let Some(schema) = keywords.get_mut("contains") {
            accept_string(schema);
        }
        let Some(Value::Array(schemas)) = keywords.get_mut("prefixItems") else { return };
        schemas.iter_mut().for_each(|schema| self.schema(schema, depth + 1));
        // `["password", "…"]`: the second item of a pair whose first can be a text.
        if !schemas.first().is_some_and(may_be_text) {
            return;
        }
        match schemas.get_mut(1) {
            Some(second) => accept_string(second),
            None => ["items", "unevaluatedItems"].iter().for_each(|keyword| {
                if let Some(schema) = keywords.get_mut(*keyword) {
                    accept_string(schema);
                }
            }),
        }
    }

    fn branches(&self, keywords: &mut Map<String, Value>, depth: usize) {
        for keyword in ["anyOf", "allOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = keywords.get_mut(keyword) {
                schemas.iter_mut().for_each(|schema| self.schema(schema, depth + 1));
            }
        }
        // A masked value may fit several branches that no unmasked one fitted together.
        let Some(branches) = keywords.remove("oneOf") else { return };
        if !keywords.contains_key("anyOf") {
            keywords.insert("anyOf".to_owned(), branches);
        } else if let Value::Array(all) = keywords.entry("allOf").or_insert_with(|| json!([])) {
            all.push(json!({ "anyOf": branches }));
        }
    }
}

/// Makes a schema accept every string beside what it accepts.
fn accept_string(schema: &mut Value) {
    const COMBINED: [&str; 9] = ["$ref", "$dynamicRef", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if"];
    let Value::Object(keywords) = schema else { return };
    if keywords.is_empty() {
        return;
    }
    if !COMBINED.iter().any(|keyword| keywords.contains_key(*keyword)) {
        keywords.retain(|keyword, value| {
            !matches!(keyword.as_str(), "pattern" | "minLength" | "maxLength")
                && (keyword != "format" || value.as_str().is_some_and(|format| NUMBER_FORMATS.contains(&format)))
        });
        if let Some(types) = keywords.get_mut("type") {
            allow_string(types);
        }
        return;
    }
    let only_any_of = keywords.keys().all(|k| matches!(k.as_str(), "anyOf" | "title" | "description" | "default"));
    if let (true, Some(Value::Array(branches))) = (only_any_of, keywords.get_mut("anyOf")) {
        let string = json!({ "type": "string" });
        if !branches.contains(&string) {
            branches.push(string);
        }
        return;
    }
    // What describes the property stays on the property.
    let mut wrapped = Map::new();
    for keyword in ["title", "description"] {
        if let Some(text) = keywords.remove(keyword) {
            wrapped.insert(keyword.to_owned(), text);
        }
    }
    wrapped.insert("anyOf".to_owned(), json!([std::mem::take(keywords), { "type": "string" }]));
    *schema = Value::Object(wrapped);
}

/// Adds `string` to the value of `type`.
fn allow_string(types: &mut Value) {
    match types {
        Value::String(one) if one != "string" => *types = json!([one, "string"]),
        Value::Array(several) if !several.iter().any(|t| t == "string") => several.push(Value::from("string")),
        _ => {}
    }
}

fn has_type(keywords: &Map<String, Value>, names: &[&str]) -> bool {
    let named = |value: &Value| value.as_str().is_some_and(|t| names.contains(&t));
    match keywords.get("type") {
        Some(Value::Array(types)) => types.iter().any(named),
        Some(one) => named(one),
        None => false,
    }
}

fn may_be_text(schema: &Value) -> bool {
    schema.as_object().is_none_or(|keywords| !keywords.contains_key("type") || has_type(keywords, &["string"]))
}

/// Whether a schema says nothing about members, items or other schemas.
fn is_leaf(schema: &Value) -> bool {
    schema
        .as_object()
        .is_some_and(|keywords| !keywords.values().any(|v| v.is_object()) && !has_type(keywords, &["array"]))
        && ["anyOf", "allOf", "oneOf", "$ref"].iter().all(|keyword| schema.get(keyword).is_none())
}

/// Whether some object may have both a name and a value: by its properties, or because its keys are open.
fn may_have_records(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(may_have_records),
        Value::Object(keywords) => {
            let named = keywords.get("properties").and_then(Value::as_object);
            let open = |k: &str| keywords.get(k).is_some_and(|v| *v != Value::Bool(false));
            named.is_some_and(|p| p.keys().any(|key| Role::of(&Name::new(key)) == Role::Name))
                || open("additionalProperties")
                || open("patternProperties")
                || keywords.values().any(may_have_records)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn widened(mut schema: Value) -> Value {
        let built = Redactor::builder().build().and_then(|r| r.plan(&["iban"], &["contact"]));
        let Ok(plan) = built else { panic!("builds") };
        plan.widen(&mut schema);
        schema
    }

    #[test]
    fn only_what_redaction_may_change() {
        let schema = json!({
            "title": "Invoice", "type": "object", "required": ["id", "password"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string", "minLength": 3, "description": "its number"},
                "email": {"type": "string", "format": "email"},
                "contact": {"type": "string", "format": "email"},
                "iban": {"$ref": "#/$defs/Iban", "description": "account"},
                "password": {"type": "boolean"},
                "small": {"type": "integer", "format": "uint32", "minimum": 0},
                "large": {"type": ["integer", "null"], "format": "uint64"},
                "state": {"enum": ["open", "a@b.com"]},
                "kind": {"type": "string", "const": "x"},
                "due": {"type": "string", "format": "date"},
                "currency": {"type": "string", "minLength": 3, "maxLength": 3, "pattern": "^[A-Z]+$"},
                "name": {"type": "string", "minLength": 20, "maxLength": 40},
                "flags": {"type": "array", "items": {"type": "integer", "format": "int32"}, "uniqueItems": true},
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
            },
            "$defs": {"Iban": {"type": "string", "pattern": "^D"}},
        });
        assert_eq!(
            widened(schema),
            json!({
                "title": "Invoice", "type": "object", "required": ["id", "password"], "additionalProperties": false,
                "properties": {
                    "id": {"type": "string", "minLength": 3, "description": "its number"},
                    "email": {"type": "string"},
                    "contact": {"type": "string", "format": "email"},
                    "iban": {"description": "account", "anyOf": [{"$ref": "#/$defs/Iban"}, {"type": "string"}]},
                    "password": {"type": ["boolean", "string"]},
                    "small": {"type": "integer", "format": "uint32", "minimum": 0},
                    "large": {"type": ["integer", "null", "string"], "format": "uint64"},
                    "state": {"enum": ["open", "a@b.com", "«redacted:email»"]},
                    "kind": {"type": "string", "const": "x"},
                    "due": {"type": "string", "format": "date"},
                    "currency": {"type": "string", "minLength": 3, "maxLength": 3, "pattern": "^[A-Z]+$"},
                    "name": {"type": "string"},
                    "flags": {"type": "array", "items": {"type": "integer", "format": "int32"}, "uniqueItems": true},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "$defs": {"Iban": {"type": "string"}},
            })
        );
    }

    #[test]
    fn branches_maps_and_pairs() {
        assert_eq!(
            widened(json!({"oneOf": [{"type": "string", "format": "email"}, {"type": "string", "format": "uuid"}]})),
            json!({"anyOf": [{"type": "string"}, {"type": "string", "format": "uuid"}]})
        );
        assert_eq!(
            widened(json!({"type": "object", "additionalProperties": {"type": "integer", "format": "int32"}})),
            json!({"type": "object", "additionalProperties": {"type": ["integer", "string"], "format": "int32"}})
        );
        assert_eq!(
            widened(json!({"type": "array", "items": {"prefixItems": [{"type": "string"}, {"type": "boolean"}]}})),
            json!({"type": "array", "items": {"prefixItems": [{"type": "string"}, {"type": ["boolean", "string"]}]}})
        );
    }
}
