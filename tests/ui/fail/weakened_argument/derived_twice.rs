use doorman::prelude::*;

#[derive(Argument, Deserialize)]
struct Request {
    id: String,
}

fn main() {}
