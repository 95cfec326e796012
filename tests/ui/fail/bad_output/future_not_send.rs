use doorman::prelude::*;

use std::rc::Rc;

#[expose(read_only, public)]
async fn list() -> u32 {
    let count = Rc::new(3);
    std::future::ready(()).await;
    *count
}

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        let count = Rc::new(3);
        std::future::ready(()).await;
        *count
    }
}

fn main() {}
