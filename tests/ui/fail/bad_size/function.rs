use doorman::prelude::*;

#[expose(read_only, public, max_result = "64K")]
async fn number_0() {}

#[expose(read_only, public, max_result = "0")]
async fn number_1() {}

#[expose(read_only, public, max_result = "2GiB")]
async fn number_2() {}

fn main() {}
