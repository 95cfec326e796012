//! `#[derive(Argument)]`.

use doorman::prelude::*;
use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How to look.
#[derive(Argument, Debug, PartialEq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    /// The least amount.
    #[arg(range = 0..=1000, default = 5)]
    min_amount: u32,
    #[arg(length = 1.., pattern = "^[a-z]*$", description = "Words.")]
    words: Option<Vec<String>>,
    #[serde(rename = "in")]
    place: Place,
    #[serde(default = "always", skip_serializing_if = "Vec::is_empty")]
    r#loop: Vec<Place>,
    #[schemars(range(max = 0.5))]
    ratio: Option<f64>,
}

fn always() -> Vec<Place> {
    vec![Place::Here]
}

#[derive(Argument, Debug, PartialEq, Serialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Close by.
    #[default]
    Here,
    OverThere,
}

#[derive(Argument, Debug, PartialEq)]
enum Target {
    All,
    One(Name),
    Some { names: Vec<Name>, limit: Option<u32> },
}

#[derive(Argument, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    All,
    Filtered(Filter),
    Named { name: Name },
}

#[derive(Argument, Debug, PartialEq)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    All,
    Named(Name),
}

/// A name.
#[derive(Argument, Debug, PartialEq)]
struct Name(String);

#[derive(Argument, Debug, PartialEq)]
struct Tree {
    leaf: Option<u32>,
    #[arg(default)]
    branches: Vec<Tree>,
}

#[derive(Argument, Debug, PartialEq)]
#[serde(default)]
struct Settings {
    size: u32,
    name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { size: 7, name: "x".into() }
    }
}

#[derive(serde::Deserialize, JsonSchema, Debug, PartialEq)]
struct Point {
    x: i32,
}

#[derive(Argument, Debug, PartialEq)]
struct Spot {
    #[arg(serde)]
    point: Point,
    #[arg(serde)]
    other: Option<Point>,
}

#[track_caller]
fn reads<T: DeserializeOwned + std::fmt::Debug + PartialEq>(json: Value, value: &T) {
    assert_eq!(serde_json::from_value::<T>(json.clone()).expect("it fits"), *value, "{json}");
}

#[track_caller]
fn refuses<T: DeserializeOwned + std::fmt::Debug>(json: Value, why: &str) {
    let error = serde_json::from_value::<T>(json.clone()).expect_err(&json.to_string()).to_string();
    assert!(error.contains(why), "{json}: {error}");
}

#[test]
fn fields_are_read_by_name() {
    let filter = |min_amount, r#loop| Filter { min_amount, words: None, place: Place::OverThere, r#loop, ratio: None };
    reads(json!({"in": "over_there"}), &filter(5, always()));
    reads(json!({"in": "over_there", "minAmount": 3, "loop": []}), &filter(3, Vec::new()));
    refuses::<Filter>(json!({}), "missing field `in`");
    refuses::<Filter>(json!({"in": "here", "min_amount": 3}), "unknown field `min_amount`");
    refuses::<Filter>(json!({"in": "here", "minAmount": "3"}), "expected u32");
    refuses::<Filter>(json!({"in": "nowhere"}), "unknown variant `nowhere`");
    reads(json!("me"), &Name("me".into()));
    reads(json!({}), &Settings { size: 7, name: "x".into() });
    reads(json!({"size": 1}), &Settings { size: 1, name: "x".into() });
    refuses::<Settings>(json!({"sizes": 1}), "unknown field `sizes`");
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    let leaf = |leaf| Tree { leaf, branches: Vec::new() };
    reads(json!({"branches": [{"leaf": 1}, {}]}), &Tree { leaf: None, branches: vec![leaf(Some(1)), leaf(None)] });
    refuses::<Tree>(json!({"branches": [{"branches": [{"leef": 1}]}]}), "unknown field `leef`");
    refuses::<Target>(json!({"Some": {"names": [], "limits": 3}}), "unknown field `limits`");
    refuses::<Target>(json!({"All": null, "One": "x"}), "");
    refuses::<Tagged>(json!({"kind": "all", "name": "x"}), "unknown field `name`");
    refuses::<Tagged>(json!({"kind": "named", "name": "x", "more": 1}), "unknown field `more`");
    refuses::<Tagged>(json!({"kind": "filtered", "in": "here", "more": 1}), "unknown field `more`");
    refuses::<Adjacent>(json!({"kind": "Named", "of": "x", "more": 1}), "more");
    refuses::<Adjacent>(json!({"kind": "All", "of": {"more": 1}}), "");
    refuses::<Spot>(json!({"point": {"x": 1, "y": 2}}), "unknown field `y`");
    refuses::<Spot>(json!({"point": {"x": 1}, "other": {"x": 1, "y": 2}}), "unknown field `y`");
    reads(json!({"point": {"x": 1}}), &Spot { point: Point { x: 1 }, other: None });
}

