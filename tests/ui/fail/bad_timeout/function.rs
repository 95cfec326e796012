use doorman::prelude::*;

#[expose(read_only, public, timeout = "30")]
async fn number_0() {}

#[expose(read_only, public, timeout = "0s")]
async fn number_1() {}

#[expose(read_only, public, timeout = "2days")]
async fn number_2() {}

fn main() {}
