use doorman::prelude::*;

#[derive(Argument, Serialize)]
struct Filter {
    name: String,
}

#[expose(read_only, public)]
async fn list(#[arg(default)] filter: Filter) -> String {
    filter.name
}

fn main() {}
