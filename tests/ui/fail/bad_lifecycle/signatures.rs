use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    fn start(&self) {}

    async fn stop(self) {}

    fn configure(config: u32) -> Self {
        let _ = config;
        Self
    }

    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
