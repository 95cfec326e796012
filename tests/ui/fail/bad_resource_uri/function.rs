use doorman::prelude::*;

#[expose(resource = "notes", read_only, public)]
fn no_scheme() -> String {
    String::new()
}

#[expose(resource = "notes://{owner}{id}", read_only, public)]
fn nothing_between(owner: String, id: String) -> String {
    owner + &id
}

#[expose(resource = "notes://{+path}/end", read_only, public)]
fn not_at_the_end(path: String) -> String {
    path
}

#[expose(resource = "notes://{id}/{id}", read_only, public)]
fn twice(id: String) -> String {
    id
}

#[expose(resource = notes, read_only, public)]
fn not_a_text(id: String) -> String {
    id
}

#[expose(resource, read_only, public)]
fn nothing_said() -> String {
    String::new()
}

fn main() {}
