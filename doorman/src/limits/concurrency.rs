//! How many calls run at the same time, in all and for each caller.

use std::collections::{HashMap, hash_map::Entry};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::caller::CallerKey;
use super::error::{Exceeded, Kind};

/// Bounds on the calls that run at the same time; `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Running {
    /// For the whole application.
    pub global: Option<NonZeroU32>,
    /// For each caller.
    pub per_caller: Option<NonZeroU32>,
}

/// Counts the calls that run. Clones share the counts. Callers that run nothing take no memory.
#[derive(Clone)]
pub struct Concurrency(Arc<Shared>);

struct Shared {
    bounds: Running,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: u32,
    by_caller: HashMap<CallerKey, u32>,
}

/// The right to run one call; dropping it, however the call ends, makes room for another.
#[must_use = "the call counts as running only while the permit is held"]
pub struct Permit(Option<(Concurrency, CallerKey)>);

impl Concurrency {
    /// Counts against these bounds.
    #[must_use]
    pub fn new(bounds: Running) -> Self {
        Self(Arc::new(Shared { bounds, counts: Mutex::default() }))
    }

    /// How many calls run; 0 where nothing is bounded, for then nothing is counted.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.counts().total
    }

    /// Enters at once or not at all: a call that waited here would hold its connection, and a flood of them memory.
    ///
    /// # Errors
    /// The bound that is reached; of both, the caller's own.
    pub fn try_enter(&self, caller: CallerKey) -> Result<Permit, Exceeded> {
        let Running { global, per_caller } = self.0.bounds;
        if global.is_none() && per_caller.is_none() {
            return Ok(Permit(None));
        }
        let mut counts = self.counts();
        let Counts { total, by_caller } = &mut *counts;
        let entry = by_caller.entry(caller);
        let running = match &entry {
            Entry::Occupied(running) => *running.get(),
            Entry::Vacant(_) => 0,
        };
        if let Some(bound) = per_caller.filter(|bound| running >= bound.get()) {
            return Err(exceeded(bound, "per_caller"));
        }
        if let Some(bound) = global.filter(|bound| *total >= bound.get()) {
            return Err(exceeded(bound, "global"));
        }
        *total += 1;
        *entry.or_default() += 1;
        Ok(Permit(Some((self.clone(), caller))))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some((concurrency, caller)) = self.0.take() else { return };
        let mut counts = concurrency.counts();
        counts.total = counts.total.saturating_sub(1);
        if let Entry::Occupied(mut running) = counts.by_caller.entry(caller) {
            *running.get_mut() = running.get().saturating_sub(1);
            if *running.get() == 0 {
                running.remove();
            }
        }
    }
}

impl fmt::Debug for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrency").field("bounds", &self.0.bounds).field("running", &self.counts().total).finish()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

fn exceeded(bound: NonZeroU32, per: &str) -> Exceeded {
    Exceeded { rule: format!("{bound} running calls {per}"), kind: Kind::Concurrency, retry_after: None }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Concurrency, Running};
    use crate::limits::Caller;

    fn bounds(global: u32, per_caller: u32) -> Concurrency {
        Concurrency::new(Running { global: NonZeroU32::new(global), per_caller: NonZeroU32::new(per_caller) })
    }

    #[test]
    fn each_bound_holds_and_room_comes_back() {
        let concurrency = bounds(3, 2);
        let [alice, bob] = ["alice", "bob"].map(|subject| Caller::Verified { tenant: None, subject }.key());
        let first = concurrency.try_enter(alice).expect("1 of 3");
        let second = concurrency.try_enter(alice).expect("2 of 3");
        let error = concurrency.try_enter(alice).expect_err("alice has two");
        assert_eq!(
            error.to_string(),
            "concurrency limit 2 running calls per_caller exceeded; retry when another call has ended"
        );
        let third = concurrency.try_enter(bob).expect("3 of 3");
        assert_eq!(concurrency.try_enter(bob).expect_err("three run").rule, "3 running calls global");
        drop(first);
        let fourth = concurrency.try_enter(bob).expect("room again");
        drop((second, third, fourth));
        let counts = concurrency.counts();
        assert_eq!((counts.total, counts.by_caller.len()), (0, 0));
    }

    #[test]
    fn a_panicking_call_leaves() {
        let concurrency = bounds(1, 0);
        let caller = Caller::Anonymous { peer: None }.key();
        let inside = concurrency.clone();
        let panicked = std::thread::spawn(move || {
            let _permit = inside.try_enter(caller);
            panic!("as functions do");
        });
        assert!(panicked.join().is_err());
        assert!(concurrency.try_enter(caller).is_ok());
    }

    #[test]
    fn no_more_than_the_bound_under_threads() {
        let concurrency = bounds(4, 0);
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for n in 0..16 {
                let (concurrency, inside, most) = (&concurrency, &inside, &most);
                scope.spawn(move || {
                    let caller = Caller::Verified { tenant: None, subject: &n.to_string() }.key();
                    for _ in 0..500 {
                        if let Ok(_permit) = concurrency.try_enter(caller) {
                            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert!((1..=4).contains(&most.into_inner()));
        assert_eq!(concurrency.counts().total, 0);
    }
}
