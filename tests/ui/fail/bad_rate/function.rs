use doorman::prelude::*;

#[expose(read_only, public, rate = "5/fortnight")]
async fn number_0() {}

#[expose(read_only, public, rate = "5/min global")]
async fn number_1() {}

#[expose(read_only, public, rate = "0/s")]
async fn number_2() {}

#[expose(read_only, public, rate = "5")]
async fn number_3() {}

fn main() {}
