use doorman::prelude::*;

#[expose(prompt, read_only, public)]
fn review(#[arg(complete = languages)] language: String) -> String {
    language
}

fn main() {}
