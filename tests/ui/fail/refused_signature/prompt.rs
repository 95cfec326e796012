use doorman::prelude::*;

#[expose(prompt, read_only, public)]
unsafe fn review<T>(language: &str) -> String {
    language.to_owned()
}

fn main() {}
