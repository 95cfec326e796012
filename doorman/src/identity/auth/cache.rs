//! What was found out about tokens, by their SHA-256. Bounded: when the newer half is full, it becomes the older half, and
//! what was in that is forgotten.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};

/// A token's SHA-256; the token itself isn't kept.
pub(super) type TokenHash = [u8; 32];

pub(super) fn hash(token: &str) -> TokenHash {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    out
}

/// Findings about tokens. Whether one still holds is for those who use it to say.
pub(super) struct Cache<T> {
    halves: Mutex<Halves<T>>,
    /// How many findings a half holds.
    half: usize,
}

struct Halves<T> {
    newer: HashMap<TokenHash, T>,
    older: HashMap<TokenHash, T>,
}

impl<T: Clone> Cache<T> {
    /// Holds this many findings at most.
    pub(super) fn of(most: usize) -> Self {
        Self { halves: Mutex::new(Halves { newer: HashMap::new(), older: HashMap::new() }), half: most.div_ceil(2) }
    }

    /// The finding about a token, if `holds` says so; one that doesn't is forgotten.
    pub(super) fn get(&self, token: &TokenHash, holds: impl Fn(&T) -> bool) -> Option<T> {
        let mut halves = self.lock();
        if let Some(found) = halves.newer.get(token) {
            if holds(found) {
                return Some(found.clone());
            }
            halves.newer.remove(token);
            return None;
        }
        let found = halves.older.remove(token).filter(holds)?;
        self.insert(&mut halves, *token, found.clone());
        Some(found)
    }

    pub(super) fn put(&self, token: TokenHash, found: T) {
        self.insert(&mut self.lock(), token, found);
    }

    fn insert(&self, halves: &mut Halves<T>, token: TokenHash, found: T) {
        if halves.newer.len() >= self.half && !halves.newer.contains_key(&token) {
            halves.older = std::mem::take(&mut halves.newer);
        }
        halves.older.remove(&token);
        halves.newer.insert(token, found);
    }

    fn lock(&self) -> MutexGuard<'_, Halves<T>> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::of(8);
        let used = hash("used");
        cache.put(used, 0);
        for it in 1..1000 {
            cache.put(hash(&it.to_string()), it);
            assert_eq!(cache.get(&used, |_| true), Some(0), "{it}");
            let halves = cache.lock();
            assert!(halves.newer.len() + halves.older.len() <= 8);
        }
        assert_eq!(cache.get(&hash("1"), |_| true), None);
        assert_eq!(cache.get(&hash("999"), |_| true), Some(999));
    }

    #[test]
    fn what_no_longer_holds_is_forgotten_for_good() {
        let cache = Cache::of(2);
        for it in ["a", "b"] {
            cache.put(hash(it), 1);
        }
        for it in ["a", "b"] {
            assert_eq!(cache.get(&hash(it), |_| false), None);
            assert_eq!(cache.get(&hash(it), |_| true), None);
        }
    }
}
