use doorman::prelude::*;

#[expose(read_only, public, rates = "5/min", colour = 3, timeuot = "3s")]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
