//! One field of a form, out of the schema that schemars has for a member of a type.

use serde_json::{Number, Value, json};

use super::Object;

/// What a field may be, for whoever wrote one that isn't.
const LEGAL: &str =
    "expected a text, a number, a bool, an enum without data, a list of such an enum, or an `Option` of one of these";

/// What says nothing of what is legal and has no place in a form.
pub(super) fn forget(schema: &mut Object) {
    for key in ["$comment", "deprecated", "examples", "readOnly", "writeOnly"] {
        schema.remove(key);
    }
}

/// A field as forms have it.
pub(super) fn field(schema: Value) -> Result<Object, String> {
    let Value::Object(mut given) = schema else { return Err(LEGAL.to_owned()) };
    without_null(&mut given);
    forget(&mut given);
    let mut items = match given.remove("items") {
        Some(Value::Object(items)) => Some(items),
        Some(_) => return Err(LEGAL.to_owned()),
        None => None,
    };
    let mut told = ["title", "description"].map(|key| given.remove_entry(key));
    let default = given.remove("default").filter(|default| !default.is_null());
    let ty = given.remove("type");
    let mut field = Object::new();
    match (ty.as_ref().and_then(Value::as_str), &mut items) {
        (Some("string") | None, None) if is_choice(&given) => {
            field.insert("type".into(), "string".into());
            field.extend(choice(&mut given, "oneOf")?);
        }
        (Some("string"), None) => {
            field.insert("type".into(), "string".into());
            field.extend(["minLength", "maxLength"].into_iter().filter_map(|key| given.remove_entry(key)));
            field.extend(format(&mut given)?);
        }
        (Some(ty @ ("integer" | "number")), None) if !is_choice(&given) => {
            field.insert("type".into(), ty.into());
            given.retain(|key, value| !(key == "format" && is_rusts(value)));
            for key in ["minimum", "maximum"] {
                let Some(bound) = given.remove(key) else { continue };
                field.insert(key.into(), number(&bound, ty).ok_or_else(|| too_far(key))?);
            }
        }
        (Some("boolean"), None) if !is_choice(&given) => drop(field.insert("type".into(), "boolean".into())),
        (Some("array"), Some(items)) if is_choice(items) => {
            field.insert("type".into(), "array".into());
            field.extend(["minItems", "maxItems"].into_iter().filter_map(|key| given.remove_entry(key)));
            // A set takes what is chosen twice for chosen.
            given.remove("uniqueItems");
            field.insert("items".into(), choices(items, &mut told)?.into());
        }
        _ => return Err(LEGAL.to_owned()),
    }
    if let Some(key) = given.keys().next() {
        return Err(format!("a form can't say `{key}` of this; leave it to the type's `Deserialize`"));
    }
    field.extend(told.into_iter().flatten());
    if let Some(default) = default {
        let default = match field["type"].as_str() {
            Some(ty @ ("integer" | "number")) => number(&default, ty).ok_or_else(|| too_far("default"))?,
            _ => default,
        };
        field.insert("default".into(), default);
    }
    Ok(field)
}

/// The same field with all choices in the words of which mistakes read best.
pub(super) fn as_checked(mut field: Value) -> Value {
    fn plain(schema: &mut Object, key: &str) {
        if let Some(Value::Array(options)) = schema.remove(key) {
            let values = options.iter().map(|option| option["const"].clone()).collect();
            schema.insert("enum".into(), Value::Array(values));
        }
    }
    if let Some(field) = field.as_object_mut() {
        plain(field, "oneOf");
        if let Some(items) = field.get_mut("items").and_then(Value::as_object_mut) {
            plain(items, "anyOf");
        }
    }
    field
}

/// The whole number that this is, however it is written.
pub(super) fn integer(value: &Value) -> Option<i64> {
    // Up to here every whole number has an f64 of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |float: &f64| float.fract() == 0.0 && float.abs() <= EXACT;
    value.as_i64().or_else(|| value.as_f64().filter(whole).filter(|_| value.is_f64()).map(|float| float as i64))
}

