use doorman::prelude::*;

#[expose(resource = "notes://{id}", write, public)]
fn note(id: String) -> String {
    id
}

#[expose(resource = "notes://{id}", public)]
fn other(id: String) -> String {
    id
}

fn main() {}
