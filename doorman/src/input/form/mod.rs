//! The form of an elicitation: made out of a Rust type once, and an answer read back into the type.
//!
//! What a client is shown is what an answer is held to. `field` says one member of the type in the words that MCP has for
//! forms; a type that can't be said in them is no form.

mod field;

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use jsonschema::Validator;
use rmcp::model::{ElicitationSchema, PrimitiveSchemaDefinition};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{call::BadArgument, exposure::mistakes};

type Object = Map<String, Value>;

/// What a person is asked, as a client shows it.
pub(crate) struct Form {
    schema: Arc<ElicitationSchema>,
    /// What answers are held to: the same, said so that mistakes read well.
    validator: Validator,
    /// The fields, and whether each is a whole number.
    fields: Vec<(String, bool)>,
}

/// An answer that isn't one to the form: each mistake with its field, never with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit(Vec<BadArgument>);

impl Form {
    /// The form of a struct with named fields, each of them a text, a number, a bool, a choice (an enum without data), or
    /// several of a choice (a `Vec` or a set of such an enum). What is an `Option` or has a `#[serde(default)]` may be left
    /// out. Titles, descriptions, bounds and `enumNames` come from `#[schemars(…)]` and doc comments, as ever.
    ///
    /// # Errors
    /// What can't be said in a form: which field, and what could be.
    pub(crate) fn of<T: DeserializeOwned + JsonSchema>() -> Result<Self, String> {
        const LIBRARY: &str = "expected bounds that are numbers of their type, and texts for titles and descriptions";
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|it| it.inline_subschemas = true);
        // Not the generator's root schema, which has the type's name for a title.
        let root = T::json_schema(&mut settings.into_generator()).to_value();
        let wanted = form(root)?;
        let properties = wanted["properties"].as_object().cloned().unwrap_or_default();
        let fields = properties.iter().map(|(name, field)| (name.clone(), field["type"] == "integer")).collect();
        let checked = properties.into_iter().map(|(name, field)| (name, field::as_checked(field))).collect();
        let validator = validator(&checked, wanted.get("required"))?;
        check_defaults(&checked, &validator)?;
        for (name, field) in wanted["properties"].as_object().into_iter().flatten() {
            faithful::<PrimitiveSchemaDefinition>(field).ok_or_else(|| format!("`{name}`: {LIBRARY}"))?;
        }
        let schema = Arc::new(faithful(&wanted).ok_or(LIBRARY)?);
        Ok(Self { schema, validator, fields })
    }

    /// What a client is sent: the fields in the order of the type.
    pub(crate) fn schema(&self) -> &Arc<ElicitationSchema> {
        &self.schema
    }

    /// Reads an answer: what was asked for, held to the schema, then decoded. What is left out gets the type's own default,
    /// whatever the form suggests; what is said beside is dropped, as clients may say more than they were asked.
    ///
    /// # Errors
    /// What doesn't fit.
    pub(crate) fn read<T: DeserializeOwned>(&self, content: &Value) -> Result<T, Misfit> {
        let misfit =
            |expected: &'static str| Misfit(vec![BadArgument { name: "answer".into(), expected: expected.into() }]);
        let Value::Object(members) = content else { return Err(misfit("expected an object")) };
        let mistakes = mistakes(&self.validator, content);
        if !mistakes.is_empty() {
            return Err(Misfit(mistakes));
        }
        let mut members = members.clone();
        members.retain(|name, _| self.fields.iter().any(|(known, _)| known == name));
        for (name, _) in self.fields.iter().filter(|(_, whole)| *whole) {
            // `30.0` is an integer to JSON Schema and to clients that know no other numbers.
            if let Some(member) = members.get_mut(name)
                && let Some(integer) = field::integer(member)
            {
                *member = integer.into();
            }
        }
        // The reason stays here: it would quote the answer.
        serde_json::from_value(members.into()).map_err(|_| misfit("expected values that mean something together"))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Misfit {}

/// The schema of a type as MCP's forms have it.
fn form(root: Value) -> Result<Value, String> {
    const EXPECTED: &str = "expected a struct with named fields";
    let Value::Object(mut root) = root else { return Err(EXPECTED.to_owned()) };
    field::forget(&mut root);
    if root.remove("type") != Some("object".into()) {
        return Err(EXPECTED.to_owned());
    }
    let mut form = Object::from_iter([("type".to_owned(), "object".into())]);
    for key in ["title", "description"] {
        form.extend(root.remove_entry(key));
    }
    let Value::Object(given) = root.remove("properties").unwrap_or_else(|| json!({})) else {
        return Err(EXPECTED.to_owned());
    };
    let required = root.remove("required").filter(|names| *names != json!([]));
    // Forms take nothing but their fields, so these say nothing new.
    root.retain(|key, value| !(matches!(&**key, "additionalProperties" | "unevaluatedProperties") && *value == false));
    if let Some(key) = root.keys().next() {
        return Err(format!("{EXPECTED} and nothing else: a form has no `{key}`"));
    }
    let mut properties = Object::new();
    for (name, schema) in given {
        let field = field::field(schema).map_err(|expected| format!("`{name}`: {expected}"))?;
        properties.insert(name, Value::Object(field));
    }
    form.insert("properties".into(), properties.into());
    form.extend(required.map(|names| ("required".to_owned(), names)));
    Ok(form.into())
}

/// What the library makes of a schema, if it keeps every word of it: what it drops, no client would ever see.
fn faithful<T: DeserializeOwned + Serialize>(wanted: &Value) -> Option<T> {
    let made = T::deserialize(wanted).ok()?;
    serde_json::to_value(&made).is_ok_and(|kept| kept == *wanted).then_some(made)
}

/// Formats are checked as well: a form has few, and they are all that it says of such a text.
fn validator(fields: &Object, required: Option<&Value>) -> Result<Validator, String> {
    let schema = json!({ "properties": fields, "required": required.unwrap_or(&json!([])) });
    let built = jsonschema::draft202012::options().should_validate_formats(true).build(&schema);
    built.map_err(|error| error.to_string())
}

/// A default that the form itself would refuse is the author's mistake.
fn check_defaults(fields: &Object, validator: &Validator) -> Result<(), String> {
    let defaults = fields.iter().filter_map(|(name, field)| Some((name.clone(), field.get("default")?.clone())));
    let defaults: Object = defaults.collect();
    for (name, default) in &defaults {
        // Fields without a default are missing here, and may be.
        let mistakes = mistakes(validator, &json!({ name: default }));
        let inside = |at: &str| at.strip_prefix(&**name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
        if let Some(wrong) = mistakes.iter().find(|it| inside(&it.name)) {
            return Err(format!("`{name}`: its default isn't legal: {}", wrong.expected));
        }
    }
    Ok(())
}
