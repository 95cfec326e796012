use doorman::prelude::*;

use std::collections::BTreeMap;

struct Db;
type Shared = State<Db>;

#[expose(read_only, public)]
async fn maybe(who: Option<Caller>) {
    drop(who);
}

#[expose(read_only, public)]
async fn several(who: Vec<Caller>) {
    drop(who);
}

#[expose(read_only, public)]
async fn aliased(db: Option<Shared>) {
    drop(db);
}

#[expose(read_only, public)]
async fn mapped(db: BTreeMap<String, State<Db>>) {
    drop(db);
}

fn main() {}
