//! Bursts of refusals, told once each: to the log, and to whoever the application names.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::forwarded::Place;

/// So many refusals in this time are a burst.
const MANY: u64 = 100;
const WINDOW: Duration = Duration::from_secs(10);

/// A burst of refused requests, as [`Doorman::on_refusals`](crate::Doorman::on_refusals) tells it: counts, and nothing
/// that a caller has said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusals {
    /// How many, by the reason that the audit log names: `no_token`, `bad_token`, `too_many_attempts`, …
    pub reasons: Vec<(&'static str, u64)>,
    /// From how many addresses they came, as far as addresses are known; an IPv6 network (/64) is one.
    pub addresses: usize,
}

impl Refusals {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.reasons.iter().map(|(_, count)| count).sum()
    }
}

type Hook = Arc<dyn Fn(&Refusals) + Send + Sync>;

/// Counts refusals, and tells of a burst.
#[derive(Default)]
pub(super) struct Alarm {
    hook: Option<Hook>,
    seed: RandomState,
    window: Mutex<Option<Window>>,
}

struct Window {
    begun: Instant,
    count: u64,
    reasons: Vec<(&'static str, u64)>,
    /// Never more than it takes to be a burst.
    addresses: HashSet<u64>,
    /// The burst has been told.
    told: bool,
}

impl Window {
    fn begin(now: Instant, told: bool) -> Self {
        Self { begun: now, count: 0, reasons: Vec::new(), addresses: HashSet::new(), told }
    }
}

impl Alarm {
    pub(super) fn with_hook(hook: Hook) -> Self {
        Self { hook: Some(hook), ..Self::default() }
    }

    /// Counts one.
    pub(super) fn count(&self, reason: &'static str, peer: Option<IpAddr>) {
        if let Some(burst) = self.count_at(reason, peer, Instant::now()) {
            self.tell(burst);
        }
    }

    /// A burst goes on for as long as windows are full.
    fn count_at(&self, reason: &'static str, peer: Option<IpAddr>, now: Instant) -> Option<Refusals> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let last = window.take();
        let window = window.insert(match last {
            Some(last) if now.saturating_duration_since(last.begun) < WINDOW => last,
            // One that ended just now and was full: the burst is the same.
            Some(last) if now.saturating_duration_since(last.begun) < WINDOW * 2 => {
                Window::begin(now, last.told && last.count >= MANY)
            }
            _ => Window::begin(now, false),
        });
        window.count += 1;
        if window.told {
            return None;
        }
        match window.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => window.reasons.push((reason, 1)),
        }
        window.addresses.extend(peer.map(|peer| self.seed.hash_one(Place::of(peer))));
        if window.count < MANY {
            return None;
        }
        window.told = true;
        let (reasons, addresses) = (std::mem::take(&mut window.reasons), std::mem::take(&mut window.addresses).len());
        Some(Refusals { reasons, addresses })
    }

    /// The hook runs on a thread of its own: one that waits holds up nobody, and one that panics ends nothing.
    fn tell(&self, burst: Refusals) {
        tracing::warn!(
            reasons = ?burst.reasons,
            addresses = burst.addresses,
            "many requests are being refused; this is said once for the burst"
        );
        let Some(hook) = self.hook.clone() else { return };
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| hook(&burst))).is_err() {
                tracing::error!("the hook for refusals panicked");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(run)),
            Err(_) => run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;

    fn peer(number: u64) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(0x2000_0000 + (number % 7) as u32).into())
    }

    #[test]
    fn s22_a_burst_is_told_once() {
        let (alarm, now) = (Alarm::default(), Instant::now());
        let told: Vec<_> = (0..100_000).filter_map(|number| alarm.count_at("no_token", peer(number), now)).collect();
        assert_eq!(told, [Refusals { reasons: vec![("no_token", MANY)], addresses: 7 }]);
        // It goes on in the next window, and so it isn't another one.
        let next = now + WINDOW;
        assert!((0..200).all(|_| alarm.count_at("bad_token", None, next).is_none()));
        // A window that isn't full ends it.
        let calm = next + WINDOW;
        assert!((0..MANY - 1).all(|_| alarm.count_at("bad_token", None, calm).is_none()));
        let again = calm + WINDOW;
        let told: Vec<_> = (0..200).filter_map(|_| alarm.count_at("bad_token", None, again)).collect();
        assert_eq!(told, [Refusals { reasons: vec![("bad_token", MANY)], addresses: 0 }]);
        assert_eq!(told[0].total(), MANY);
    }

    #[test]
    fn few_refusals_are_no_burst() {
        let (alarm, now) = (Alarm::default(), Instant::now());
        let slow = |number: u64| now + WINDOW / 50 * number as u32;
        assert!((0..10_000).all(|number| alarm.count_at("no_token", None, slow(number)).is_none()));
    }

    #[tokio::test]
    async fn s27_a_hook_that_panics_ends_nothing() {
        let told = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&told);
        let alarm = Alarm::with_hook(Arc::new(move |burst| {
            counted.fetch_add(burst.total(), Ordering::Relaxed);
            panic!("as asked");
        }));
        (0..MANY * 2).for_each(|_| alarm.count("no_token", None));
        while told.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        alarm.count("no_token", None);
        assert_eq!(told.load(Ordering::Relaxed), MANY);
    }
}
