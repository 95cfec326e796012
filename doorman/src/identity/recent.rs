//! What was found out lately. Bounded: when the newer half is full, it becomes the older half, and what was in that is
//! forgotten.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Findings. Whether one still holds is for those who use it to say.
pub(crate) struct Recent<K, T> {
    halves: Mutex<Halves<K, T>>,
    /// How many findings a half holds.
    half: usize,
}

struct Halves<K, T> {
    newer: HashMap<K, T>,
    older: HashMap<K, T>,
}

impl<K: Clone + Eq + Hash, T: Clone> Recent<K, T> {
    /// Holds this many findings at most.
    pub(crate) fn of(most: usize) -> Self {
        Self { halves: Mutex::new(Halves { newer: HashMap::new(), older: HashMap::new() }), half: most.div_ceil(2) }
    }

    /// What was found out about this, if `holds` says so; one that doesn't is forgotten.
    pub(crate) fn get(&self, key: &K, holds: impl Fn(&T) -> bool) -> Option<T> {
        let mut halves = self.lock();
        if let Some(found) = halves.newer.get(key) {
            if holds(found) {
                return Some(found.clone());
            }
            halves.newer.remove(key);
            return None;
        }
        let found = halves.older.remove(key).filter(holds)?;
        self.insert(&mut halves, key.clone(), found.clone());
        Some(found)
    }

    pub(crate) fn put(&self, key: K, found: T) {
        self.insert(&mut self.lock(), key, found);
    }

    fn insert(&self, halves: &mut Halves<K, T>, key: K, found: T) {
        if halves.newer.len() >= self.half && !halves.newer.contains_key(&key) {
            halves.older = std::mem::take(&mut halves.newer);
        }
        halves.older.remove(&key);
        halves.newer.insert(key, found);
    }

    fn lock(&self) -> MutexGuard<'_, Halves<K, T>> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_bounded_and_keeps_what_is_used() {
        let cache = Recent::of(8);
        cache.put(0, 0);
        for it in 1..1000 {
            cache.put(it, it);
            assert_eq!(cache.get(&0, |_| true), Some(0), "{it}");
            let halves = cache.lock();
            assert!(halves.newer.len() + halves.older.len() <= 8);
        }
        assert_eq!(cache.get(&1, |_| true), None);
        assert_eq!(cache.get(&999, |_| true), Some(999));
    }

    #[test]
    fn what_no_longer_holds_is_forgotten_for_good() {
        let cache = Recent::of(2);
        for it in ["a", "b"] {
            cache.put(it, 1);
        }
        for it in ["a", "b"] {
            assert_eq!(cache.get(&it, |_| false), None);
            assert_eq!(cache.get(&it, |_| true), None);
        }
    }
}
