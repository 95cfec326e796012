//! The wire: the builder that puts an application together, MCP over stdio and HTTP, and the command line. An
//! application's tools, modules and settings go in; what comes out serves real clients and lets nobody past the guard.

mod app;
mod audit;
mod builder;
mod callers;
mod checked;
mod cli;
mod error;
mod handler;
#[cfg(feature = "http")]
mod http;
mod inspect;
mod launch;
mod log;
mod modules;
mod scan;
mod status;
mod stdio;

pub use app::App;
pub use builder::Doorman;
pub use error::Error;
