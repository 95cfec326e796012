use doorman::prelude::*;

#[derive(Argument)]
struct Tenant {
    id: String,
}

impl FromCall for Tenant {
    fn from_call(_: &Call) -> ToolResult<Self> {
        Ok(Self { id: String::new() })
    }
}

fn main() {}
