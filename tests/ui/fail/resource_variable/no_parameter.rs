use doorman::prelude::*;

#[expose(resource = "notes://{owner}/{ids}", read_only, public)]
fn note(id: String) -> String {
    id
}

fn main() {}
