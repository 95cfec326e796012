use doorman::prelude::*;

#[expose(read_only, public)]
async fn list(#[arg(default = "twenty")] limit: u32) -> String {
    limit.to_string()
}

fn main() {}
