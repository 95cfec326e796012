use doorman::prelude::*;

use doorman::scope::Namespace;

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self, _: u32) -> Namespace {
        todo!()
    }

    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
