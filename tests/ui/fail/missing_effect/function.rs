use doorman::prelude::*;

#[expose(scopes = ["invoices:read"])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
