use doorman::prelude::*;

use doorman::scope::Namespace;

fn forge<T>() -> T {
    unimplemented!()
}

fn main() {
    let _: Scoped<Namespace> = Scoped(forge());
    let _: Scoped<Namespace> = serde_json::from_str("\"x\"").unwrap();
    let _: Scoped<Namespace> = "x".to_owned().into();
}
