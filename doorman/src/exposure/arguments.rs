//! The input schema of a capability: what is published is what is enforced.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use jsonschema::{
    PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Number, Value, json};

use super::{CapabilitySpec, CatalogError, config::format_in_words};
use crate::call::{BadArgument, Constraint, Origin, ParamSpec};

/// A JSON object, as schemas are.
pub(crate) type Object = Map<String, Value>;

/// The arguments that a capability takes.
pub(crate) struct ArgumentSchema {
    published: Arc<Object>,
    /// Whether the schema says more than decoding by type enforces.
    strict: bool,
    validator: OnceLock<Validator>,
}

impl ArgumentSchema {
    /// The schema of a tool's parameters, or its own one.
    pub(crate) fn of(spec: &CapabilitySpec, name: &str) -> Result<Self, CatalogError> {
        let fail = |reason: String| CatalogError::Schema { capability: name.to_owned(), reason };
        let (published, strict) = match spec.schema {
            Some(own) => (own_schema(own()).map_err(fail)?, true),
            None => generated(spec.params).map_err(fail)?,
        };
        let schema = Self { published: Arc::new(published), strict, validator: OnceLock::new() };
        if strict {
            let compiled = schema.compile().map_err(|error| fail(error.to_string()))?;
            drop(schema.validator.set(compiled));
        }
        Ok(schema)
    }

    /// The schema, JSON Schema 2020-12.
    pub(crate) fn published(&self) -> &Arc<Object> {
        &self.published
    }

    /// What a text means as this argument: prompts and URIs carry texts only. A text that isn't written as a number or a
    /// truth value is one way stays a text, and won't fit.
    pub(crate) fn typed(&self, name: &str, text: &str) -> Value {
        let ty = self.published.get("properties").and_then(|all| all.get(name)?.get("type"));
        let is = |wanted: &str| match ty {
            Some(Value::String(ty)) => ty == wanted,
            Some(Value::Array(types)) => types.iter().any(|ty| ty == wanted),
            _ => false,
        };
        let number = || serde_json::from_str::<Number>(text).ok().filter(|number| number.to_string() == text);
        let typed = match text {
            _ if is("string") => None,
            "true" | "false" if is("boolean") => Some(Value::Bool(text == "true")),
            _ if is("integer") => number().filter(|number| !number.is_f64()).map(Value::Number),
            _ if is("number") => number().map(Value::Number),
            _ => None,
        };
        typed.unwrap_or_else(|| text.into())
    }

    /// The texts that an argument may be, if its type has only so many.
    pub(crate) fn choices(&self, name: &str) -> Vec<String> {
        let root = Value::Object((*self.published).clone());
        let Some(mut schema) = root.pointer("/properties").and_then(|all| all.get(name)) else { return Vec::new() };
        if let Some(target) = schema.get("$ref").and_then(|it| it.as_str()?.strip_prefix('#')) {
            schema = root.pointer(target).unwrap_or(schema);
        }
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let one_of = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let constants = one_of.filter_map(|it| it.get("const"));
        listed.chain(constants).filter_map(|it| it.as_str().map(str::to_owned)).collect()
    }

    /// Enforces what decoding by type doesn't: constraints, enums, nested objects, an own schema. All mistakes at once.
    pub(crate) fn check(&self, arguments: &Value) -> Result<(), Vec<BadArgument>> {
        if !self.strict {
            return Ok(());
        }
        match self.mistakes(arguments) {
            mistakes if mistakes.is_empty() => Ok(()),
            mistakes => Err(mistakes),
        }
    }

