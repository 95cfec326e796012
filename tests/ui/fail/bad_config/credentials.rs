use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped, credentials = ["token", "Token", "token"])]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
