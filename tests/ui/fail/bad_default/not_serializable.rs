use doorman::prelude::*;

#[derive(Argument, Default)]
struct Filter {
    name: String,
}

#[expose(read_only, public)]
async fn list(
    #[arg(default = Filter { name: "x".into() })] first: Filter,
    #[arg(default)] second: Filter,
) -> String {
    first.name + &second.name
}

fn main() {}
