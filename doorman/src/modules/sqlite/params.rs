//! The values that an agent gives for the parameters of its SQL. They are bound, never written into the SQL (S16).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use doorman::{ToolError, prelude::*};
use rusqlite::{Statement, types::Value as Bound};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::fault::Fault;

/// A list for `?` and `?1`, or an object for `:name`, `@name` and `$name`.
#[derive(Debug)]
pub(super) enum Params {
    List(Vec<Bound>),
    Named(Vec<(String, Bound)>),
}

const EXPECTED: &str =
    "expected a list or an object of null, boolean, number, text or {\"base64\": \"…\"}; whole numbers have 64 bits";

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let params = match Value::deserialize(deserializer)? {
            Value::Array(values) => values.into_iter().map(bound).collect::<Option<_>>().map(Self::List),
            Value::Object(values) => {
                let named = values.into_iter().map(|(name, value)| Some((name, bound(value)?)));
                named.collect::<Option<_>>().map(Self::Named)
            }
            _ => None,
        };
        params.ok_or_else(|| D::Error::custom(EXPECTED))
    }
}

impl JsonSchema for Params {
    fn schema_name() -> Cow<'static, str> {
        "Params".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = serde_json::json!({
            "anyOf": [
                { "type": ["null", "boolean", "number", "string"] },
                {
                    "type": "object",
                    "properties": { "base64": { "type": "string" } },
                    "required": ["base64"],
                    "additionalProperties": false,
                },
            ],
        });
        json_schema!({
            "anyOf": [
                { "type": "array", "items": value, "maxItems": 1000 },
                { "type": "object", "additionalProperties": value, "maxProperties": 1000 },
            ],
        })
    }
}

/// One value; `None` for what SQLite has no form for.
fn bound(value: Value) -> Option<Bound> {
    match value {
        Value::Null => Some(Bound::Null),
        Value::Bool(it) => Some(Bound::Integer(it.into())),
        Value::Number(number) if number.is_f64() => number.as_f64().map(Bound::Real),
        Value::Number(number) => number.as_i64().map(Bound::Integer),
        Value::String(text) => Some(Bound::Text(text)),
        Value::Object(object) if object.len() == 1 => {
            STANDARD.decode(object.get("base64")?.as_str()?).ok().map(Bound::Blob)
        }
        Value::Object(_) | Value::Array(_) => None,
    }
}

impl Params {
    /// Binds all of them: no parameter of the statement is left out, no value is left over.
    pub(super) fn bind(params: Option<&Self>, statement: &mut Statement<'_>) -> Result<(), Fault> {
        match params {
            None => bind_list(&[], statement),
            Some(Self::List(values)) => bind_list(values, statement),
            Some(Self::Named(values)) => bind_named(values, statement),
        }
    }
}

fn bind_list(values: &[Bound], statement: &mut Statement<'_>) -> Result<(), Fault> {
    let (wanted, given) = (statement.parameter_count(), values.len());
    if wanted != given {
        return Err(mistake(format!("the statement has {wanted} parameters, params has {given} values")));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

fn bind_named(values: &[(String, Bound)], statement: &mut Statement<'_>) -> Result<(), Fault> {
    let mut used = vec![false; values.len()];
    for index in 1..=statement.parameter_count() {
        let Some(name) = statement.parameter_name(index).filter(|name| !name.starts_with('?')).map(str::to_owned)
        else {
            return Err(mistake("the statement has a parameter without a name: give params as a list"));
        };
        let mut matching = values.iter().enumerate().filter(|(_, (key, _))| *key == name || *key == name[1..]);
        match (matching.next(), matching.next()) {
            (Some((at, (_, value))), None) => {
                statement.raw_bind_parameter(index, value)?;
                used[at] = true;
            }
            (None, _) => return Err(mistake(format!("params has no value for {name}"))),
            (Some(_), Some(_)) => return Err(mistake(format!("params has two values for {name}"))),
        }
    }
    match used.iter().zip(values).find(|(used, _)| !**used) {
        Some((_, (key, _))) => Err(mistake(format!("the statement has no parameter {key:.64}"))),
        None => Ok(()),
    }
}

fn mistake(text: impl Into<Cow<'static, str>>) -> Fault {
    ToolError::user(text).into()
}

/// Columns and their types, in the order in which they were written.
#[derive(Debug)]
pub(super) struct Columns(Vec<(String, String)>);

impl Columns {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, kind)| (name.as_str(), kind.as_str()))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let columns = Map::deserialize(deserializer)?.into_iter().map(|(name, kind)| match kind {
            Value::String(kind) => Ok((name, kind)),
            _ => Err(D::Error::custom("expected the type of each column as a text")),
        });
        columns.collect::<Result<_, _>>().map(Self)
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": "string" },
            "minProperties": 1,
            "maxProperties": 500,
        })
    }
}
