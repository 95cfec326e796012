use doorman::prelude::*;

#[expose(read_only, public, task = "always")]
fn list() -> String {
    String::new()
}

#[expose(read_only, public, task = true)]
fn count() -> u32 {
    3
}

fn main() {}
