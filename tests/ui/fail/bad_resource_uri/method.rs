use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(resource = "notes://{id}", read_only)]
    fn note(&self, id: String) -> String {
        id
    }
}

fn main() {}
