use doorman::prelude::*;

#[expose(read_only = true, public = "yes", idempotent = 1, open_world("x"))]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
