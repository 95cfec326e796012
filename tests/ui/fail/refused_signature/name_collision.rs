use doorman::prelude::*;

#[allow(non_camel_case_types)]
struct taken {
    id: String,
}

#[expose(read_only, public)]
async fn taken() {}

fn main() {}
