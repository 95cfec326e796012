use doorman::prelude::*;

struct Db;

#[derive(Argument)]
enum Request {
    All,
    One(State<Db>),
    Mine { who: Option<Caller> },
}

fn main() {}
