use doorman::prelude::*;

#[expose(read_only, public)]
async fn list(#[arg(ranges = 1..=5)] limit: u32) -> String {
    limit.to_string()
}

fn main() {}
