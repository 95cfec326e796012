//! `doorman-server demo`: what agents see and can do, shown on the server itself.
//!
//! This executable is started as a server, once on stdio and once over HTTP, on the example manifests in a temporary
//! folder (`ground`, `server`), and called with a real MCP client (`caller`). Every line that is printed (`table`) has
//! been compared with what should have come, in the answer and in the audit log (`audit`); `story` and `databases` say
//! what that is.

mod audit;
mod caller;
mod databases;
mod ground;
mod server;
mod story;
mod table;

use futures::future::BoxFuture;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T = ()> = Result<T, Failure>;

/// Shows everything; an error if a line isn't what it should be.
pub(crate) fn run() -> BoxFuture<'static, doorman::Result> {
    Box::pin(async {
        // Whoever gives up waiting leaves no folder behind: the signal is waited for before there is one.
        let told = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
            told = story::tell() => told,
        };
        told.map_err(|failure| doorman::Error::Setting(format!("the demonstration failed: {failure}")))
    })
}
