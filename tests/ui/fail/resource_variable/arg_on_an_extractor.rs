use doorman::prelude::*;

use doorman::scope::Namespace;

#[expose(resource = "notes://{id}", read_only, public)]
fn note(id: String, #[arg(length = 1..=9)] language: String) -> String {
    id + &language
}

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(resource = "/logo", read_only)]
    fn logo(&self, #[data] colour: String) -> String {
        colour
    }
}

fn main() {}
