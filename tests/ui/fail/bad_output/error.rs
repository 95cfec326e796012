use doorman::prelude::*;

#[expose(read_only, public)]
async fn list() -> Result<u32, String> {
    Ok(3)
}

#[expose(read_only, public)]
async fn text() -> Result<String, String> {
    Ok(String::new())
}

fn main() {}
