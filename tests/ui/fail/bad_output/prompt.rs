use doorman::prelude::*;

#[expose(prompt, read_only, public)]
async fn plain() -> u32 {
    3
}

#[expose(prompt, read_only, public)]
fn in_a_result() -> ToolResult<Vec<String>> {
    Ok(Vec::new())
}

fn main() {}
