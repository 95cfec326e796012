//! The reference server: manifests, the built-in modules, and the command line, as an operator has them.

mod commands;
mod filesystem;
mod lifecycle;
mod manifests;
mod records;
mod resources;
mod secrets;
mod sqlite;
mod worlds;

use serde_json::Value;

/// One of the predecessor's cases.
#[derive(serde::Deserialize)]
struct Case {
    input: Value,
    expect: String,
}

/// All cases of a group.
fn cases(group: &str) -> Vec<Case> {
    let all: Value = serde_json::from_str(include_str!("../data/manifest-and-modules.json")).expect("cases");
    let cases: Vec<Case> = serde_json::from_value(all[group].clone()).expect("cases of this group");
    assert!(!cases.is_empty(), "{group}");
    cases
}
