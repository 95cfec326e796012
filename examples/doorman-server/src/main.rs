//! The reference server: serves agents from manifests, with the built-in modules.

mod demo;

use std::process::ExitCode;

use doorman::{
    Doorman,
    modules::{Filesystem, Sqlite},
};

#[tokio::main]
async fn main() -> ExitCode {
    Doorman::new("doorman-server")
        .version(env!("CARGO_PKG_VERSION"))
        .module_type::<Filesystem>()
        .module_type::<Sqlite>()
        .command("demo", "Show what agents see and can do, in a temporary folder", demo::run)
        .main()
        .await
}
