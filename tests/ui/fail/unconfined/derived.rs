use doorman::prelude::*;

use doorman::scope::Namespace;

#[derive(Argument)]
struct Name(String);

#[derive(Argument)]
struct Note {
    name: String,
}

#[derive(Argument)]
enum Which {
    Last,
    Named(String),
}

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn newtype(&self, note: Name) {
        drop(note);
    }

    #[expose(read_only)]
    async fn structure(&self, note: Note) {
        drop(note);
    }

    #[expose(read_only)]
    async fn enumeration(&self, note: Which) {
        drop(note);
    }
}

fn main() {}
