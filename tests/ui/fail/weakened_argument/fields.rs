use doorman::prelude::*;

struct Foreign;

#[derive(Deserialize, JsonSchema)]
struct Lenient {
    value: u32,
}

#[derive(Argument)]
struct Request {
    foreign: Foreign,
    lenient: Vec<Lenient>,
    #[arg(serde)]
    marked: Foreign,
    #[arg(range = 1..9)]
    limit: u32,
}

fn main() {}
