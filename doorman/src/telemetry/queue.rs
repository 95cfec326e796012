//! What spans pass on their way out: a queue that is full takes none, and counts it; and no credential leaves (S18).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, KeyValue, Value, trace::Status};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

use crate::redact::Knowledge;

/// How many spans wait.
const MOST: usize = 2048;

/// How many spans wait, and how many were lost.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    spans: AtomicUsize,
    lost: AtomicU64,
}

impl Waiting {
    pub(super) fn spans(&self) -> usize {
        self.spans.load(Ordering::Relaxed)
    }

    /// Spans for which there was no room, or that no collector took.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// A queue that never waits: a collector that is slow, or hangs, costs no call anything (S24).
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    waiting: Arc<Waiting>,
}

impl Queue {
    pub(super) fn new<E: SpanExporter + 'static>(exporter: E, waiting: Arc<Waiting>, knowledge: Knowledge) -> Self {
        let exporter = Outgoing { exporter, waiting: Arc::clone(&waiting), knowledge };
        let config = BatchConfigBuilder::default().with_max_queue_size(MOST).build();
        Self { batches: BatchSpanProcessor::builder(exporter).with_batch_config(config).build(), waiting }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        // As many as the queue behind has room for, so that none is lost uncounted.
        let room = |spans| (spans < MOST).then_some(spans + 1);
        match self.waiting.spans.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => self.batches.on_end(span),
            Err(_) => drop(self.waiting.lost.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// The last step before the collector.
#[derive(Debug)]
struct Outgoing<E> {
    exporter: E,
    waiting: Arc<Waiting>,
    knowledge: Knowledge,
}

impl<E: SpanExporter> SpanExporter for Outgoing<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        batch.iter_mut().for_each(|span| self.knowledge.clean(span));
        let exported = self.exporter.export(batch).await;
        self.waiting.spans.fetch_sub(spans, Ordering::Relaxed);
        if exported.is_err() {
            self.waiting.lost.fetch_add(spans as u64, Ordering::Relaxed);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl Knowledge {
    /// Takes every credential that the process holds out of a span.
    fn clean(&self, span: &mut SpanData) {
        if let Some(name) = self.without(&span.name) {
            span.name = name.into();
        }
        span.attributes.iter_mut().for_each(|it| self.clean_attribute(it));
        for event in &mut span.events.events {
            if let Some(name) = self.without(&event.name) {
                event.name = name.into();
            }
            event.attributes.iter_mut().for_each(|it| self.clean_attribute(it));
        }
        for link in &mut span.links.links {
            link.attributes.iter_mut().for_each(|it| self.clean_attribute(it));
        }
        if let Status::Error { description } = &span.status
            && let Some(description) = self.without(description)
        {
            span.status = Status::error(description);
        }
    }

    fn clean_attribute(&self, attribute: &mut KeyValue) {
        let text = attribute.value.as_str();
        if let Some(text) = self.without(&text) {
            attribute.value = Value::from(text);
        }
    }
}
