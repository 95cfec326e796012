use doorman::prelude::*;

#[derive(Argument)]
struct Unit;

#[derive(Argument)]
struct Pair(u32, u32);

#[derive(Argument)]
enum Never {}

#[derive(Argument)]
enum Which {
    Pair(u32, u32),
}

#[derive(Argument)]
struct Generic<T> {
    value: T,
}

#[derive(Argument)]
union Bits {
    low: u32,
    high: u32,
}

fn main() {}