    /// Says what is wrong with arguments that didn't decode, in the schema's words where it has them.
    pub(crate) fn explain(&self, arguments: &Value, undecoded: Vec<BadArgument>) -> Vec<BadArgument> {
        let mut mistakes = self.mistakes(arguments);
        for bad in undecoded.into_iter().take(MOST_MISTAKES) {
            let inside = |known: &BadArgument| {
                known.name.strip_prefix(&*bad.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            if !mistakes.iter().any(inside) {
                mistakes.push(bad);
            }
        }
        mistakes
    }

    fn compile(&self) -> Result<Validator, ValidationError<'static>> {
        jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(false)
            .build(&Value::Object((*self.published).clone()))
    }

    fn mistakes(&self, arguments: &Value) -> Vec<BadArgument> {
        let validator = match self.validator.get() {
            Some(validator) => validator,
            None => match self.compile() {
                Ok(compiled) => self.validator.get_or_init(|| compiled),
                Err(_) => return Vec::new(),
            },
        };
        mistakes(validator, arguments)
    }
}

/// All that doesn't fit a schema: each mistake with its path, never with the value.
pub(crate) fn mistakes(validator: &Validator, value: &Value) -> Vec<BadArgument> {
    let mut mistakes: Vec<BadArgument> = Vec::new();
    for error in validator.iter_errors(value).take(MOST_MISTAKES) {
        explain(&error, &mut mistakes);
    }
    mistakes.truncate(MOST_MISTAKES);
    mistakes.dedup();
    mistakes
}

/// Who makes more mistakes than this hears of the first ones: an answer costs no more than the question.
const MOST_MISTAKES: usize = 64;

/// Turns one validation error into what the model needs to hear: which argument, what is expected. Never the value.
fn explain(error: &ValidationError<'_>, into: &mut Vec<BadArgument>) {
    let at = path(error);
    let mut say =
        |name: String, expected: String| into.push(BadArgument { name: name.into(), expected: expected.into() });
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for key in unexpected {
                let (name, what) =
                    if at.is_empty() { (key.clone(), "argument") } else { (format!("{at}.{key}"), "field") };
                say(name, format!("no such {what}"));
            }
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            say(if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }, "missing".to_owned());
        }
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(ty) => ty.to_string(),
                TypeKind::Multiple(types) => types.iter().map(|ty| ty.to_string()).collect::<Vec<_>>().join(" or "),
            };
            say(if at.is_empty() { "arguments".to_owned() } else { at }, format!("expected {expected}"));
        }
        ValidationErrorKind::Format { format } if format_in_words(format).is_some() => {
            say(
                if at.is_empty() { "arguments".to_owned() } else { at },
                format_in_words(format).unwrap_or_default().to_owned(),
            );
        }
        // An `Option` is its type or `null`: what is wrong with the type is what the model needs to hear.
        ValidationErrorKind::AnyOf { context } if meant(context, error).is_some() => {
            for error in meant(context, error).into_iter().flatten() {
                explain(error, into);
            }
        }
        _ => {
            let text = error.masked_with("the value").to_string();
            say(if at.is_empty() { "arguments".to_owned() } else { at }, text);
        }
    }
}

/// The one alternative that the value has the type of, if there is only one.
fn meant<'a>(
    alternatives: &'a [Vec<ValidationError<'static>>],
    error: &ValidationError<'_>,
) -> Option<&'a [ValidationError<'static>]> {
    let another_type = |it: &ValidationError<'_>| {
        matches!(it.kind(), ValidationErrorKind::Type { .. }) && it.instance_path() == error.instance_path()
    };
    let mut meant = alternatives.iter().filter(|errors| !errors.iter().any(another_type));
    let one = meant.next()?;
    meant.next().is_none().then_some(&**one)
}

/// `/filter/ids/2` as `filter.ids[2]`.
fn path(error: &ValidationError<'_>) -> String {
    let mut text = String::new();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Property(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&key);
            }
            LocationSegment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn own_schema(schema: Value) -> Result<Object, String> {
    let Value::Object(schema) = schema else { return Err("the own schema is not a JSON object".to_owned()) };
    if schema.get("type") != Some(&json!("object")) {
        return Err("the own schema's root must say \"type\": \"object\"".to_owned());
    }
    Ok(schema)
}

/// The schema that follows from the parameters, and whether it says more than their types enforce.
fn generated(params: &[ParamSpec]) -> Result<(Object, bool), String> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let (mut properties, mut required, mut strict) = (Object::new(), Vec::new(), false);
    for param in params {
        let Origin::Model { schema, optional, .. } = param.origin() else { continue };
        let mut property = schema(&mut generator).to_value();
        if property == json!(true) {
            property = json!({});
        }
        let Some(object) = property.as_object_mut() else { return Err(format!("`{}` takes nothing", param.name())) };
        if !param.doc().is_empty() {
            object.insert("description".into(), param.doc().into());
        }
        for constraint in param.constraint_list() {
            constrain(object, *constraint).map_err(|reason| format!("`{}`: {reason}", param.name()))?;
            strict = true;
        }
        if let Some(header) = param.header_name() {
            object.insert("x-mcp-header".into(), header.into());
        }
        match param.default_value() {
            Some(default) => drop(object.insert("default".into(), default)),
            None if !optional() => required.push(Value::from(param.name())),
            None => {}
        }
        strict = strict || !enforced_by_type(object);
        properties.insert(param.name().to_owned(), property);
    }
    let mut root = Object::new();
    root.insert("type".into(), "object".into());
    root.insert("properties".into(), properties.into());
    if !required.is_empty() {
        root.insert("required".into(), required.into());
    }
    root.insert("additionalProperties".into(), false.into());
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        root.insert("$defs".into(), definitions.into());
    }
    Ok((root, strict))
}

