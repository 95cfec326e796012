use doorman::prelude::*;

#[expose(read_only, public, breaker = "5/min")]
async fn number_0() {}

#[expose(read_only, public, breaker = "0 in 1min")]
async fn number_1() {}

fn main() {}
