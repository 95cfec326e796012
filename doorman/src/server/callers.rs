//! The callers that bear a token, each with its access worked out at start, so that a token costs a hash afterwards.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    exposure::Catalog,
    guard::Access,
    identity::{Principal, Tokens},
    limits::CallerKey,
    manifest::Grants,
};

/// Tokens, and what each opens.
pub(super) struct Callers {
    tokens: Tokens,
    accesses: HashMap<[u8; 32], Arc<Access>>,
    keys: HashSet<CallerKey>,
}

impl Callers {
    pub(super) fn new(tokens: Tokens, catalog: &Catalog, grants: &Grants) -> Self {
        let access = |identity| Arc::new(Access::of(Principal::verified(identity), catalog, grants));
        let accesses: HashMap<_, _> =
            tokens.bearers().map(|(digest, bearer)| (*digest, access(bearer.identity.clone()))).collect();
        let keys = accesses.values().map(|access| access.caller).collect();
        Self { tokens, accesses, keys }
    }

    /// Whether anybody still bears a token of this caller.
    pub(super) fn know(&self, caller: CallerKey) -> bool {
        self.keys.contains(&caller)
    }

    /// The caller who bears a token, and until when; `None` for whatever doesn't verify now.
    pub(super) fn of(&self, token: &[u8], now: SystemTime) -> Option<(Arc<Access>, Option<SystemTime>)> {
        let (digest, bearer) = self.tokens.verify(token, now)?;
        Some((Arc::clone(self.accesses.get(digest)?), bearer.expires))
    }
}
