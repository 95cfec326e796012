use doorman::prelude::*;

#[expose(read_only, public)]
async fn list(
    #[arg(range = 1..100)] exclusive: u32,
    #[arg(range = ..)] open: u32,
    #[arg(range = 9..=1)] empty: u32,
    #[arg(range = "1-9")] text: u32,
    #[arg(range = LOW..=9)] named: u32,
    #[arg(range = 0..=99999999999999999)] inexact: u64,
) -> String {
    format!("{exclusive}{open}{empty}{text}{named}{inexact}")
}

const LOW: u32 = 1;

fn main() {}
