use doorman::prelude::*;

fn schema(id: &str) -> String {
    id.to_owned()
}

#[expose(read_only, public, schema = "schema")]
async fn by_text(id: String) -> String {
    id
}

#[expose(read_only, public, schema = schema)]
async fn of_another_type(id: String) -> String {
    id
}

fn main() {}
