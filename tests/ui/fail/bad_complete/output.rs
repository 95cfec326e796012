use doorman::prelude::*;

async fn languages(_partial: Partial, _call: Call) -> Vec<u32> {
    Vec::new()
}

async fn countries(_partial: Partial, _call: Call) -> Result<Vec<String>, String> {
    Err(String::new())
}

fn places(_partial: Partial, _call: Call) -> Vec<String> {
    Vec::new()
}

#[expose(prompt, read_only, public)]
fn review(
    #[arg(complete = languages)] language: String,
    #[arg(complete = self::countries)] country: String,
    #[arg(complete = places)] place: String,
) -> String {
    language + &country + &place
}

fn main() {}
