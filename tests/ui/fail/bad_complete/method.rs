use doorman::prelude::*;

struct Notes;

#[tool_module(unscoped)]
impl Notes {
    #[expose(resource = "/{id}/{page}", read_only)]
    fn note(&self, #[arg(complete = Self::ids)] id: String, #[arg(complete = Self::pages)] page: String) -> String {
        id + &page
    }

    async fn pages(&self, _partial: Partial, _call: Call) -> Vec<u32> {
        Vec::new()
    }
}

fn main() {}
