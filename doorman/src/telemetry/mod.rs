//! What those who look after a server see of it: a span for each request that reaches the guard, and metrics. Neither says
//! what a caller says: no arguments, no results, no names that the application hasn't given.
//!
//! A request comes in as `Opened` and goes out as `Closed`: what its span says (`span`), and what is counted of it (`calls`).
//! `export` sends both to a collector where the environment (`environment`) names one, and shows the metrics to Prometheus;
//! `queue` holds what waits and takes credentials out of it (S18), `endpoint` is the way to the collector. Without the feature
//! `telemetry` a span is one for `tracing` alone, and nothing is counted (`off`).
//!
//! ```no_run
//! # async fn run() -> doorman::Result {
//! use doorman::{Doorman, telemetry::Telemetry};
//!
//! // OTEL_EXPORTER_OTLP_ENDPOINT says where spans and metrics go; Prometheus asks with a token of its own.
//! let telemetry = Telemetry::new().metrics_token_file("metrics.token");
//! Doorman::new("billing").telemetry(telemetry).run().await
//! # }
//! ```

#[cfg(feature = "telemetry")]
mod calls;
#[cfg(feature = "telemetry")]
mod endpoint;
#[cfg(feature = "telemetry")]
mod environment;
#[cfg(feature = "telemetry")]
mod export;
#[cfg(not(feature = "telemetry"))]
mod off;
#[cfg(feature = "telemetry")]
mod queue;
#[cfg(feature = "telemetry")]
mod settings;
mod span;
#[cfg(all(test, feature = "http", feature = "telemetry"))]
mod tests;

use std::time::Duration;

use crate::{
    audit::{SessionTag, Transport, Verdict},
    call::Trace,
    exposure::Capability,
    identity::Principal,
};

#[cfg(feature = "telemetry")]
pub(crate) use calls::{Meters, Series};
#[cfg(feature = "telemetry")]
pub(crate) use export::{Exports, Process, SpanLayer};
#[cfg(not(feature = "telemetry"))]
pub(crate) use off::{Exports, Meters, Process, Series, SpanLayer, Telemetry};
#[cfg(feature = "telemetry")]
pub use opentelemetry;
#[cfg(feature = "telemetry")]
pub use settings::Telemetry;
pub(crate) use span::{CallSpan, TARGET};

/// What is known of a request when it comes.
pub(crate) struct Opened<'a> {
    pub(crate) method: &'static str,
    pub(crate) transport: Transport,
    pub(crate) session: Option<SessionTag>,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) principal: &'a Principal,
    pub(crate) trace: &'a Trace,
}

/// How a request ended.
#[cfg_attr(not(feature = "telemetry"), expect(dead_code, reason = "nothing is counted"))]
pub(crate) struct Closed<'a> {
    pub(crate) method: &'static str,
    pub(crate) transport: Transport,
    /// What was called, if there is such a thing for the caller.
    pub(crate) capability: Option<&'a Capability>,
    /// The caller's, if a manifest is for it.
    pub(crate) agent_type: Option<&'a str>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: &'static str,
    pub(crate) duration: Duration,
    pub(crate) result_bytes: Option<u64>,
    /// How many values of each kind were masked.
    pub(crate) redactions: &'a [(&'static str, u64)],
}

impl Closed<'_> {
    /// `error.type`: what went wrong, in few words (semantic conventions for MCP). `None` where nothing did.
    fn error(&self) -> Option<&'static str> {
        match (self.verdict, self.reason) {
            (Verdict::Ok | Verdict::InputRequired, _) => None,
            // What the function itself says.
            (Verdict::Error | Verdict::Denied, "tool") => Some("tool_error"),
            (verdict, _) => Some(verdict.as_str()),
        }
    }
}
