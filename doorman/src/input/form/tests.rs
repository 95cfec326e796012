use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Form;

/// A form as it goes over the wire.
fn wire<T: DeserializeOwned + JsonSchema>() -> Value {
    let form = Form::of::<T>().unwrap_or_else(|error| panic!("{error}"));
    serde_json::to_value(form.schema()).expect("JSON")
}

/// What is wrong with an answer.
fn misfit<T: DeserializeOwned + JsonSchema>(answer: Value) -> String {
    let read = Form::of::<T>().expect("a form").read::<T>(&answer);
    read.err().map(|misfit| misfit.to_string()).unwrap_or_default()
}

#[derive(Deserialize, JsonSchema, PartialEq, Eq, Debug, Clone, Copy, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(super) enum Plain {
    Option1,
    Option2,
    Option3,
}

#[derive(Deserialize, JsonSchema, PartialEq, Eq, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Titled {
    #[schemars(title = "First Option")]
    Value1,
    #[schemars(title = "Second Option")]
    Value2,
    #[schemars(title = "Third Option")]
    Value3,
}

#[derive(Deserialize, JsonSchema, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("enumNames" = ["Option One", "Option Two", "Option Three"]))]
pub(super) enum Legacy {
    Opt1,
    Opt2,
    Opt3,
}

#[derive(Deserialize, JsonSchema, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choices {
    untitled_single: Plain,
    titled_single: Titled,
    legacy_enum: Legacy,
    untitled_multi: Vec<Plain>,
    titled_multi: Vec<Titled>,
}

/// The five ways of the conformance scenario `elicitation-sep1330-enums`.
#[test]
fn choices_in_all_ways_that_there_are() {
    let titles = json!([
        { "const": "value1", "title": "First Option" },
        { "const": "value2", "title": "Second Option" },
        { "const": "value3", "title": "Third Option" },
    ]);
    let expected = json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
            "titledSingle": { "type": "string", "oneOf": titles },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {
                "type": "array",
                "items": { "type": "string", "enum": ["option1", "option2", "option3"] },
            },
            "titledMulti": { "type": "array", "items": { "anyOf": titles } },
        },
        "required": ["untitledSingle", "titledSingle", "legacyEnum", "untitledMulti", "titledMulti"],
    });
    assert_eq!(wire::<Choices>(), expected);
    let answer = json!({
        "untitledSingle": "option1",
        "titledSingle": "value1",
        "legacyEnum": "opt1",
        "untitledMulti": ["option1", "option2"],
        "titledMulti": ["value1", "value2"],
    });
    let read = Form::of::<Choices>().expect("a form").read(&answer);
    let expected = Choices {
        untitled_single: Plain::Option1,
        titled_single: Titled::Value1,
        legacy_enum: Legacy::Opt1,
        untitled_multi: vec![Plain::Option1, Plain::Option2],
        titled_multi: vec![Titled::Value1, Titled::Value2],
    };
    assert_eq!(read, Ok(expected));
    for field in ["untitledSingle", "titledSingle", "legacyEnum", "untitledMulti", "titledMulti"] {
        for wrong in [json!("s3cret"), json!(["s3cret"]), json!(1), json!(null), json!({}), json!([["option1"]])] {
            let mut answer = answer.clone();
            answer[field] = wrong;
            let said = misfit::<Choices>(answer);
            assert!(said.starts_with(field) && !said.contains("s3cret"), "{said}");
        }
    }
}

#[derive(Deserialize, JsonSchema, PartialEq, Debug)]
#[serde(default)]
struct Defaults {
    /// User name
    name: String,
    age: u8,
    score: f64,
    status: Status,
    verified: bool,
    picks: Vec<Plain>,
}

#[derive(Deserialize, serde::Serialize, JsonSchema, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Inactive,
    Pending,
}

impl serde::Serialize for Plain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{self:?}").to_lowercase())
    }
}

impl Default for Defaults {
    fn default() -> Self {
        let (name, status, picks) = ("John Doe".to_owned(), Status::Active, vec![Plain::Option2]);
        Self { name, age: 30, score: 95.5, status, verified: true, picks }
    }
}

