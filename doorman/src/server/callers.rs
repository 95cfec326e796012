//! The callers that bear a token. What a static one opens is worked out at the start; what others open, when their bearer is
//! first seen: afterwards a token costs a hash.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::generation::Generation;
#[cfg(feature = "http")]
use super::seen::Seen;
use crate::{
    exposure::Catalog,
    guard::{Access, contain},
    identity::{Bearer, Identity, Principal, Recent, TokenHash, TokenVerifier, Tokens, Unverified, Voucher},
    limits::CallerKey,
    manifest::Grants,
};

/// Whose access is remembered, at most.
const REMEMBERED: usize = 8192;

/// How long a verifier may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tokens, and what each opens.
pub(super) struct Callers {
    tokens: Tokens,
    accesses: HashMap<TokenHash, Arc<Access>>,
    keys: HashSet<CallerKey>,
    verifier: Option<Arc<dyn TokenVerifier>>,
    borne: Recent<Arc<Identity>, Arc<Access>>,
    #[cfg(feature = "http")]
    seen: Arc<Seen>,
}

/// Who bears a token, and until when that is known to hold.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) access: Arc<Access>,
    pub(super) until: Option<SystemTime>,
}

impl Callers {
    /// Those who bear one of these tokens, or one that this verifier knows, after those before them.
    pub(super) fn new(
        tokens: Tokens,
        verifier: Option<Arc<dyn TokenVerifier>>,
        (catalog, grants): (&Catalog, &Grants),
        before: Option<&Self>,
    ) -> Self {
        #[cfg(feature = "http")]
        let seen = Seen::after(before.map(|it| &it.seen), &tokens);
        #[cfg(not(feature = "http"))]
        let _ = before;
        let access = |identity| Arc::new(Access::of(Principal::verified(identity), catalog, grants));
        let accesses: HashMap<_, _> =
            tokens.held().map(|(digest, held)| (*digest, access(held.identity.clone()))).collect();
        let keys = accesses.values().map(|access| access.caller).collect();
        Self {
            tokens,
            accesses,
            keys,
            verifier,
            borne: Recent::of(REMEMBERED),
            #[cfg(feature = "http")]
            seen,
        }
    }

    /// Whether this caller may still bear a token. A verifier says so only when it sees the token again.
    pub(super) fn know(&self, principal: &Principal, caller: CallerKey) -> bool {
        match principal.voucher() {
            Some(Voucher::Verifier) => self.verifier.is_some(),
            _ => self.keys.contains(&caller),
        }
    }

    /// Why tokens can't be verified.
    #[cfg(any(feature = "http", feature = "telemetry"))]
    pub(super) fn trouble(&self) -> Option<&'static str> {
        self.verifier.as_ref().and_then(|it| it.trouble())
    }

    /// Who bears a static token.
    pub(super) fn of_static(&self, token: &[u8], now: SystemTime) -> Option<Known> {
        let (digest, held) = self.tokens.verify(token, now)?;
        Some(Known { access: Arc::clone(self.accesses.get(digest)?), until: held.expires })
    }

    /// Whether a token is one of the operator's, or has been good when it was last looked at: no stranger's guess.
    #[cfg(feature = "http")]
    pub(super) fn have_borne(&self, token: &[u8]) -> bool {
        self.tokens.has(token) || self.seen.is_good(token)
    }

    /// Who bears a token, or why nobody is known to.
    #[cfg(feature = "http")]
    pub(super) async fn of(&self, token: &[u8], present: &Generation) -> Result<Known, Unverified> {
        if let Some(known) = self.of_static(token, SystemTime::now()) {
            return Ok(known);
        }
        let verifier = self.verifier.as_ref().ok_or(Unverified::Refused("unknown token"))?;
        if self.seen.is_the_operators(token) {
            return Err(Unverified::Refused("taken back, or expired"));
        }
        let text = std::str::from_utf8(token).map_err(|_| Unverified::Refused("no token"))?;
        let said = asked(&**verifier, text).await;
        match &said {
            Ok(_) => self.seen.good(token),
            Err(Unverified::Refused(_)) => self.seen.bad(token),
            Err(_) => {}
        }
        said.map(|bearer| self.of_bearer(bearer, present))
    }

    /// What the bearer of a token may do.
    pub(super) fn of_bearer(&self, bearer: Bearer, present: &Generation) -> Known {
        let access = self.borne.get(&bearer.identity, |_| true).unwrap_or_else(|| {
            let principal = Principal::vouched_for((*bearer.identity).clone(), Voucher::Verifier);
            let access = Arc::new(Access::of(principal, &present.rules.catalog, &present.grants));
            self.borne.put(Arc::clone(&bearer.identity), Arc::clone(&access));
            access
        });
        Known { access, until: Some(bearer.expires) }
    }
}

/// What a verifier says, which may be an application's own: one that panics or hangs says nothing, and what it panics with
/// may be a token.
pub(super) async fn asked(verifier: &dyn TokenVerifier, token: &str) -> Result<Bearer, Unverified> {
    let verifying = pin!(async { verifier.verify(token).await });
    let bearer = match tokio::time::timeout(PATIENCE, contain(verifying)).await {
        Ok(Ok(said)) => said?,
        Ok(Err(_)) => return Err(Unverified::Unavailable("the verifier panicked")),
        Err(_) => return Err(Unverified::Unavailable("the verifier took too long")),
    };
    if bearer.expires > SystemTime::now() { Ok(bearer) } else { Err(Unverified::Refused("expired")) }
}
