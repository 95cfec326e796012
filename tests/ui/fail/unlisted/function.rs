#![deny(dead_code)]

use doorman::prelude::*;

#[expose(read_only, public)]
async fn never_listed() {}

#[expose(read_only, public)]
async fn listed() {}

fn main() {
    let _ = tools![listed];
}
