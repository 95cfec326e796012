use doorman::prelude::*;

#[expose(read_only, public)]
struct Invoice {
    id: String,
}

fn main() {}
