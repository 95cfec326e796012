use doorman::prelude::*;

#[expose(read_only, destructive, public)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
