use doorman::prelude::*;

#[expose(read_only, scopes = ["invoices:read", "invoices write", "invoices:*"])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
