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
    async fn read(&self, #[data] note: Scoped<Namespace>, #[data] who: Caller, #[data] notes: Vec<Scoped<Namespace>>) {
        drop((note, who, notes));
    }
}

fn main() {}
