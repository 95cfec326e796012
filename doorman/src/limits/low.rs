//! How near anybody came to a rule: for those who look at the server from outside, by the rule's text and by nobody's name.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Instant;

use super::{bucket::Rule, error::Kind};

/// How long a low is known at least; at most, twice as long.
const WINDOW: u64 = 30;
/// Nobody was counted.
const NONE: u64 = 0xFFFF;
/// All is left.
const ALL: u64 = 0xFFFE;

/// The least share that was left, in this window and the one before: 32 bits of window, and 16 each of share.
#[derive(Debug)]
pub(super) struct Low(AtomicU64);

impl Default for Low {
    fn default() -> Self {
        Self(AtomicU64::new(NONE << 16 | NONE))
    }
}

impl Low {
    /// So many units were left of so many.
    pub(super) fn saw(&self, left: u32, of: u32) {
        self.saw_at(window(), left, of);
    }

    fn saw_at(&self, window: u64, left: u32, of: u32) {
        let share = u64::from(left.min(of)) * ALL / u64::from(of.max(1));
        let lower = |packed: u64| {
            let (now, before) = at(packed, window);
            Some(window << 32 | now.min(share) << 16 | before)
        };
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }

    #[cfg(any(test, feature = "telemetry"))]
    fn least_at(&self, window: u64) -> Option<f64> {
        let (now, before) = at(self.0.load(Ordering::Relaxed), window);
        let least = now.min(before);
        (least != NONE).then(|| least as f64 / ALL as f64)
    }
}

/// The least of a window, and of the one before it.
fn at(packed: u64, window: u64) -> (u64, u64) {
    let (known, now, before) = (packed >> 32, packed >> 16 & NONE, packed & NONE);
    match window.saturating_sub(known) {
        0 => (now, before),
        1 => (NONE, now),
        _ => (NONE, NONE),
    }
}

fn window() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_secs() / WINDOW + 2
}

/// The lows of all rules, by what they say.
#[derive(Default)]
pub(super) struct Lows {
    watched: AtomicBool,
    known: Mutex<Vec<(String, Kind, Arc<Low>)>>,
}

impl Lows {
    /// The low of a rule; rules that say the same have one together.
    pub(super) fn of(&self, rule: &Rule, kind: Kind) -> Arc<Low> {
        let text = rule.to_string();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., low)) = known.iter().find(|(it, its, _)| *it == text && *its == kind) {
            return Arc::clone(low);
        }
        let low = Arc::new(Low::default());
        known.push((text, kind, Arc::clone(&low)));
        low
    }

    #[cfg(feature = "telemetry")]
    pub(super) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Whether anybody looks.
    pub(super) fn are_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// All that somebody was counted by lately: the rule, what it is for, and the share.
    #[cfg(feature = "telemetry")]
    pub(super) fn all(&self) -> Vec<(String, &'static str, f64)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = known.iter().filter_map(|(text, kind, low)| {
            let kind = match kind {
                Kind::Rate => "rate",
                Kind::Budget => "budget",
                Kind::Breaker => "breaker",
                Kind::Concurrency => "concurrency",
            };
            Some((text.clone(), kind, low.least_at(window())?))
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_is_known_for_two_windows() {
        let low = Low::default();
        assert_eq!(low.least_at(7), None);
        low.saw_at(7, 3, 4);
        low.saw_at(7, 1, 4);
        low.saw_at(7, 2, 4);
        let quarter = low.least_at(7).unwrap();
        assert!((quarter - 0.25).abs() < 0.001, "{quarter}");
        low.saw_at(8, 4, 4);
        assert_eq!(low.least_at(8), Some(quarter), "the one before counts");
        assert_eq!(low.least_at(9), Some(1.0));
        assert_eq!(low.least_at(10), None);
        low.saw_at(10, 0, 0);
        assert_eq!(low.least_at(10), Some(0.0));
    }
}
