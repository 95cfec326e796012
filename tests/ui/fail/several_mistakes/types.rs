use doorman::prelude::*;

struct Claims;
struct Untold;

#[expose(read_only, public)]
async fn list(claims: Claims, who: Option<Caller>) -> ToolResult<Untold> {
    drop((claims, who));
    Ok(Untold)
}

fn main() {}
