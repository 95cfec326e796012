use doorman::prelude::*;

fn own_schema() -> serde_json::Value {
    serde_json::Value::Null
}

#[expose(resource = "notes://{id}", read_only, public, idempotent, schema = own_schema)]
fn note(id: String) -> String {
    id
}

#[expose(prompt, read_only, public, open_world = false, task)]
fn review(language: String) -> String {
    language
}

fn main() {}
