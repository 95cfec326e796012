use doorman::prelude::*;

struct Notes {
    text: String,
}

#[tool_module(scope = String)]
impl Notes {
    fn scope(&self) -> &String {
        &self.text
    }

    #[expose(read_only)]
    async fn read(&self, on: bool) -> bool {
        on
    }
}

fn main() {}
