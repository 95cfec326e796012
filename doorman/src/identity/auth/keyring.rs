//! An issuer's keys over time: fetched by one for all, used while they are fresh, renewed before they aren't, and asked for
//! again when a token names one that isn't there.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    discovery::Discovery,
    fetch::{Http, Issuer},
    flight::{Flight, launch},
    jws::Jws,
    keys::{KeySet, Verdict},
};
use crate::identity::Unverified;

/// The largest key set, in bytes.
const LARGEST: usize = 256 << 10;
/// The age at which keys are renewed, while they still serve.
const RENEWED: Duration = Duration::from_secs(4 * 60);
/// The age beyond which keys serve only if newer ones can't be had.
pub(super) const FRESH: Duration = Duration::from_secs(5 * 60);
/// The age beyond which keys don't serve.
pub(super) const OLDEST: Duration = Duration::from_secs(3600);
/// How long a fetch that failed is not tried again.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How long keys are not fetched again because of a key id that isn't there.
pub(super) const COOLDOWN: Duration = Duration::from_secs(30);
/// How long a fetch may take, with all its requests.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys of one issuer.
#[derive(Clone)]
pub(super) struct Keyring(Arc<Inner>);

struct Inner {
    http: Http,
    issuer: Issuer,
    discovery: Discovery,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, Instant)>,
    /// When the last fetch began.
    tried: Option<Instant>,
    /// When the last fetch because of a key id began.
    missed: Option<Instant>,
    /// Why the last fetch failed, if it did.
    trouble: Option<&'static str>,
    flight: Option<Flight<()>>,
}

/// How the keys at hand are.
enum Held {
    Good(Arc<KeySet>),
    /// Newer ones first, or these if there are none.
    Aging(Arc<KeySet>),
    Nothing,
}

impl Keyring {
    pub(super) fn of(http: Http, issuer: Issuer) -> Self {
        let discovery = Discovery::of(issuer.clone(), "jwks_uri");
        Self(Arc::new(Inner { http, issuer, discovery, state: Mutex::default() }))
    }

    /// Whether one of the keys signed the token, and the version of those that say so.
    pub(super) async fn verify(&self, token: &Jws<'_>, now: Instant) -> Result<[u8; 32], Unverified> {
        let mut keys = self.current(now).await?;
        let mut verdict = keys.verify(token);
        if verdict == Verdict::Unknown && self.others_than(&keys, now).await? {
            keys = self.current(now).await?;
            verdict = keys.verify(token);
        }
        match verdict {
            Verdict::Signed => Ok(keys.version),
            Verdict::Forged => Err(Unverified::Refused("signature")),
            Verdict::Unknown => Err(Unverified::Refused("unknown key")),
        }
    }

    /// The keys, if they serve without waiting for newer ones: while they are fresh, and while newer ones can't be had.
    pub(super) fn ready(&self, now: Instant) -> Option<Arc<KeySet>> {
        let mut state = self.lock();
        match state.held(now) {
            Held::Good(keys) => {
                if state.age(now).is_some_and(|age| age >= RENEWED) {
                    self.fetch(&mut state, now, failed_just_now);
                }
                Some(keys)
            }
            Held::Aging(keys) if state.trouble.is_some() => {
                self.fetch(&mut state, now, failed_just_now);
                Some(keys)
            }
            Held::Aging(_) | Held::Nothing => None,
        }
    }

    /// The keys that serve now.
    pub(super) async fn current(&self, now: Instant) -> Result<Arc<KeySet>, Unverified> {
        if let Some(keys) = self.ready(now) {
            return Ok(keys);
        }
        let flight = self.fetch(&mut self.lock(), now, failed_just_now);
        if let Some(flight) = flight {
            self.wait(flight).await;
        }
        let state = self.lock();
        match state.held(now) {
            Held::Good(keys) | Held::Aging(keys) => Ok(keys),
            Held::Nothing => Err(Unverified::Unavailable(state.trouble.unwrap_or("no keys"))),
        }
    }

