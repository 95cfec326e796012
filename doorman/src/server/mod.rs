//! The wire: the builder that puts an application together, MCP over stdio and HTTP, and the command line. An
//! application's tools, modules and settings go in; what comes out serves real clients and lets nobody past the guard.

mod answers;
mod app;
mod arrival;
mod audit;
mod builder;
mod callers;
mod checked;
mod cli;
mod client;
mod door;
mod error;
mod generation;
mod handler;
#[cfg(feature = "http")]
mod http;
mod inspect;
mod launch;
mod listeners;
mod log;
mod modules;
#[cfg(feature = "telemetry")]
mod observed;
mod pages;
mod policy;
mod publish;
mod redact;
mod reload;
mod scan;
#[cfg(feature = "http")]
mod seen;
mod status;
mod stdio;
mod verifying;
mod watch;

#[cfg(any(test, fuzzing))]
pub(crate) use scan::{Code as ScanCode, ScanLimits, scan};

pub use app::App;
pub use builder::Doorman;
pub use error::Error;
#[cfg(feature = "http")]
pub use http::Refusals;
