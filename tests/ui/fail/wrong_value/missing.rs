use doorman::prelude::*;

#[expose(read_only, public, rate =, schema)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
