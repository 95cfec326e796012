//! Whether a store answers, told once each time that it changes.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use super::Unavailable;

/// The state of a store, as calls and its own attempts find it.
pub(super) struct Watch {
    /// The store in the operator's words, without a credential.
    name: String,
    down: AtomicBool,
}

impl Watch {
    pub(super) fn new(name: String) -> Self {
        Self { name, down: AtomicBool::new(false) }
    }

    pub(super) fn answers(&self) -> bool {
        !self.down.load(Ordering::Acquire)
    }

    /// Notes an outcome.
    pub(super) fn saw<T, E: fmt::Display>(&self, outcome: Result<T, E>) -> Result<T, Unavailable> {
        match outcome {
            Ok(value) => {
                if self.down.load(Ordering::Acquire) && self.down.swap(false, Ordering::AcqRel) {
                    tracing::warn!(store = %self.name, "the state store answers again");
                }
                Ok(value)
            }
            Err(reason) => {
                if !self.down.swap(true, Ordering::AcqRel) {
                    let reason = printable(&reason.to_string());
                    tracing::error!(store = %self.name, %reason, "the state store doesn't answer; what needs it is refused");
                }
                Err(Unavailable)
            }
        }
    }
}

/// What a store says of itself, cut short and without what could forge a line.
fn printable(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().take(MOST).flat_map(char::escape_debug).collect()
}
