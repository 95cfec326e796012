use doorman::prelude::*;

use doorman::scope::Namespace;

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
