//! What is known of tokens for as long as the process runs, whatever is served.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::identity::{Recent, TokenHash, Tokens, token_hash};

/// How many good tokens are remembered.
const REMEMBERED: usize = 8192;

pub(super) struct Seen {
    /// Those that verified when they were last looked at, by a hash whose seed is this process's.
    good: Recent<u64, ()>,
    seed: RandomState,
    /// The operator's, also those that have been taken back: they are no issuer's business (S08).
    operators: Mutex<HashSet<TokenHash>>,
}

impl Seen {
    /// What was known before, and the operator's tokens of now.
    pub(super) fn after(before: Option<&Arc<Self>>, tokens: &Tokens) -> Arc<Self> {
        let new = || Self { good: Recent::of(REMEMBERED), seed: RandomState::new(), operators: Mutex::default() };
        let seen = before.cloned().unwrap_or_else(|| Arc::new(new()));
        seen.operators().extend(tokens.held().map(|(digest, _)| *digest));
        seen
    }

    /// Whether a token is, or has been, one of the operator's.
    pub(super) fn is_the_operators(&self, token: &[u8]) -> bool {
        self.operators().contains(&token_hash(token))
    }

    /// Whether a token verified when it was last looked at.
    pub(super) fn is_good(&self, token: &[u8]) -> bool {
        self.good.get(&self.seed.hash_one(token), |()| true).is_some()
    }

    /// Notes that a token has verified.
    pub(super) fn good(&self, token: &[u8]) {
        let key = self.seed.hash_one(token);
        if self.good.get(&key, |()| true).is_none() {
            self.good.put(key, ());
        }
    }

    /// Notes that a token hasn't.
    pub(super) fn bad(&self, token: &[u8]) {
        let _ = self.good.get(&self.seed.hash_one(token), |()| false);
    }

    fn operators(&self) -> MutexGuard<'_, HashSet<TokenHash>> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
