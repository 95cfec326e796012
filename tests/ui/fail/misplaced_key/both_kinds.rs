use doorman::prelude::*;

#[expose(resource = "notes://{id}", prompt, read_only, public)]
fn note(id: String) -> String {
    id
}

fn main() {}
