use doorman::prelude::*;

use doorman::identity::Agent;

struct Rows;

impl ResourceScope for Rows {
    type Raw = u64;
    type Resource = u64;

    fn resolve(&self, raw: &u64, _: &Agent) -> Result<u64, ScopeViolation> {
        Ok(*raw)
    }
}

struct Table {
    rows: Rows,
}

#[tool_module(scope = Rows)]
impl Table {
    fn scope(&self) -> &Rows {
        &self.rows
    }

    #[expose(read_only)]
    async fn row(&self, row: u64) -> u64 {
        row
    }

    #[expose(read_only)]
    async fn rows(&self, rows: Vec<u64>, limit: Option<u32>) -> u64 {
        rows.len() as u64 + u64::from(limit.unwrap_or(0))
    }
}

fn main() {}
