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

    #[expose(read_only, rate = "x")]
    async fn first(&self, note: String) -> String {
        note
    }

    #[expose(write)]
    async fn second(&self, note: String, other: Option<String>) {
        drop((note, other));
    }
}

fn main() {}
