use doorman::prelude::*;

#[expose(read_only, public)]
fn list() -> u32 {
    3
}

#[expose(resource = "test://logo", read_only, public)]
fn logo() -> String {
    String::new()
}

#[expose(prompt, read_only, public)]
fn review() -> String {
    String::new()
}

fn main() {
    let _ = tools![list, review];
    let _ = resources![logo, list];
    let _ = prompts![logo, review];
}
