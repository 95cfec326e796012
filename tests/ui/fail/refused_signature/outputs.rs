use doorman::prelude::*;

#[expose(read_only, public)]
fn later() -> impl Future<Output = String> {
    async { String::new() }
}

#[expose(read_only, public)]
async fn shown() -> impl std::fmt::Display {
    3
}

fn main() {}
