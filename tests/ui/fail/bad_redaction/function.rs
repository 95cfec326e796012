use doorman::prelude::*;

#[expose(read_only, public, redact_patterns = ["", 3], detect = ["email", "ip"])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
