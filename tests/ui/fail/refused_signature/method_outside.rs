use doorman::prelude::*;

struct Notes;

impl Notes {
    #[expose(read_only, public)]
    async fn count(&self, limit: u32) -> u32 {
        limit
    }
}

fn main() {}
