use doorman::prelude::*;

#[derive(Argument)]
struct Page {
    #[arg(default = "one")]
    from: u32,
    #[arg(default)]
    order: Order,
    #[serde(default = 3)]
    length: u32,
}

#[derive(Argument)]
enum Order {
    Up,
    Down,
}

#[expose(read_only, public)]
async fn list(page: Page) -> u32 {
    page.from
}

fn main() {}
