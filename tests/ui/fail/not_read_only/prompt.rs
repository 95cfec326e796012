use doorman::prelude::*;

#[expose(prompt, destructive, public)]
fn review(language: String) -> String {
    language
}

#[expose(prompt, public)]
fn other(language: String) -> String {
    language
}

fn main() {}
