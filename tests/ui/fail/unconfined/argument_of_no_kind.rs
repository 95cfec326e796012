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

    #[expose(read_only)]
    async fn read(&self, #[arg(length = 1..)] note: String, #[arg(default)] on: bool) {
        drop((note, on));
    }
}

fn main() {}
