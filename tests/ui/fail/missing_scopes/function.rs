use doorman::prelude::*;

#[expose(read_only)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
