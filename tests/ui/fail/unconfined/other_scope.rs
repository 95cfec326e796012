use doorman::prelude::*;

use doorman::scope::{Allowlist, Namespace};

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn read(&self, note: Scoped<Allowlist>) {
        drop(note);
    }
}

fn main() {}
