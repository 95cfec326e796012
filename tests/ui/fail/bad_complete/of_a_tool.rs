use doorman::prelude::*;

#[expose(read_only, public)]
fn list(#[arg(complete = ["rust", "python"])] language: String) -> String {
    language
}

fn main() {}
