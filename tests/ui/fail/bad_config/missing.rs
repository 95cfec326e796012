use doorman::prelude::*;

struct Notes;

#[derive(Argument)]
struct Settings {
    path: String,
}

#[tool_module(unscoped, config = Settings)]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