/// Those of the conformance scenario `elicitation-sep1034-defaults`, and of a choice of several.
#[test]
fn defaults_of_every_kind() {
    let plain = ["option1", "option2", "option3"];
    let expected = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "description": "User name", "default": "John Doe" },
            "age": { "type": "integer", "minimum": 0, "maximum": 255, "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
            "verified": { "type": "boolean", "default": true },
            "picks": { "type": "array", "items": { "type": "string", "enum": plain }, "default": ["option2"] },
        },
    });
    assert_eq!(wire::<Defaults>(), expected);
    let form = Form::of::<Defaults>().expect("a form");
    assert_eq!(form.read(&json!({})), Ok(Defaults::default()));
    let changed = form.read(&json!({ "age": 31, "picks": [] }));
    assert_eq!(changed, Ok(Defaults { age: 31, picks: Vec::new(), ..Defaults::default() }));
}

/// How to reach you
#[derive(Deserialize, JsonSchema, PartialEq, Debug)]
#[schemars(title = "Contact")]
struct Everything {
    /// Where we write to
    #[schemars(title = "E-mail", extend("format" = "email"), length(min = 3, max = 80))]
    email: Option<String>,
    #[schemars(extend("format" = "date-time"))]
    when: Option<String>,
    #[schemars(range(min = 1, max = 10))]
    many: Option<u32>,
    big: Option<i64>,
    #[schemars(range(min = 0, max = 1))]
    share: Option<f32>,
    /// Which
    plain: Option<Plain>,
    titled: Option<Titled>,
    legacy: Option<Legacy>,
    sure: Option<bool>,
    #[schemars(length(min = 1, max = 2))]
    some: Option<BTreeSet<Plain>>,
    described: Option<Described>,
    initial: Option<char>,
}

/// How loud
#[derive(Deserialize, JsonSchema, PartialEq, Eq, Debug)]
enum Described {
    /// Nobody hears it
    Low,
    High,
    /// Everybody does
    #[schemars(title = "Very high")]
    Highest,
}

#[test]
fn everything_that_a_form_can_say_is_said() {
    let expected = json!({
        "type": "object",
        "title": "Contact",
        "description": "How to reach you",
        "properties": {
            "email": {
                "type": "string", "minLength": 3, "maxLength": 80, "format": "email",
                "title": "E-mail", "description": "Where we write to",
            },
            "when": { "type": "string", "format": "date-time" },
            "many": { "type": "integer", "minimum": 1, "maximum": 10 },
            "big": { "type": "integer" },
            "share": { "type": "number", "minimum": 0.0, "maximum": 1.0 },
            "plain": { "type": "string", "enum": ["option1", "option2", "option3"], "description": "Which" },
            "titled": { "type": "string", "oneOf": [
                { "const": "value1", "title": "First Option" },
                { "const": "value2", "title": "Second Option" },
                { "const": "value3", "title": "Third Option" },
            ] },
            "legacy": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "sure": { "type": "boolean" },
            "some": {
                "type": "array", "minItems": 1, "maxItems": 2,
                "items": { "type": "string", "enum": ["option1", "option2", "option3"] },
            },
            "described": { "type": "string", "description": "How loud", "oneOf": [
                { "const": "Low", "title": "Nobody hears it" },
                { "const": "High", "title": "High" },
                { "const": "Highest", "title": "Very high" },
            ] },
            "initial": { "type": "string", "minLength": 1, "maxLength": 1 },
        },
    });
    let wire = wire::<Everything>();
    for (name, field) in expected["properties"].as_object().expect("fields") {
        let mut both = [field, &wire["properties"][name]].map(Value::clone);
        // Variants without words of their own come last: schemars puts them together.
        for options in both.iter_mut().filter_map(|it| it.get_mut("oneOf")?.as_array_mut()) {
            options.sort_by_key(|option| option["const"].to_string());
        }
        assert_eq!(both[0], both[1], "{name}");
    }
    let but_fields = |mut form: Value| form.as_object_mut().and_then(|it| it.remove("properties")).and(Some(form));
    assert_eq!(but_fields(wire.clone()), but_fields(expected.clone()));
    let names = |form: &Value| form["properties"].as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&wire), names(&expected), "in the order of the type");
}

