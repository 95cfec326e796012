use doorman::prelude::*;

#[expose(read_only, public, mime = "text/plain")]
fn list() -> String {
    String::new()
}

#[expose(prompt, read_only, public, size = 3)]
fn review(language: String) -> String {
    language
}

fn main() {}
