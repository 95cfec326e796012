use doorman::prelude::*;

#[expose(resource = "notes://{who}", read_only, public)]
fn note(who: Caller) -> String {
    format!("{who:?}")
}

fn main() {}