/// Whether decoding a parameter by its type enforces all that this schema says: scalars, lists of them, and nothing more.
fn enforced_by_type(schema: &Object) -> bool {
    let scalar = |ty: &Value| matches!(ty.as_str(), Some("string" | "boolean" | "integer" | "number" | "null"));
    schema.iter().all(|(key, value)| match key.as_str() {
        "type" => scalar(value) || value == "array" || value.as_array().is_some_and(|types| types.iter().all(scalar)),
        // schemars writes the width of a Rust integer so, and decoding enforces it.
        "format" => value.as_str().is_some_and(|format| {
            format.starts_with("uint") || format.starts_with("int") || matches!(format, "double")
        }),
        "minimum" | "maximum" => schema.contains_key("format"),
        "items" => value.as_object().is_some_and(enforced_by_type),
        "description" | "default" | "title" | "x-mcp-header" => true,
        _ => false,
    })
}

fn constrain(schema: &mut Object, constraint: Constraint) -> Result<(), String> {
    let is = |schema: &Object, wanted: &[&str]| match schema.get("type") {
        Some(Value::String(ty)) => wanted.contains(&&**ty),
        Some(Value::Array(types)) => types.iter().any(|ty| ty.as_str().is_some_and(|ty| wanted.contains(&ty))),
        _ => false,
    };
    let number = |value: f64| -> Value {
        // Whole bounds are published as whole numbers: `1`, not `1.0`.
        if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
    };
    match constraint {
        Constraint::Range { min, max } if is(schema, &["integer", "number"]) => {
            if let Some(min) = min {
                let kept = schema.get("minimum").and_then(Value::as_f64).map_or(min, |own| own.max(min));
                schema.insert("minimum".into(), number(kept));
            }
            if let Some(max) = max {
                let kept = schema.get("maximum").and_then(Value::as_f64).map_or(max, |own| own.min(max));
                schema.insert("maximum".into(), number(kept));
            }
        }
        Constraint::Range { .. } => return Err("`range` bounds a number, and this isn't one".to_owned()),
        Constraint::Length { min, max } => {
            let (low, high) = if is(schema, &["string"]) {
                ("minLength", "maxLength")
            } else if is(schema, &["array"]) {
                ("minItems", "maxItems")
            } else if is(schema, &["object"]) {
                ("minProperties", "maxProperties")
            } else {
                return Err("`length` bounds a text, a list or a map, and this is none".to_owned());
            };
            for (key, bound) in [(low, min), (high, max)] {
                if let Some(bound) = bound {
                    schema.insert(key.into(), bound.into());
                }
            }
        }
        Constraint::Pattern(pattern) if is(schema, &["string"]) => {
            schema.insert("pattern".into(), pattern.into());
        }
        Constraint::Pattern(_) => return Err("`pattern` bounds a text, and this isn't one".to_owned()),
    }
    Ok(())
}

