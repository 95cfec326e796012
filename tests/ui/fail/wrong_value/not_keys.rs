use doorman::prelude::*;

#[expose(read_only, public, "name", 3)]
async fn list() {}

#[expose(read_only public rate = "5/min" cost = 3)]
async fn count() {}

#[expose(read_only, public)]
async fn page(#[arg] from: u32, #[arg(default)] #[arg(range = 1..)] to: u32) -> u32 {
    from + to
}

fn main() {}
