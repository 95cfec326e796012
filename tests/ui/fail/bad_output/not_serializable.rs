use doorman::prelude::*;

struct Untold;

#[expose(read_only, public)]
async fn plain() -> Untold {
    Untold
}

#[expose(read_only, public)]
async fn in_a_result() -> ToolResult<Vec<Untold>> {
    Ok(vec![Untold])
}

fn main() {}
