use doorman::prelude::*;

#[expose(read_only, scopes = ["invoices:read"], public)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
