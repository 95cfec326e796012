use doorman::prelude::*;

#[derive(Argument)]
struct Request {
    id: String,
    who: Caller,
}

fn main() {}
