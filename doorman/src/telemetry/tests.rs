//! An application that embeds doorman keeps what is global: its subscriber, its meter. And no page has a credential.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::{Context, KeyValue, metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::SdkMeterProvider,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use prometheus::Registry;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::{
    Doorman,
    audit::Sink,
    credentials::Secret,
    prelude::*,
    redact::{Knowledge, Redactor},
};

/// Adds one.
#[expose(read_only, public)]
async fn add_one(n: i64) -> i64 {
    n + 1
}

struct Nowhere;

impl Sink for Nowhere {
    fn write_line(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the spans of the application's own pipeline.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn app() -> Doorman {
    Doorman::dev("embedded").tools(tools![add_one]).audit(Nowhere)
}

#[tokio::test]
async fn an_application_keeps_its_own_subscriber_and_meter() {
    let (kept, registry) = (Kept::default(), Registry::new());
    let tracers = SdkTracerProvider::builder().with_span_processor(kept.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("own"));
    let _own = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();
    let app = app().telemetry(Telemetry::new().meter(meters.meter("own"))).start().await.unwrap();
    assert!(app.__call("add_one", json!({"n": 1})).await);
    assert!(!app.__call("add_one", json!({"n": "1"})).await);
    let spans = kept.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let names: Vec<_> = spans.iter().filter(|it| it.name.starts_with("tools/call")).map(|it| &*it.name).collect();
    assert_eq!(names, ["tools/call add_one"; 2]);
    let families = registry.gather();
    let calls = families.iter().find(|it| it.name() == "doorman_calls_total").unwrap();
    assert_eq!(calls.get_metric().len(), 2, "ok, and invalid");
    assert!(families.iter().any(|it| it.name() == "doorman_calls_running"));
    app.stop().await;
}

#[tokio::test]
async fn an_application_with_its_own_meter_has_no_page() {
    let meters = SdkMeterProvider::default();
    let telemetry = Telemetry::new().meter(meters.meter("own")).metrics_token_file("token");
    let refused = app().telemetry(telemetry).start().await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("its own meter"), "{refused}");
}

#[tokio::test]
async fn s18_no_page_has_a_credential() {
    let knowledge = Knowledge::default();
    let telemetry = Telemetry { token: Some("token".into()), ..Telemetry::new() };
    let (exports, _) = Exports::open(&telemetry, Process::Others, ("a", "1"), &knowledge).unwrap();
    let counter = exports.meter().unwrap().u64_counter("own.things").build();
    counter.add(1, &[KeyValue::new("thing", "s3cr3t-thing")]);
    assert!(exports.page().unwrap().contains("s3cr3t-thing"));
    let redactor = Redactor::builder().secret(&Secret::new("s3cr3t-thing")).build().unwrap();
    knowledge.knows(Arc::new(redactor));
    let page = exports.page().unwrap();
    assert!(page.contains("own_things_total") && !page.contains("s3cr3t-thing"), "{page}");
}