/// All mistakes in one text.
pub(crate) fn describe(mistakes: &[BadArgument]) -> String {
    const SHOWN: usize = 20;
    let mut text = String::from("invalid arguments");
    for (i, mistake) in mistakes.iter().take(SHOWN).enumerate() {
        let name: Cow<'_, str> = mistake.name.chars().take(120).collect();
        text.push_str(if i == 0 { ": " } else { "; " });
        text.push_str(&format!("{name}: {}", mistake.expected));
    }
    if mistakes.len() > SHOWN {
        text.push_str(&format!("; and {} more", mistakes.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Refused, private::slots},
        exposure::{Access, Effect},
    };

    fn bind(_: &crate::call::Call, _: &Object) -> Result<crate::call::Bound, Refused> {
        Err(Refused::Invalid(Vec::new()))
    }

    fn schema_of(params: &'static [ParamSpec]) -> Result<ArgumentSchema, CatalogError> {
        let spec = CapabilitySpec::new("t", Effect::ReadOnly, Access::Public, params, |_| None, bind);
        ArgumentSchema::of(&spec, "t")
    }

    fn mistakes(schema: &ArgumentSchema, arguments: &Value) -> Vec<String> {
        schema.mistakes(arguments).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_schema_is_closed_and_says_what_may_be_left_out() {
        static PARAMS: &[ParamSpec] = &[
            ParamSpec::of(&slots::param::<String>(), "id").description("which one"),
            ParamSpec::of(&slots::param::<Option<u32>>(), "limit"),
            ParamSpec::of(&slots::param::<u8>(), "page").default(|| json!(1)),
        ];
        let schema = schema_of(PARAMS).unwrap();
        let expected = json!({
            "type": "object",
            "properties": {
                "id": { "type": "string", "description": "which one" },
                "limit": { "type": ["integer", "null"], "format": "uint32", "minimum": 0 },
                "page": { "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "default": 1 },
            },
            "required": ["id"],
            "additionalProperties": false,
        });
        assert_eq!(Value::Object((**schema.published()).clone()), expected);
        assert!(!schema.strict, "the types enforce all of it");
    }

    #[test]
    fn every_mistake_is_said_and_no_value_is() {
        static PARAMS: &[ParamSpec] = &[
            ParamSpec::of(&slots::param::<u32>(), "count")
                .constraints(&[Constraint::Range { min: Some(1.0), max: Some(10.0) }]),
            ParamSpec::of(&slots::param::<String>(), "code")
                .constraints(&[Constraint::Pattern("^[A-Z]+$"), Constraint::Length { min: Some(2), max: Some(4) }]),
            ParamSpec::of(&slots::param::<Vec<u32>>(), "ids"),
        ];
        let schema = schema_of(PARAMS).unwrap();
        let said = mistakes(&schema, &json!({"count": 99, "code": "s3cret-value", "ids": [1, "x"], "who": "root"}));
        let all = said.join("\n");
        for name in ["count: ", "code: ", "ids[1]: expected integer", "who: no such argument"] {
            assert!(all.contains(name), "{name} in {all}");
        }
        assert!(!all.contains("s3cret") && !all.contains("root"), "{all}");
        assert_eq!(said.iter().filter(|it| it.starts_with("code")).count(), 2, "{all}");
        assert_eq!(mistakes(&schema, &json!({})), ["count: missing", "code: missing", "ids: missing"]);
        assert!(schema.check(&json!({"count": 3, "code": "AB", "ids": []})).is_ok());
    }

    #[test]
    fn a_bound_that_bounds_nothing_is_refused_at_start() {
        static RANGE: &[ParamSpec] = &[ParamSpec::of(&slots::param::<String>(), "a")
            .constraints(&[Constraint::Range { min: Some(1.0), max: None }])];
        static PATTERN: &[ParamSpec] =
            &[ParamSpec::of(&slots::param::<u32>(), "a").constraints(&[Constraint::Pattern("x")])];
        static BROKEN: &[ParamSpec] =
            &[ParamSpec::of(&slots::param::<String>(), "a").constraints(&[Constraint::Pattern("(")])];
        for params in [RANGE, PATTERN, BROKEN] {
            assert!(matches!(schema_of(params), Err(CatalogError::Schema { .. })));
        }
    }

    #[test]
    fn an_own_schema_is_published_as_written_and_enforced() {
        fn own() -> Value {
            json!({ "type": "object", "properties": { "id": { "enum": ["a", "b"] } }, "title": "mine" })
        }
        static PARAMS: &[ParamSpec] = &[ParamSpec::of(&slots::param::<String>(), "id")];
        let spec = CapabilitySpec::new("t", Effect::ReadOnly, Access::Public, PARAMS, |_| None, bind).schema(own);
        let schema = ArgumentSchema::of(&spec, "t").unwrap();
        assert_eq!(Value::Object((**schema.published()).clone()), own());
        assert!(schema.check(&json!({"id": "c"})).is_err());
        assert!(schema.check(&json!({"id": "a"})).is_ok());
    }
}
