//! What spans and metrics are exported with. Nothing here is global but the layer that `run` gives its own subscriber.

use std::{sync::Arc, thread, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider},
    trace::TracerProvider,
};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream},
    trace::SdkTracerProvider,
};
use prometheus::Registry;
#[cfg(feature = "http")]
use prometheus::{Encoder, TextEncoder};
use tokio::sync::oneshot;
use tracing_subscriber::{Layer, filter::filter_fn, registry};

use super::{
    Meters, TARGET, Telemetry,
    endpoint::Collector,
    environment::Environment,
    queue::{Queue, Waiting},
};
use crate::{credentials::Secret, redact::Knowledge};

/// How long the last spans and metrics may take when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How many series an instrument may have. Labels are bounded by what the application lists; this bounds that.
const SERIES: usize = 50_000;

/// What makes exported spans of a subscriber's, if there is a collector.
pub(crate) type SpanLayer = Option<Box<dyn Layer<registry::Registry> + Send + Sync>>;

/// What is exported, and how.
#[derive(Default)]
pub(crate) struct Exports {
    pub(crate) meters: Meters,
    /// For what is looked at when somebody asks.
    meter: Option<Meter>,
    tracers: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    /// What Prometheus is shown.
    #[cfg(feature = "http")]
    shown: Option<Registry>,
    #[cfg(feature = "http")]
    knowledge: Knowledge,
    /// The collector's credentials.
    pub(crate) secrets: Vec<Secret>,
}

/// Whose process it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    /// Doorman's: `run`.
    Own,
    /// An application's that embeds it.
    Others,
}

impl Exports {
    /// As the application and the environment say. `service` is a name and a version.
    pub(crate) fn open(
        settings: &Telemetry,
        process: Process,
        service: (&str, &str),
        knowledge: &Knowledge,
    ) -> Result<(Self, SpanLayer), String> {
        let shows = settings.token.is_some() || settings.listen.is_some();
        if settings.meter.is_some() && shows {
            return Err("an application that counts with its own meter shows its metrics itself".to_owned());
        }
        let mut exports = Self::default();
        #[cfg(feature = "http")]
        exports.knowledge.clone_from(knowledge);
        if let Some(meter) = &settings.meter {
            exports.count_with(meter.clone());
        }
        let exporting = process == Process::Own || settings.otlp;
        let environment = exporting.then(Environment::read).transpose()?;
        let traces = process == Process::Own && environment.as_ref().is_some_and(|it| it.traces);
        let metrics = settings.meter.is_none() && environment.as_ref().is_some_and(|it| it.metrics);
        if !traces && !metrics && !shows {
            return Ok((exports, None));
        }
        let resource = resource(service, environment.as_ref().is_some_and(|it| it.names_service));
        let waiting = Arc::new(Waiting::default());
        let collector = match &environment {
            Some(environment) if traces || metrics => {
                exports.secrets.clone_from(&environment.secrets);
                Some(Collector::new(environment.patience, Arc::clone(&waiting))?)
            }
            _ => None,
        };
        if metrics || shows {
            let (provider, shown) = meters(collector.clone().filter(|_| metrics), shows, resource.clone())?;
            exports.count_with(provider.meter("doorman"));
            exports.metrics = Some(provider);
            #[cfg(feature = "http")]
            exports.shown.clone_from(&shown);
            #[cfg(not(feature = "http"))]
            drop(shown);
        }
        if let (Some(meter), Some(collector)) = (&exports.meter, &collector) {
            observe(meter, collector.clone(), &waiting);
        }
        let mut layer = None;
        if let Some(collector) = collector.filter(|_| traces) {
            let exporter = SpanExporter::builder().with_http().with_http_client(collector).build();
            let exporter = exporter.map_err(|_| "spans can't be exported as OTEL_EXPORTER_OTLP_* say")?;
            let queue = Queue::new(exporter, waiting, knowledge.clone());
            let tracers = SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
            layer = Some(span_layer(&tracers, settings.spans_of.clone()));
            exports.tracers = Some(tracers);
        }
        Ok((exports, layer))
    }

    fn count_with(&mut self, meter: Meter) {
        (self.meters, self.meter) = (Meters::of(&meter), Some(meter));
    }

