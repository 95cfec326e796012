use doorman::prelude::*;

#[tool_module(unscoped)]
struct Notes;

trait Count {
    fn count(&self) -> u32;
}

struct Books;

#[tool_module(unscoped)]
impl Count for Books {
    #[expose(read_only)]
    fn count(&self) -> u32 {
        3
    }
}

struct Shelf<T>(T);

#[tool_module(unscoped)]
impl<T> Shelf<T> {
    #[expose(read_only)]
    async fn count(&self) -> u32 {
        3
    }
}

fn main() {}
