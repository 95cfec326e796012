use doorman::prelude::*;

#[expose(read_only, public, name = "get invoice")]
async fn get_invoice(id: String) -> String {
    id
}

#[expose(read_only, public)]
async fn größe() {}

#[expose(read_only, public)]
async fn str() -> &'static str {
    "text"
}

fn main() {}
