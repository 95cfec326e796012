use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(write)]
    async fn change(&mut self) {}

    #[expose(write)]
    async fn consume(self) {}

    #[expose(write)]
    async fn share(self: std::sync::Arc<Self>) {}
}

fn main() {}
