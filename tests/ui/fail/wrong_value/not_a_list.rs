use doorman::prelude::*;

#[expose(read_only, scopes = "invoices:read", redact = "email", reveal = ["id", 3])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
