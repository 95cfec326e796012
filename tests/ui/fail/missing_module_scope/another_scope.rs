use doorman::prelude::*;

use doorman::scope::{Allowlist, Namespace};

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Allowlist)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
