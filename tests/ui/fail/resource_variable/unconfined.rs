use doorman::prelude::*;

use doorman::scope::Namespace;

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(resource = "/{id}", read_only)]
    fn note(&self, id: String) -> String {
        id
    }

    #[expose(resource = "/of/{id}", read_only)]
    fn other(&self, id: Scoped<Namespace>, more: Scoped<Namespace>) -> String {
        format!("{}{}", id.key(), more.key())
    }
}

fn main() {}
