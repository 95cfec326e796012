use doorman::prelude::*;

#[expose(prompt, read_only, public)]
fn review(#[arg(header = "X-Language")] language: String) -> String {
    language
}

fn main() {}
