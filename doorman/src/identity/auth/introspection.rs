//! Tokens that only their issuer can read: it is asked about each (RFC 7662), once for all who ask at a time, and again after a
//! while, because it may have revoked the token.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    claims::{Policy, Said},
    discovery::Discovery,
    fetch::{Answered, Http, Issuer, form_encoded},
    flight::{Flight, Moment, launch},
    json,
};
use crate::{
    credentials::Secret,
    identity::{Bearer, Recent, Unverified, digest::TokenHash},
};

/// The largest answer, in bytes.
const LARGEST: usize = 64 << 10;
/// How many tokens are asked about at a time.
pub(super) const AT_A_TIME: usize = 64;
/// How long an answer holds for the one request that asked.
const AT_LEAST: Duration = Duration::from_secs(1);
/// How long the issuer isn't asked again about a token that it doesn't know.
pub(super) const UNKNOWN: Duration = Duration::from_secs(5);
/// How many of those are remembered. They have a place of their own, so that nobody's garbage displaces a good token.
const UNKNOWN_MOST: usize = 4096;

/// Who bears a token, and when the issuer was asked.
type Answer = Result<(Bearer, Instant), Unverified>;

/// The issuer, as one that is asked.
pub(super) struct Introspection(Arc<Inner>);

struct Inner {
    http: Http,
    discovery: Discovery,
    credentials: HeaderValue,
    policy: Arc<Policy>,
    said: Said,
    /// How long an answer holds.
    holds: Duration,
    refused: Recent<TokenHash, (Instant, &'static str)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: HashMap<TokenHash, Flight<Answer>>,
    /// Why questions get no answers, if they don't.
    trouble: Option<&'static str>,
    /// How many in a row got none.
    unanswered: u32,
}

/// So many questions in a row without an answer are the issuer's trouble: one may be its token's.
const IN_A_ROW: u32 = 3;

impl State {
    fn answered(&mut self) {
        (self.trouble, self.unanswered) = (None, 0);
    }

    fn failed(&mut self, word: &'static str) {
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered >= IN_A_ROW {
            self.trouble = Some(word);
        }
    }
}

impl Introspection {
    pub(super) fn of(
        http: Http,
        issuer: Issuer,
        client: (&str, &Secret),
        policy: Arc<Policy>,
        said: Said,
        holds: Duration,
    ) -> Result<Self, &'static str> {
        Ok(Self(Arc::new(Inner {
            http,
            discovery: Discovery::of(issuer, "introspection_endpoint"),
            credentials: basic(client.0, client.1)?,
            policy,
            said,
            holds,
            refused: Recent::of(UNKNOWN_MOST),
            state: Mutex::default(),
        })))
    }

    /// Who bears a token, as its issuer says.
    pub(super) async fn verify(&self, token: &str, hash: TokenHash, now: Moment) -> Answer {
        let fresh = |(at, _): &(Instant, _)| now.steady.saturating_duration_since(*at) < UNKNOWN;
        if let Some((_, word)) = self.0.refused.get(&hash, fresh) {
            return Err(Unverified::Refused(word));
        }
        let flight = {
            let mut state = self.0.lock();
            match state.asked.get(&hash).filter(|it| it.peek().is_none()) {
                Some(flight) => flight.clone(),
                None if state.asked.len() >= AT_A_TIME => return Err(Unverified::Unavailable("too many questions")),
                None => {
                    let (inner, token) = (Arc::clone(&self.0), Zeroizing::new(token.to_owned()));
                    let flight = launch(async move {
                        let _asking = Asking { inner: &inner, hash };
                        inner.ask(&token, hash, now).await
                    });
                    state.asked.insert(hash, flight.clone());
                    flight
                }
            }
        };
        flight.await.unwrap_or(Err(Unverified::Unavailable("the question broke off")))
    }

    /// Looks up where to ask.
    pub(super) async fn prepare(&self, now: Instant) -> Result<(), Unverified> {
        let found = self.0.discovery.find(&self.0.http, now).await;
        match &found {
            Ok(_) => self.0.lock().answered(),
            Err(word) => self.0.lock().trouble = Some(word),
        }
        found.map(drop).map_err(Unverified::Unavailable)
    }

    /// Why the issuer can't be asked.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        self.0.lock().trouble
    }
}

/// A question under way, until it is over one way or another.
struct Asking<'a> {
    inner: &'a Inner,
    hash: TokenHash,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.inner.lock().asked.remove(&self.hash);
    }
}

impl Inner {
    async fn ask(&self, token: &str, hash: TokenHash, now: Moment) -> Answer {
        let answer = match self.answer(token, now).await {
            Ok(answer) => answer,
            Err(word) => {
                self.lock().failed(word);
                return Err(Unverified::Unavailable(word));
            }
        };
        self.lock().answered();
        answer.map(|bearer| (bearer, now.steady)).map_err(|word| {
            self.refused.put(hash, (now.steady, word));
            Unverified::Refused(word)
        })
    }

    /// What the issuer says: an error if it says nothing, a refusal if it says no.
    async fn answer(&self, token: &str, now: Moment) -> Result<Result<Bearer, &'static str>, &'static str> {
        let place = self.discovery.find(&self.http, now.steady).await?;
        let form = format!("token={}&token_type_hint=access_token", form_encoded(token));
        let said = match self.http.post(&place, &self.credentials, form, LARGEST).await.map_err(|it| it.word())? {
            Answered::Said(said) => said,
            // RFC 7009 §2.2.1, which introspection endpoints answer, too: the token is none that it could say anything of.
            Answered::Objected(why) => {
                let why = json::object(&why).unwrap_or_default();
                return match why.get("error").and_then(Value::as_str) {
                    Some("unsupported_token_type") => Ok(Err("of a type that isn't asked about")),
                    _ => Err("it objects to the question"),
                };
            }
        };
        let mut said = json::object(&said).ok_or("its answer is no JSON object")?;
        match said.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(Err("not active")),
            _ => return Err("its answer says nothing of active"),
        }
        // Some say so of what they don't say.
        said.retain(|_, value| !value.is_null());
        Ok(self.policy.judge(&said, self.said, now.wall).map(|bearer| {
            // Even what isn't remembered holds for the request that it is found out for.
            let again = now.wall + self.holds.max(AT_LEAST);
            Bearer { expires: bearer.expires.min(again), ..bearer }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// HTTP Basic credentials of a client (RFC 6749 §2.3.1). The header's `Debug` shows nothing of them.
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, &'static str> {
    let pair = Zeroizing::new(format!("{}:{}", form_encoded(id), *Zeroizing::new(form_encoded(secret.expose()))));
    let text = Zeroizing::new(format!("Basic {}", *Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()))));
    let mut header = HeaderValue::from_str(&text).map_err(|_| "expected credentials that fit a header")?;
    header.set_sensitive(true);
    Ok(header)
}
