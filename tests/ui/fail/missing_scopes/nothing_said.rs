use doorman::prelude::*;

#[expose]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