#[test]
fn what_a_form_says_is_what_an_answer_is_held_to() {
    let form = Form::of::<Everything>().expect("a form");
    let read = form.read::<Everything>(&json!({})).expect("all of it may be left out");
    assert_eq!((read.email, read.some), (None, None));
    let good = json!({
        "email": "ada@example.com", "when": "2027-01-01T00:00:00Z", "many": 10.0, "big": -9_007_199_254_740_993_i64,
        "share": 1, "some": ["option1", "option1"], "sure": false, "initial": "é",
    });
    let read = form.read::<Everything>(&good).expect("it fits");
    assert_eq!((read.many, read.big), (Some(10), Some(-9_007_199_254_740_993)));
    assert_eq!(read.some, Some(BTreeSet::from([Plain::Option1])));
    let bad = [
        ("email", json!("s3cret")),
        ("email", json!("a@")),
        ("email", json!(null)),
        ("when", json!("tomorrow s3cret")),
        ("many", json!(0)),
        ("many", json!(11)),
        ("many", json!(1.5)),
        ("many", json!("5")),
        ("share", json!(1.01)),
        ("sure", json!("s3cret")),
        ("some", json!([])),
        ("some", json!(["option1", "option2", "option3"])),
        ("some", json!(["s3cret"])),
        ("described", json!("low")),
        ("initial", json!("")),
        ("initial", json!("ab")),
    ];
    for (name, value) in bad {
        let said = misfit::<Everything>(json!({ name: value }));
        assert!(said.starts_with(name) && !said.contains("s3cret"), "{name} {value}: {said}");
    }
    for answer in [json!(null), json!([]), json!("s3cret"), json!({ "big": 1e300 })] {
        let said = misfit::<Everything>(answer.clone());
        assert!(!said.is_empty() && !said.contains("s3cret"), "{answer}: {said}");
    }
}

#[derive(Deserialize, JsonSchema, Debug, PartialEq, Eq)]
struct Even(#[serde(deserialize_with = "even")] u32);

fn even<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if number % 2 == 0 { Ok(number) } else { Err(serde::de::Error::custom(format!("{number} is odd"))) }
}

#[test]
fn s18_what_a_type_refuses_is_told_without_the_value() {
    #[derive(Deserialize, JsonSchema, Debug, PartialEq, Eq)]
    struct Pair {
        number: Even,
    }
    let form = Form::of::<Pair>().expect("a form");
    assert_eq!(form.read(&json!({ "number": 4 })), Ok(Pair { number: Even(4) }));
    assert_eq!(misfit::<Pair>(json!({ "number": 4711 })), "answer: expected values that mean something together");
    assert_eq!(misfit::<Pair>(json!({})), "number: missing");
}

#[test]
fn a_form_may_ask_for_nothing_but_consent() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Consent {}
    assert_eq!(wire::<Consent>(), json!({ "type": "object", "properties": {} }));
    assert_eq!(misfit::<Consent>(json!({})), "");
    assert_eq!(misfit::<Consent>(json!({ "more": 1 })), "", "what nobody asked for is dropped");
}

#[test]
fn flattened_fields_are_fields() {
    #[derive(Deserialize, JsonSchema)]
    struct Outer {
        #[serde(rename = "a")]
        _a: String,
        #[serde(flatten)]
        _inner: Inner,
    }
    #[derive(Deserialize, JsonSchema)]
    struct Inner {
        #[serde(rename = "b")]
        _b: Option<bool>,
    }
    let fields = json!({ "a": { "type": "string" }, "b": { "type": "boolean" } });
    assert_eq!(wire::<Outer>(), json!({ "type": "object", "properties": fields, "required": ["a"] }));
}