#[test]
fn enums_are_read_as_they_are_tagged() {
    reads(json!("All"), &Target::All);
    reads(json!({"One": "x"}), &Target::One(Name("x".into())));
    reads(json!({"Some": {"names": ["x"]}}), &Target::Some { names: vec![Name("x".into())], limit: None });
    reads(json!({"kind": "all"}), &Tagged::All);
    reads(json!({"kind": "named", "name": "x"}), &Tagged::Named { name: Name("x".into()) });
    let filter = Filter { min_amount: 5, words: None, place: Place::Here, r#loop: always(), ratio: None };
    reads(json!({"kind": "filtered", "in": "here"}), &Tagged::Filtered(filter));
    reads(json!({"kind": "Named", "of": "x"}), &Adjacent::Named(Name("x".into())));
    reads(json!({"kind": "All"}), &Adjacent::All);
}

#[test]
fn the_schema_says_what_is_read() {
    let schema = schema_for!(Filter).to_value();
    assert_eq!(schema["title"], "Filter");
    assert_eq!(schema["description"], "How to look.");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["in"]));
    let least = &schema["properties"]["minAmount"];
    assert_eq!((&least["minimum"], &least["maximum"], &least["default"]), (&json!(0), &json!(1000), &json!(5)));
    assert_eq!(least["description"], "The least amount.");
    assert_eq!(schema["properties"]["words"]["description"], "Words.");
    assert_eq!(schema["properties"]["words"]["minItems"], 1);
    assert_eq!(schema["properties"]["loop"]["default"], json!(["here"]));
    assert_eq!(schema["properties"]["ratio"]["maximum"], 0.5);

    let tree = schema_for!(Tree).to_value();
    assert_eq!(tree["properties"]["branches"]["items"], json!({"$ref": "#"}));
    assert_eq!(tree.get("required"), None);
    let tagged = schema_for!(Tagged).to_value();
    for variant in tagged["oneOf"].as_array().expect("variants") {
        assert_eq!(variant["additionalProperties"], false, "{variant}");
    }
    assert_eq!(schema_for!(Settings).to_value()["properties"]["size"]["default"], 7);
    assert_eq!(schema_for!(Spot).to_value()["required"], json!(["point"]));
    let place = schema_for!(Place).to_value();
    assert!(place.to_string().contains(r#""description":"Close by.""#), "{place}");
}

#[test]
fn an_argument_can_be_an_output_too() {
    #[expose(read_only, public)]
    fn echo(filter: Filter, target: Option<Target>, names: Vec<Name>, tagged: Tagged) -> Filter {
        drop((target, names, tagged));
        filter
    }
    assert_eq!(tools![echo].len(), 1);
}

mod hidden {
    use doorman::prelude::*;

    /// Public, with a field of a type that isn't.
    #[derive(Argument)]
    pub(crate) struct Outer {
        inner: Inner,
        #[cfg(any())]
        absent: NoSuchType,
    }

    #[derive(Argument)]
    struct Inner {
        r#type: bool,
    }

    impl Outer {
        pub(crate) fn get(&self) -> bool {
            self.inner.r#type
        }
    }
}

#[test]
fn fields_may_be_private() {
    let outer: hidden::Outer = serde_json::from_value(json!({"inner": {"type": true}})).expect("it fits");
    assert!(outer.get());
    assert!(serde_json::from_value::<hidden::Outer>(json!({"inner": {"type": true}, "absent": 1})).is_err());
}
