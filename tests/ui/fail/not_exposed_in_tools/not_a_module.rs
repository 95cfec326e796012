use doorman::prelude::*;

struct Notes;

fn main() {
    let _ = Doorman::new("notes").module(Notes);
}