/// An `Option` is left out where its type would be `null`: no answer of a form is.
fn without_null(schema: &mut Object) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|ty| ty != "null");
        if let [ty] = &mut types[..] {
            let ty = ty.take();
            schema.insert("type".into(), ty);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf")
        && alternatives.iter().any(|it| *it == json!({ "type": "null" }))
    {
        alternatives.retain(|it| *it != json!({ "type": "null" }));
        if let [Value::Object(only)] = &mut alternatives[..] {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            // What is said of the field goes before what is said of its type.
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
}

fn is_choice(schema: &Object) -> bool {
    ["enum", "const", "oneOf", "anyOf"].iter().any(|key| schema.contains_key(*key))
}

/// One of several texts: `enum`, with `enumNames` if the author says so, or with titles under `titled`.
fn choice(given: &mut Object, titled: &'static str) -> Result<Object, String> {
    let mut options = Vec::new();
    for alternatives in [given.remove("oneOf"), given.remove("anyOf")].into_iter().flatten() {
        let Value::Array(alternatives) = alternatives else { return Err(LEGAL.to_owned()) };
        for alternative in alternatives {
            let Value::Object(mut alternative) = alternative else { return Err(LEGAL.to_owned()) };
            forget(&mut alternative);
            if alternative.remove("type").is_some_and(|ty| ty != "string") {
                return Err(LEGAL.to_owned());
            }
            let [title, description] = ["title", "description"].map(|key| alternative.remove(key));
            // A person reads one or the other; forms have room for one.
            let title = title.or(description);
            let values = values(&mut alternative)?;
            if values.is_empty() || !alternative.is_empty() {
                return Err(LEGAL.to_owned());
            }
            options.extend(values.into_iter().map(|value| (value, title.clone())));
        }
    }
    options.extend(values(given)?.into_iter().map(|value| (value, None)));
    if options.is_empty() {
        return Err("expected something to choose from".to_owned());
    }
    let mut choice = Object::new();
    if options.iter().any(|(_, title)| title.is_some()) {
        let named =
            options.into_iter().map(|(value, title)| json!({ "const": value, "title": title.unwrap_or(value) }));
        choice.insert(titled.into(), named.collect());
        return Ok(choice);
    }
    let count = options.len();
    choice.insert("enum".into(), options.into_iter().map(|(value, _)| value).collect());
    if let Some(names) = given.remove("enumNames") {
        let texts = names.as_array().filter(|names| names.len() == count && names.iter().all(Value::is_string));
        texts.ok_or_else(|| format!("expected {count} texts as `enumNames`, one for each value"))?;
        choice.insert("enumNames".into(), names);
    }
    Ok(choice)
}

/// The texts of an `enum` or a `const`.
fn values(schema: &mut Object) -> Result<Vec<Value>, String> {
    let mut values = match schema.remove("enum") {
        Some(Value::Array(values)) => values,
        Some(_) => return Err(LEGAL.to_owned()),
        None => Vec::new(),
    };
    values.extend(schema.remove("const"));
    if values.iter().all(Value::is_string) { Ok(values) } else { Err("expected texts to choose from".to_owned()) }
}

/// What several may be chosen of. What is said of the choice is said of the field, unless that has words of its own.
fn choices(items: &mut Object, told: &mut [Option<(String, Value)>; 2]) -> Result<Object, String> {
    forget(items);
    if items.remove("type").is_some_and(|ty| ty != "string") {
        return Err(LEGAL.to_owned());
    }
    for (told, key) in told.iter_mut().zip(["title", "description"]) {
        let own = items.remove_entry(key);
        if told.is_none() {
            *told = own;
        }
    }
    let mut choice = choice(items, "anyOf")?;
    if let Some(key) = items.keys().chain(choice.keys().filter(|key| *key == "enumNames")).next() {
        return Err(format!("a form can't say `{key}` of what several may be chosen of"));
    }
    if choice.contains_key("enum") {
        choice.insert("type".into(), "string".into());
    }
    Ok(choice)
}

/// The format of a text.
fn format(given: &mut Object) -> Result<Option<(String, Value)>, String> {
    let Some(format) = given.remove("format") else { return Ok(None) };
    match format.as_str() {
        Some("email" | "uri" | "date" | "date-time") => Ok(Some(("format".to_owned(), format))),
        _ => Err(format!("a form has no text of format {format}; expected email, uri, date or date-time")),
    }
}

/// Whether a format is the name that schemars has for the width of a number.
fn is_rusts(format: &Value) -> bool {
    let name = format.as_str().unwrap_or_default();
    let digits = name.trim_start_matches('u').strip_prefix("int");
    matches!(name, "float" | "double") || digits.is_some_and(|digits| digits.is_empty() || digits.parse::<u8>().is_ok())
}

/// A number as the library has it: 64 bits, with a sign or with a fraction.
fn number(value: &Value, ty: &str) -> Option<Value> {
    match ty {
        "integer" => integer(value).map(Value::from),
        _ => value.as_f64().and_then(Number::from_f64).map(Value::from),
    }
}

fn too_far(key: &str) -> String {
    format!("its `{key}` isn't a number of 64 bits")
}
