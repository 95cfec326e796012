//! How often each step of the guard ran: for whoever wants to see that none is left out.

use std::sync::atomic::{AtomicU64, Ordering};

/// A step that every call comes to, unless one before it has refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Find,
    Limit,
    Filter,
    Bind,
    Extract,
    Run,
    Redact,
    Record,
}

const NAMES: [&str; 8] = ["find and authorize", "limit", "filter", "bind", "extract", "run", "redact", "record"];

/// Counts of steps.
#[derive(Debug, Default)]
pub(crate) struct Steps([AtomicU64; NAMES.len()]);

impl Steps {
    pub(super) fn count(&self, step: Step) {
        self.0[step as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Each step's name, and how often it ran.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}
