use doorman::prelude::*;

async fn languages(_partial: Partial) -> Vec<String> {
    Vec::new()
}

async fn countries(_partial: String, _call: Call) -> Vec<String> {
    Vec::new()
}

#[expose(prompt, read_only, public)]
fn review(#[arg(complete = languages)] language: String, #[arg(complete = countries)] country: String) -> String {
    language + &country
}

fn main() {}
