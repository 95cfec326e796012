use doorman::prelude::*;

#[expose(read_only, public)]
async fn whoami(#[arg(range = 1..)] who: Caller) {
    drop(who);
}

#[expose(read_only, public)]
async fn again(#[arg(header = "X-Who")] who: Caller) {
    drop(who);
}

fn main() {}
