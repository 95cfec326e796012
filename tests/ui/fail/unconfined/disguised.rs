use doorman::prelude::*;

use doorman::scope::Namespace;

type Path = String;

struct Notes {
    scope: Namespace,
}

#[tool_module(scope = Namespace)]
impl Notes {
    fn scope(&self) -> &Namespace {
        &self.scope
    }

    #[expose(read_only)]
    async fn alias(&self, note: Path) {
        drop(note);
    }

    #[expose(read_only)]
    async fn in_an_option(&self, note: Option<String>) {
        drop(note);
    }

    #[expose(read_only)]
    async fn in_a_list(&self, note: Vec<String>) {
        drop(note);
    }

    #[expose(read_only)]
    async fn in_a_map(&self, note: std::collections::BTreeMap<String, bool>) {
        drop(note);
    }

    #[expose(read_only)]
    async fn in_a_tuple(&self, note: (u32, String)) {
        drop(note);
    }

    #[expose(read_only)]
    async fn json(&self, note: serde_json::Value) {
        drop(note);
    }

    #[expose(read_only)]
    async fn path(&self, note: std::path::PathBuf) {
        drop(note);
    }

    #[expose(read_only)]
    async fn bytes(&self, note: Vec<u8>) {
        drop(note);
    }

    #[expose(read_only)]
    async fn character(&self, note: char) {
        drop(note);
    }
}

fn main() {}
