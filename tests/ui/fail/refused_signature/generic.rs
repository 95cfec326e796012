use doorman::prelude::*;

#[expose(read_only, public)]
async fn list<T: Send>(limit: T) {
    drop(limit);
}

#[expose(read_only, public)]
async fn find<'a>(text: std::borrow::Cow<'a, str>) {
    drop(text);
}

#[expose(read_only, public)]
async fn count(limit: u32) -> u32
where
    u32: Copy,
{
    limit
}

fn main() {}
