use doorman::prelude::*;

#[expose(read_only, scopes = [])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
