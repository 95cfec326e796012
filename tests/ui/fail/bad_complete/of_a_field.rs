use doorman::prelude::*;

#[derive(Argument)]
struct Filter {
    #[arg(complete = ["rust", "python"])]
    language: String,
}

fn main() {}
