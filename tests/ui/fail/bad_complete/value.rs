use doorman::prelude::*;

#[expose(prompt, read_only, public)]
fn nothing(#[arg(complete)] language: String) -> String {
    language
}

#[expose(prompt, read_only, public)]
fn text(#[arg(complete = "rust")] language: String) -> String {
    language
}

#[expose(prompt, read_only, public)]
fn numbers(#[arg(complete = ["rust", 3])] language: String) -> String {
    language
}

#[expose(prompt, read_only, public)]
fn empty(#[arg(complete = [])] language: String) -> String {
    language
}

fn main() {}
