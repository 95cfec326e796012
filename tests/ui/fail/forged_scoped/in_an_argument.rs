use doorman::prelude::*;

use doorman::scope::Namespace;

#[derive(Argument)]
struct Request {
    note: Scoped<Namespace>,
    notes: Vec<Scoped<Namespace>>,
}

fn main() {}
