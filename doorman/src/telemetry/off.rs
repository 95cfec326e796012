//! Without the feature `telemetry`: nothing is counted, nothing exported.

use tracing_subscriber::{Layer, registry::Registry};

use super::Closed;
use crate::{audit::Transport, credentials::Secret, redact::Knowledge};

/// Says nothing.
#[derive(Clone, Default)]
pub(crate) struct Telemetry;

/// Whose process it is.
#[derive(Clone, Copy)]
pub(crate) enum Process {
    Own,
    Others,
}

/// Makes nothing of spans.
pub(crate) type SpanLayer = Option<Box<dyn Layer<Registry> + Send + Sync>>;

/// Exports nothing.
#[derive(Default)]
pub(crate) struct Exports {
    pub(crate) meters: Meters,
    pub(crate) secrets: Vec<Secret>,
}

impl Exports {
    pub(crate) fn open(_: &Telemetry, _: Process, _: (&str, &str), _: &Knowledge) -> Result<(Self, SpanLayer), String> {
        Ok((Self::default(), None))
    }

    pub(crate) async fn finish(&self) {}
}

/// Counts nothing.
#[derive(Clone, Default)]
pub(crate) struct Meters;

impl Meters {
    pub(crate) fn count(&self) -> bool {
        false
    }

    pub(crate) fn rejected(&self, _: &'static str, _: Transport) {}
}

/// Counts nothing.
#[derive(Default)]
pub(crate) struct Series;

impl Series {
    pub(crate) fn count(&self, _: &Meters, _: usize, _: &Closed<'_>) {}
}
