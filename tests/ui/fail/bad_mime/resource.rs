use doorman::prelude::*;

#[expose(resource = "notes://{id}", read_only, public, mime = "markdown")]
fn note(id: String) -> String {
    id
}

#[expose(resource = "test://logo", read_only, public, mime = "image/png;")]
fn logo() -> String {
    String::new()
}

fn main() {}
