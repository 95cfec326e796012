use doorman::prelude::*;

#[expose(resource = "notes://{id}", read_only, public)]
fn note(id: String, language: Option<String>) -> String {
    id + &language.unwrap_or_default()
}

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(resource = "/logo", read_only)]
    fn logo(&self, colour: String) -> String {
        colour
    }
}

fn main() {}
