use doorman::prelude::*;

struct Notes;

#[tool_module(name = "notes")]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
