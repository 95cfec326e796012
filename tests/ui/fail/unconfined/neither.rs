use doorman::prelude::*;

use doorman::scope::Namespace;

struct Note;

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn read(&self, note: Note) {
        drop(note);
    }
}

fn main() {}
