use doorman::prelude::*;

#[expose(read_only, public)]
async unsafe fn one() {}

#[expose(read_only, public)]
const fn two() {}

#[expose(read_only, public)]
extern "C" fn three() {}

fn main() {}
