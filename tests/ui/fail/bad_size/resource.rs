use doorman::prelude::*;

#[expose(resource = "test://logo", read_only, public, size = "70B")]
fn logo() -> String {
    String::new()
}

#[expose(resource = "test://large", read_only, public, size = 18446744073709551616)]
fn large() -> String {
    String::new()
}

#[expose(resource = "notes://{id}", read_only, public, size = 70)]
fn note(id: String) -> String {
    id
}

fn main() {}
