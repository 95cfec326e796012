//! The predecessor's cases, and those that it let pass.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    rule::{Action, Filter},
    tests::{judged, screen},
};

#[derive(Deserialize)]
struct Vectors {
    argument_filter: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    input: Input,
    expect: String,
    note: String,
}

#[derive(Deserialize)]
struct Input {
    rules: Vec<Written>,
    args: Map<String, Value>,
}

#[derive(Deserialize)]
struct Written {
    pattern: String,
    fields: Option<Vec<String>>,
    action: Option<String>,
    #[serde(default)]
    case_insensitive: bool,
}

#[test]
fn s19_every_case_of_the_predecessors() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../../tests/data/manifest-and-modules.json")).expect("cases");
    assert_eq!(vectors.argument_filter.len(), 16);
    for Case { input, expect, note } in vectors.argument_filter {
        let filters = input.rules.iter().map(|written| {
            let mut filter = Filter::arguments("f", &written.pattern);
            if let Some(fields) = &written.fields {
                filter = filter.fields(fields.iter().map(String::as_str));
            }
            if written.case_insensitive {
                filter = filter.case_insensitive();
            }
            filter.acting(if written.action.as_deref() == Some("warn") { Action::Warn } else { Action::Block })
        });
        // The arguments are the tool's own: their names are no data.
        let properties: Map<String, Value> = input.args.keys().map(|name| (name.clone(), json!({}))).collect();
        let screen = screen(&filters.collect::<Vec<_>>(), &json!({ "properties": properties }));
        let refused = judged(&screen, &Value::Object(input.args.clone())).0;
        assert_eq!(refused.is_some(), expect == "deny", "{note}: {:?}", input.args);
    }
}
