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

    #[expose]
    async fn first(&self, note: Scoped<Namespace>) {
        drop(note);
    }

    #[expose(idempotent)]
    async fn second(&self, note: Scoped<Namespace>) {
        drop(note);
    }
}

fn main() {}
