use doorman::prelude::*;

fn main() {
    let _ = Call { cancelled: Default::default() };
    let _ = Call::default();
}
