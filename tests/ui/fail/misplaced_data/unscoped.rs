use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(read_only)]
    async fn read(&self, #[data] note: String) {
        drop(note);
    }
}

fn main() {}
