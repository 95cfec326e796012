use doorman::prelude::*;

async fn helper() {}

#[expose(read_only, public)]
async fn listed() {}

fn main() {
    let _ = tools![listed, helper, absent];
}
