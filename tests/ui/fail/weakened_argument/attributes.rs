use doorman::prelude::*;

#[derive(Argument)]
#[serde(from = "String")]
struct Request {
    #[serde(flatten)]
    page: Page,
    #[serde(skip)]
    hidden: u32,
    #[serde(alias = "other")]
    named: u32,
    #[serde(deserialize_with = "read")]
    read: u32,
    #[schemars(with = "String")]
    shown: u32,
    #[arg(header = "X-Tenant")]
    tenant: u32,
    #[arg(default = 3)]
    #[serde(default)]
    twice: u32,
}

#[derive(Argument)]
struct Page {
    from: u32,
}

#[derive(Argument)]
#[serde(untagged)]
enum Either {
    Left { left: u32 },
    #[serde(other)]
    Right,
}

#[expose(read_only, public)]
async fn list(request: Request, either: Either) {
    drop((request.page.from, either));
}

fn main() {}
