//! The rows of the table, one file for each of the questions.

pub(crate) mod asking;
pub(crate) mod audit;
pub(crate) mod compile;
pub(crate) mod guard;
pub(crate) mod http;
#[cfg(feature = "oauth")]
pub(crate) mod identity;
pub(crate) mod listing;
pub(crate) mod memory;
pub(crate) mod redaction;
pub(crate) mod start;
pub(crate) mod state;
#[cfg(feature = "telemetry")]
pub(crate) mod telemetry;
