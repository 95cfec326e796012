use doorman::prelude::*;

#[expose(read_only, public)]
async fn listed() {}

fn main() {
    let _ = tools![listed()];
}
