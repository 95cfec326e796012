//! Tokens from issuers that are there: keys made at the time, served and answered for over HTTP by servers that count
//! requests and can misbehave.

mod asking;
mod figures;
mod forging;
mod issuer;
mod renewing;
mod saying;
mod serving;
mod several;
mod signer;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use self::{
    issuer::{Issuer, Reply},
    signer::Signer,
};
use super::{Algorithm, Auth, flight::Moment};
use crate::identity::{Bearer, Unverified};

/// The server that tokens are for.
const HERE: &str = "https://mcp.example/mcp";

/// What a token's verification came to, in a word.
async fn outcome(auth: &Auth, token: &str, now: Moment) -> Result<String, Unverified> {
    auth.verify_at(token, now).await.map(|Bearer { identity, .. }| identity.subject.clone())
}

fn refused<T>(word: &'static str) -> Result<T, Unverified> {
    Err(Unverified::Refused(word))
}

fn unavailable<T>(word: &'static str) -> Result<T, Unverified> {
    Err(Unverified::Unavailable(word))
}

/// Waits for what happens in the background.
async fn eventually(happened: impl Fn() -> bool) {
    for _ in 0..1000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it didn't happen");
}

fn ada() -> Result<String, Unverified> {
    Ok("ada".into())
}

fn seconds(now: Moment) -> u64 {
    now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Good claims of an issuer's token that lives for two hours, with some replaced; `null` takes one away.
fn claims(issuer: &Issuer, change: Value) -> Value {
    let now = seconds(Moment::now());
    let mut claims = json!({
        "iss": issuer.name(), "aud": HERE, "sub": "ada", "exp": now + 7200, "iat": now, "client_id": "app", "scope": "mcp",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// An issuer with one key, and what verifies its tokens.
async fn world(signer: &Signer) -> (Issuer, Auth) {
    let issuer = Issuer::start().await;
    issuer.publish(&[signer.jwk("k1")]);
    let auth = Auth::jwt(issuer.name(), HERE).allow_loopback_http().patience(Duration::from_millis(500));
    (issuer, auth)
}

impl Auth {
    /// How long one request may take.
    fn patience(self, patience: Duration) -> Self {
        self.with(|it| it.patience = Some(patience))
    }
}