    /// What counts, if anything does, for what is looked at when somebody asks.
    pub(crate) fn meter(&self) -> Option<&Meter> {
        self.meter.as_ref()
    }

    #[cfg(feature = "http")]
    /// All metrics in Prometheus' text format, without credentials.
    pub(crate) fn page(&self) -> Option<String> {
        let families = self.shown.as_ref()?.gather();
        let mut page = Vec::new();
        TextEncoder::new().encode(&families, &mut page).ok()?;
        let page = String::from_utf8(page).ok()?;
        Some(self.knowledge.without(&page).unwrap_or(page))
    }

    /// Sends what waits, for as long as that may take.
    pub(crate) async fn finish(&self) {
        let (tracers, metrics) = (self.tracers.clone(), self.metrics.clone());
        let last = [
            tracers.map(|it| on_thread(move || drop(it.shutdown_with_timeout(LAST_WORDS)))),
            metrics.map(|it| on_thread(move || drop(it.shutdown_with_timeout(LAST_WORDS)))),
        ];
        let last = futures::future::join_all(last.into_iter().flatten());
        drop(tokio::time::timeout(LAST_WORDS, last).await);
    }
}

/// Runs what waits where nobody waits for it: a thread of the runtime's would keep the process from ending.
fn on_thread(work: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
    let (done, told) = oneshot::channel();
    let begun = thread::Builder::new().name("telemetry".into()).spawn(move || {
        work();
        let _ = done.send(());
    });
    // Without a thread there are no last words.
    drop(begun);
    told
}

/// Which process this is.
fn resource((name, version): (&str, &str), named: bool) -> Resource {
    let mut id = [0; 16];
    let _ = aws_lc_rs::rand::fill(&mut id);
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", version.to_owned()))
        .with_attribute(KeyValue::new("service.instance.id", id));
    if named { resource } else { resource.with_service_name(name.to_owned()) }.build()
}

/// What counts, and who reads it: a collector, Prometheus, or both.
fn meters(
    collector: Option<Collector>,
    shows: bool,
    resource: Resource,
) -> Result<(SdkMeterProvider, Option<Registry>), String> {
    let bounded = |_: &Instrument| Stream::builder().with_cardinality_limit(SERIES).build().ok();
    let mut provider = SdkMeterProvider::builder().with_resource(resource).with_view(bounded);
    if let Some(collector) = collector {
        let exporter = MetricExporter::builder().with_http().with_http_client(collector).build();
        let exporter = exporter.map_err(|_| "metrics can't be exported as OTEL_EXPORTER_OTLP_* say")?;
        provider = provider.with_reader(PeriodicReader::builder(exporter).build());
    }
    let mut shown = None;
    if shows {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone()).scope_info_enabled(false);
        provider = provider.with_reader(reader.build().map_err(|_| "metrics can't be shown")?);
        shown = Some(registry);
    }
    Ok((provider.build(), shown))
}

/// How exporting itself is.
fn observe(meter: &Meter, collector: Collector, waiting: &Arc<Waiting>) {
    let (queued, lost) = (Arc::clone(waiting), Arc::clone(waiting));
    meter
        .u64_observable_gauge("doorman.telemetry.queue")
        .with_description("Spans that wait for the collector")
        .with_callback(move |it| it.observe(queued.spans() as u64, &[]))
        .build();
    meter
        .u64_observable_counter("doorman.telemetry.lost")
        .with_description("Spans that no collector took, or for which there was no room")
        .with_callback(move |it| it.observe(lost.lost(), &[]))
        .build();
    meter
        .u64_observable_gauge("doorman.telemetry.up")
        .with_description("Whether the collector answered last")
        .with_callback(move |it| it.observe(u64::from(collector.answers()), &[]))
        .build();
}

/// Only spans of calls, and of what the application names. No log lines: they may hold anything; and none of rmcp's spans,
/// which hold arguments (S20).
fn span_layer(tracers: &SdkTracerProvider, of: Vec<String>) -> Box<dyn Layer<registry::Registry> + Send + Sync> {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer("doorman"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    let beneath = |target: &str, of: &String| {
        target.strip_prefix(&**of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let filter = filter_fn(move |it| {
        let target = it.target();
        it.is_span() && (target == TARGET || of.iter().any(|of| beneath(target, of)) && !target.starts_with("rmcp"))
    });
    layer.with_filter(filter).boxed()
}
