use doorman::prelude::*;

#[expose(read_only, public, rate = "5/min", rate = "6/min", read_only)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
