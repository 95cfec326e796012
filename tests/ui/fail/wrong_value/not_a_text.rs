use doorman::prelude::*;

#[expose(read_only, public, rate = 5, timeout = 30, max_result = 64, name = get, title)]
async fn get_invoice(id: String) -> String {
    id
}

fn main() {}
