use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(resource = "/{id}", read_only)]
    fn note(&self, id: String) -> String {
        id
    }

    #[expose(resource = "/{key}", read_only)]
    fn other(&self, key: String) -> String {
        key
    }

    // Of another kind, so the name is free.
    #[expose(prompt, read_only, name = "note")]
    fn ask(&self) -> String {
        String::new()
    }

    #[expose(prompt, read_only, name = "note")]
    fn ask_again(&self) -> String {
        String::new()
    }
}

fn main() {}
