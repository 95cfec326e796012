use doorman::prelude::*;

#[expose(read_only, public, cost = "25")]
async fn get_invoice(id: String) -> String {
    id
}

#[expose(read_only, public, cost = 0)]
async fn list() {}

#[expose(read_only, public, cost = 5_000_000_000)]
async fn count() {}

fn main() {}
