//! What is looked at when somebody asks for metrics: how the server is. Counts and words of ours, nothing of a caller's.

use std::sync::{Arc, Weak};
#[cfg(feature = "http")]
use std::sync::{Mutex, PoisonError};

use opentelemetry::{KeyValue, metrics::Meter};

use super::{door::Door, generation::Generation};

/// What HTTP servers count for themselves, and somebody may look at.
#[cfg(feature = "http")]
#[derive(Default)]
pub(super) struct Observed {
    sessions: Looks,
    connections: Looks,
}

#[cfg(feature = "http")]
type Look = Box<dyn Fn() -> usize + Send + Sync>;

#[cfg(feature = "http")]
#[derive(Default)]
struct Looks(Mutex<Vec<Look>>);

#[cfg(feature = "http")]
impl Looks {
    fn add(&self, look: Look) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(look);
    }

    fn sum(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|look| look() as u64).sum()
    }
}

#[cfg(feature = "http")]
impl Observed {
    pub(super) fn sessions(&self, look: impl Fn() -> usize + Send + Sync + 'static) {
        self.sessions.add(Box::new(look));
    }

    pub(super) fn connections(&self, look: impl Fn() -> usize + Send + Sync + 'static) {
        self.connections.add(Box::new(look));
    }
}

/// Has a meter look at a door for as long as there is one.
pub(super) fn observe(meter: &Meter, door: &Arc<Door>) {
    let look = Gauges { meter, door: Arc::downgrade(door) };
    look.gauge("doorman.calls.running", "Calls that run", |door| Some(door.guard.concurrency.running().into()));
    #[cfg(feature = "http")]
    look.gauge("doorman.sessions", "Open sessions", |door| Some(door.observed.sessions.sum()));
    #[cfg(feature = "http")]
    look.gauge("doorman.connections", "Open connections", |door| Some(door.observed.connections.sum()));
    look.gauge("doorman.audit.queue", "Audit records that wait to be written", |door| {
        Some(door.guard.audit.waiting() as u64)
    });
    look.gauge("doorman.audit.up", "Whether audit records can be written, as far as is known", |door| {
        Some(door.guard.audit.works().into())
    });
    look.gauge("doorman.state.up", "Whether the shared state store answered last", |door| {
        door.present().health.store_answers().map(u64::from)
    });
    look.gauge("doorman.verifier.up", "Whether tokens can be verified", |door| {
        door.present().callers.as_ref().map(|callers| callers.trouble().is_none().into())
    });
    look.gauge("doorman.generation", "The number of the configuration that is served", |door| {
        Some(door.present().number)
    });
    look.each("doorman.modules", "Module instances, by whether they run", |door| {
        let (all, down) = modules(&door.present());
        [("running", all - down), ("failed", down)]
    });
    let weak = Arc::downgrade(door);
    meter
        .u64_observable_counter("doorman.reloads")
        .with_description("Reloads, by how they went")
        .with_callback(move |it| {
            let Some(door) = weak.upgrade() else { return };
            let (done, refused) = door.reloads.counts();
            for (outcome, count) in [("ok", done), ("failed", refused)] {
                it.observe(count, &[KeyValue::new("doorman.outcome", outcome)]);
            }
        })
        .build();
    let meters = door.guard.meters.clone();
    door.guard.limits.time(move |time| meters.store_took(time));
    let limits = door.guard.limits.clone();
    limits.watch_lows();
    meter
        .f64_observable_gauge("doorman.limit.left")
        .with_unit("1")
        .with_description("The least share that anybody had left of a rule, in the last 30 to 60 seconds")
        .with_callback(move |it| {
            for (rule, kind, share) in limits.lows() {
                it.observe(
                    share,
                    &[KeyValue::new("doorman.limit.rule", rule), KeyValue::new("doorman.limit.kind", kind)],
                );
            }
        })
        .build();
}

fn modules(present: &Generation) -> (u64, u64) {
    let (all, down) = present.health.all();
    (all as u64, down as u64)
}

/// Gauges of one door.
struct Gauges<'m> {
    meter: &'m Meter,
    door: Weak<Door>,
}

impl Gauges<'_> {
    fn gauge(&self, name: &'static str, about: &'static str, look: fn(&Door) -> Option<u64>) {
        let door = Weak::clone(&self.door);
        let gauge = self.meter.u64_observable_gauge(name).with_description(about);
        gauge
            .with_callback(move |it| {
                if let Some(value) = door.upgrade().and_then(|door| look(&door)) {
                    it.observe(value, &[]);
                }
            })
            .build();
    }

    fn each(&self, name: &'static str, about: &'static str, look: fn(&Door) -> [(&'static str, u64); 2]) {
        let door = Weak::clone(&self.door);
        let gauge = self.meter.u64_observable_gauge(name).with_description(about);
        gauge
            .with_callback(move |it| {
                for (state, value) in door.upgrade().iter().flat_map(|door| look(door)) {
                    it.observe(value, &[KeyValue::new("doorman.state", state)]);
                }
            })
            .build();
    }
}