    /// Whether there are other keys than these by now, of which one may be the one that a token names.
    async fn others_than(&self, keys: &Arc<KeySet>, now: Instant) -> Result<bool, Unverified> {
        let flight = {
            let mut state = self.lock();
            match &state.keys {
                Some((held, _)) if !Arc::ptr_eq(held, keys) => return Ok(true),
                // They were fetched after the token came.
                Some((_, at)) if *at >= now => return Ok(false),
                _ => self.fetch(&mut state, now, missed_just_now),
            }
        };
        if let Some(flight) = flight {
            self.wait(flight).await;
        }
        let state = self.lock();
        match (state.trouble, &state.keys) {
            (Some(word), _) => Err(Unverified::Unavailable(word)),
            (None, Some((held, _))) => Ok(!Arc::ptr_eq(held, keys)),
            (None, None) => Ok(false),
        }
    }

    /// Why there are no keys. For as long as there are, they serve.
    pub(super) fn trouble(&self, now: Instant) -> Option<&'static str> {
        let state = self.lock();
        match state.held(now) {
            Held::Nothing => Some(state.trouble.unwrap_or("no keys yet")),
            _ => None,
        }
    }

    /// The fetch under way, or a new one unless it is too early for that.
    fn fetch(&self, state: &mut State, now: Instant, early: fn(&mut State, Instant) -> bool) -> Option<Flight<()>> {
        // One that broke off is over, too.
        if let Some(flight) = state.flight.as_ref().filter(|it| it.peek().is_none()) {
            return Some(flight.clone());
        }
        if early(state, now) {
            return None;
        }
        state.tried = Some(now);
        let inner = Arc::clone(&self.0);
        let flight = launch(async move { inner.renew(now).await });
        state.flight = Some(flight.clone());
        Some(flight)
    }

    async fn wait(&self, flight: Flight<()>) {
        if flight.await.is_none() {
            self.lock().trouble = Some("the fetch broke off");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

fn failed_just_now(state: &mut State, now: Instant) -> bool {
    state.trouble.is_some() && within(state.tried, now, PAUSE)
}

/// Whether keys have just been fetched for a key id. If not, they are now.
fn missed_just_now(state: &mut State, now: Instant) -> bool {
    let just_now = within(state.missed, now, COOLDOWN);
    if !just_now {
        state.missed = Some(now);
    }
    just_now
}

fn within(then: Option<Instant>, now: Instant, time: Duration) -> bool {
    then.is_some_and(|then| now.saturating_duration_since(then) < time)
}

impl State {
    fn age(&self, now: Instant) -> Option<Duration> {
        self.keys.as_ref().map(|(_, at)| now.saturating_duration_since(*at))
    }

    fn held(&self, now: Instant) -> Held {
        match (&self.keys, self.age(now)) {
            (Some((keys, _)), Some(age)) if age < FRESH => Held::Good(Arc::clone(keys)),
            (Some((keys, _)), Some(age)) if age < OLDEST => Held::Aging(Arc::clone(keys)),
            _ => Held::Nothing,
        }
    }
}

impl Inner {
    /// Fetches the keys; those at hand stay if that fails.
    async fn renew(&self, now: Instant) {
        let fetched = timeout(PATIENCE, self.fetch(now)).await.unwrap_or(Err("too slow"));
        let mut state = self.lock();
        state.flight = None;
        match fetched {
            Ok(keys) => {
                state.keys = Some((Arc::new(keys), now));
                state.trouble = None;
            }
            Err(word) => {
                state.trouble = Some(word);
                tracing::warn!(issuer = %self.issuer.url, "no keys from the issuer: {word}");
            }
        }
    }

    async fn fetch(&self, now: Instant) -> Result<KeySet, &'static str> {
        let place = self.discovery.find(&self.http, now).await?;
        let keys = match self.http.get(&place, LARGEST).await {
            Ok(keys) => KeySet::parse(&keys),
            Err(failed) => Err(failed.word()),
        };
        if keys.is_err() {
            // It may have moved.
            self.discovery.forget().await;
        }
        keys
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
