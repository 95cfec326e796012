use doorman::prelude::*;

#[expose(read_only, public)]
#[rustfmt::skip]
async fn list(
    a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool, h: bool,
    i: bool, j: bool, k: bool, l: bool, m: bool, n: bool, o: bool, p: bool,
    q: bool,
) -> bool {
    a & b & c & d & e & f & g & h & i & j & k & l & m & n & o & p & q
}

fn main() {}
