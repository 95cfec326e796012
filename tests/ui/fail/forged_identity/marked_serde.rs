use doorman::prelude::*;

#[expose(read_only, public)]
async fn whoami(#[arg(serde)] who: Caller) {
    drop(who);
}

fn main() {}
