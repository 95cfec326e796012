use doorman::prelude::*;

#[expose(read_only, public)]
async fn list(
    #[arg(length = -1..=5)] negative: String,
    #[arg(length = 1.5..)] fraction: String,
    #[arg(length = 64)] number: String,
    #[arg(pattern = 5)] pattern: String,
    #[arg(header = "X Tenant")] header: String,
) -> String {
    format!("{negative}{fraction}{number}{pattern}{header}")
}

fn main() {}
