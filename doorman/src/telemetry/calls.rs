//! What is counted of calls. Labels come from the catalog, the manifests and the words of this library, never from a caller,
//! so there are only so many series. What a call counts is bound to its series once, in a table of the capability's own; from
//! then on it costs a look at a short list and some atomics.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundHistogram, Counter, Histogram, Meter},
};

use super::Closed;
use crate::audit::{Transport, Verdict};

/// Where durations are told apart, in seconds.
const SECONDS: [f64; 18] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What counts, if somebody looks. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Meters(Option<Arc<Instruments>>);

struct Instruments {
    calls: Counter<u64>,
    duration: Histogram<f64>,
    result_bytes: Counter<u64>,
    redactions: Counter<u64>,
    rejected: Counter<u64>,
    store: BoundHistogram<f64>,
    /// Those that have come up.
    of_kinds: Bindings<&'static str, BoundCounter<u64>>,
    of_reasons: Bindings<(&'static str, Transport), BoundCounter<u64>>,
}

impl Meters {
    /// Counts with the instruments of a meter.
    pub(crate) fn of(meter: &Meter) -> Self {
        let seconds = |name: &'static str, about: &'static str| {
            meter.f64_histogram(name).with_unit("s").with_description(about).with_boundaries(SECONDS.to_vec()).build()
        };
        let count = |name: &'static str, about: &'static str| meter.u64_counter(name).with_description(about);
        Self(Some(Arc::new(Instruments {
            calls: count("doorman.calls", "Requests that reached the guard, by how they ended").build(),
            duration: seconds("mcp.server.operation.duration", "How long requests took, their records included"),
            result_bytes: count("doorman.result.size", "Bytes of results that went out").with_unit("By").build(),
            redactions: count("doorman.redactions", "Values masked in what went out, by kind").build(),
            rejected: count("doorman.rejected", "Requests refused before the guard, by reason").build(),
            store: seconds("doorman.state.duration", "How long the shared state store took to answer").bind(&[]),
            of_kinds: Bindings::default(),
            of_reasons: Bindings::default(),
        })))
    }

    /// Whether anything is counted.
    pub(crate) fn count(&self) -> bool {
        self.0.is_some()
    }

    /// Counts a request that was refused before it became a call.
    pub(crate) fn rejected(&self, reason: &'static str, transport: Transport) {
        let Some(instruments) = &self.0 else { return };
        let bind = || {
            let transport = KeyValue::new("doorman.transport", transport.as_str());
            instruments.rejected.bind(&[KeyValue::new("doorman.reason", reason), transport])
        };
        instruments.of_reasons.get(&(reason, transport), bind).add(1);
    }

    /// Notes how long the state store took.
    pub(crate) fn store_took(&self, time: Duration) {
        if let Some(instruments) = &self.0 {
            instruments.store.record(time.as_secs_f64());
        }
    }
}

/// The series of one generation's capabilities, and of what there isn't.
#[derive(Default)]
pub(crate) struct Series(OnceLock<Box<[Bindings<Labels, Bound>]>>);

/// What tells the series of one capability apart.
#[derive(Clone, PartialEq, Eq)]
struct Labels {
    verdict: Verdict,
    reason: &'static str,
    method: &'static str,
    transport: Transport,
    /// Of a manifest.
    agent_type: Option<Box<str>>,
}

/// What a call of one series counts.
struct Bound {
    calls: BoundCounter<u64>,
    duration: BoundHistogram<f64>,
    result_bytes: BoundCounter<u64>,
}

impl Series {
    /// Counts a call of one of so many capabilities.
    pub(crate) fn count(&self, meters: &Meters, capabilities: usize, closed: &Closed<'_>) {
        let Some(instruments) = &meters.0 else { return };
        let table = self.0.get_or_init(|| (0..=capabilities).map(|_| Bindings::default()).collect());
        let slot = closed.capability.map_or(capabilities, |it| it.id);
        let Some(known) = table.get(slot) else { return };
        let bound = known.find(|labels| labels.are(closed)).unwrap_or_else(|| {
            let labels = Labels::of(closed);
            known.get(&labels, || Bound::to(instruments, closed))
        });
        bound.calls.add(1);
        bound.duration.record(closed.duration.as_secs_f64());
        if let Some(bytes) = closed.result_bytes {
            bound.result_bytes.add(bytes);
        }
        for &(kind, count) in closed.redactions {
            let bind = || instruments.redactions.bind(&[KeyValue::new("doorman.redaction.kind", kind)]);
            instruments.of_kinds.get(&kind, bind).add(count);
        }
    }
}

impl Labels {
    fn of(closed: &Closed<'_>) -> Self {
        let Closed { verdict, reason, method, transport, agent_type, .. } = *closed;
        Self { verdict, reason, method, transport, agent_type: agent_type.map(Into::into) }
    }

    fn are(&self, closed: &Closed<'_>) -> bool {
        let own = (self.verdict, self.reason, self.method, self.transport, self.agent_type.as_deref());
        own == (closed.verdict, closed.reason, closed.method, closed.transport, closed.agent_type)
    }
}

impl Bound {
    fn to(instruments: &Instruments, closed: &Closed<'_>) -> Self {
        let method = KeyValue::new("mcp.method.name", closed.method);
        let name = closed.capability.map_or_else(|| "(unknown)".into(), |it| it.name.clone());
        let capability = KeyValue::new("doorman.capability", name);
        let mut called = vec![
            method.clone(),
            capability.clone(),
            KeyValue::new("doorman.verdict", closed.verdict.as_str()),
            KeyValue::new("doorman.reason", closed.reason),
        ];
        called.extend(closed.agent_type.map(|kind| KeyValue::new("doorman.agent.type", kind.to_owned())));
        let network = match closed.transport {
            Transport::Stdio => "pipe",
            Transport::Http => "tcp",
        };
        let mut timed = vec![method.clone(), capability.clone(), KeyValue::new("network.transport", network)];
        timed.extend(closed.error().map(|error| KeyValue::new("error.type", error)));
        Self {
            calls: instruments.calls.bind(&called),
            duration: instruments.duration.bind(&timed),
            result_bytes: instruments.result_bytes.bind(&[method, capability]),
        }
    }
}

/// Few things by key, found without a lock; each is made once.
struct Bindings<K, V>(ArcSwap<Vec<(K, Arc<V>)>>);

impl<K, V> Default for Bindings<K, V> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Clone + PartialEq, V> Bindings<K, V> {
    fn find(&self, is: impl Fn(&K) -> bool) -> Option<Arc<V>> {
        self.0.load().iter().find(|(key, _)| is(key)).map(|(_, value)| Arc::clone(value))
    }

    fn get(&self, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(known) = self.find(|it| it == key) {
            return known;
        }
        // Whoever is second finds the first one's: both are the same series.
        let made = Arc::new(make());
        self.0.rcu(|known| {
            let mut known = Vec::clone(known);
            if !known.iter().any(|(it, _)| it == key) {
                known.push((key.clone(), Arc::clone(&made)));
            }
            known
        });
        made
    }
}
