use doorman::prelude::*;

struct Untold;

#[expose(resource = "test://plain", read_only, public)]
async fn plain() -> Untold {
    Untold
}

#[expose(resource = "test://result", read_only, public)]
fn in_a_result() -> ToolResult<Untold> {
    Ok(Untold)
}

fn main() {}
