use doorman::prelude::*;

#[expose(read_only, write, rate = "5/fortnight", scopes = ["no pe"], colour = 3)]
async fn list(id: &str, #[arg(range = 1..3)] limit: u32, claims: Claims) -> Untold {
    let limit: u32 = "no";
    Untold
}

struct Claims;
struct Untold;

fn main() {}
