use doorman::prelude::*;

#[derive(Argument)]
struct Page {
    from: u32,
}

#[expose(read_only, public)]
async fn list(text: &str, n: impl Into<u32>, Page { from }: Page, _: bool, o: Option<&'static str>) -> String {
    format!("{text}{}{from}{o:?}", n.into())
}

#[expose(read_only, public)]
async fn count(#[cfg(unix)] limit: u32, #[data] other: u32) -> u32 {
    limit + other
}

fn main() {}
