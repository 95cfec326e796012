use doorman::prelude::*;

#[expose(resource = "notes://{id}/{page}", read_only, public)]
fn note(#[arg(default)] id: u32, #[arg(default = 3)] page: u32) -> String {
    format!("{id}{page}")
}

fn main() {}
