use doorman::prelude::*;

#[expose(read_only, public, redact = ["*", "iban"], reveal = ["id_[0-9]"])]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
