//! What an application says of its telemetry.

use std::path::PathBuf;

use opentelemetry::metrics::Meter;

/// What an application says of its telemetry, for [`Doorman::telemetry`](crate::Doorman::telemetry).
///
/// [`run`](crate::Doorman::run) owns its process: where the standard environment (`OTEL_EXPORTER_OTLP_ENDPOINT`) names a
/// collector, spans and metrics go there. An application that embeds doorman owns what is global, so
/// [`start`](crate::Doorman::start) and `into_router` export nothing unless told: the spans (`tracing`, target
/// `doorman::call`) go where its own subscriber sends them, and metrics to its [`meter`](Self::meter).
///
/// ```no_run
/// use doorman::{Doorman, telemetry::Telemetry};
///
/// let app = Doorman::new("billing").telemetry(Telemetry::new().spans_of("billing"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Telemetry {
    pub(super) otlp: bool,
    pub(super) spans_of: Vec<String>,
    pub(super) meter: Option<Meter>,
    pub(crate) token: Option<PathBuf>,
    pub(crate) listen: Option<std::net::SocketAddr>,
}

impl Telemetry {
    /// Nothing but what the environment says, and that only for [`run`](crate::Doorman::run).
    pub fn new() -> Self {
        Self::default()
    }

    /// Exports metrics by OTLP as the environment says, also for an application that is started without `run`.
    pub fn otlp(mut self) -> Self {
        self.otlp = true;
        self
    }

    /// Exports the application's own spans, too, if they are under this target: `"billing"` is all of the crate `billing`.
    /// Their fields are the application's to answer for: credentials that doorman knows are taken out, nothing else is.
    /// For `run`.
    pub fn spans_of(mut self, target: impl Into<String>) -> Self {
        self.spans_of.push(target.into());
        self
    }

    /// Counts with the application's own meter, instead of exporting metrics.
    pub fn meter(mut self, meter: Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// What the command line says goes before.
    #[cfg(feature = "http")]
    pub(crate) fn say(&mut self, token: Option<PathBuf>, listen: Option<std::net::SocketAddr>) {
        self.token = token.or(self.token.take());
        self.listen = listen.or(self.listen);
    }

    /// Serves metrics to Prometheus at `/metrics`, beside the MCP endpoint, to whoever bears the token in this file. It must
    /// be 0600, and the token no caller's. `--metrics-token-file` goes before.
    #[cfg(feature = "http")]
    pub fn metrics_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token = Some(path.into());
        self
    }

    /// Serves metrics to Prometheus at `/metrics` on an address of this machine instead, to everybody on it, unless there is
    /// a token file. For `run`; `--metrics` goes before.
    #[cfg(feature = "http")]
    pub fn metrics_on(mut self, address: std::net::SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }
}
