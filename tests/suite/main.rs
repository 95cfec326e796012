//! All tests that need more than one unit: one binary, because link time is everybody's time.
//!
//! Wire tests are named after the invariants they hold: `s06_…` is S06.

mod arguments;
mod asking;
mod audit;
mod discoverable;
mod exposure;
mod faults;
mod filters;
mod harness;
mod http;
mod identity;
mod knowledge;
mod launch;
mod limits;
mod long;
mod macros;
mod messages;
mod modules;
mod oauth;
mod redaction;
mod reference;
mod reload;
mod resources;
mod secrets;
mod sessions;
mod state;
mod telemetry;
mod ui;
mod verifier;
