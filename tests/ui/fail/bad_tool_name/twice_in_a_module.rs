use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }

    #[expose(read_only, name = "count")]
    async fn size(&self) -> u32 {
        3
    }
}

fn main() {}
