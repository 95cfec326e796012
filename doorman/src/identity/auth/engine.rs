//! From a token to its bearer: remembered, or found out.

use std::{sync::Arc, time::Instant};

use super::{
    Algorithm, InvalidAuth,
    claims::{Policy, Said},
    fetch::{Http, Issuer},
    flight::Moment,
    introspection::Introspection,
    jws::{self, Form, Jws},
    keyring::Keyring,
    settings::Settings,
};
use crate::identity::{
    Bearer, Recent, Unverified,
    digest::{TokenHash, hash},
};

/// How many tokens are remembered.
const REMEMBERED: usize = 16 << 10;

pub(super) struct Engine {
    policy: Arc<Policy>,
    way: Way,
    known: Recent<TokenHash, Known>,
}

/// How a token is verified.
enum Way {
    Keys { keyring: Keyring, algorithms: Vec<Algorithm> },
    Asking { issuer: Introspection, holds: std::time::Duration },
}

/// A token that verified.
#[derive(Clone)]
struct Known {
    bearer: Bearer,
    by: By,
}

/// On whose word a token is good.
#[derive(Clone)]
enum By {
    /// That of keys of this version: of others, it is to be verified again.
    Keys([u8; 32]),
    /// The issuer's, when it was asked.
    Issuer(Instant),
}

impl Engine {
    pub(super) fn of(settings: &Settings) -> Result<Self, InvalidAuth> {
        let name = &settings.policy.issuer;
        let invalid = |expected| InvalidAuth { issuer: name.clone(), expected };
        let issuer = Issuer::parse(name, settings.loopback_http).map_err(invalid)?;
        settings.check().map_err(invalid)?;
        #[cfg(test)]
        let http = settings.patience.map_or_else(|| Http::new(&issuer), |it| Http::with(&issuer, it));
        #[cfg(not(test))]
        let http = Http::new(&issuer);
        let http = http.map_err(invalid)?;
        let policy = Arc::new(settings.policy.clone());
        let way = match &settings.asked {
            None => Way::Keys { keyring: Keyring::of(http, issuer), algorithms: settings.algorithms.clone() },
            Some(asked) => {
                let said = Said::ByIssuer { audience: asked.audience_by_issuer };
                let client = (asked.client.as_str(), &asked.secret);
                let holds = asked.revocation;
                let issuer = Introspection::of(http, issuer, client, Arc::clone(&policy), said, holds);
                Way::Asking { issuer: issuer.map_err(invalid)?, holds }
            }
        };
        Ok(Self { policy, way, known: Recent::of(REMEMBERED) })
    }

    /// Who bears a token.
    pub(super) async fn verify(&self, token: &str, now: Moment) -> Result<Bearer, Unverified> {
        if !jws::is_token(token) {
            return Err(Unverified::Refused("no token"));
        }
        let hash = hash(token.as_bytes());
        match self.remembered(&hash, now) {
            Some(answer) => answer,
            None => self.find_out(token, hash, now).await,
        }
    }

    /// What is known of a token, if that still holds.
    pub(super) fn remembered(&self, hash: &TokenHash, now: Moment) -> Option<Result<Bearer, Unverified>> {
        let keys = match &self.way {
            Way::Keys { keyring, .. } => Some(keyring.ready(now.steady)?.version),
            Way::Asking { .. } => None,
        };
        let known = self.known.get(hash, |known| {
            now.wall < known.bearer.expires
                && match (&known.by, &self.way) {
                    (By::Keys(version), _) => Some(*version) == keys,
                    (By::Issuer(at), Way::Asking { holds, .. }) => now.steady.saturating_duration_since(*at) < *holds,
                    (By::Issuer(_), Way::Keys { .. }) => false,
                }
        });
        known.map(|known| self.policy.admit(known.bearer))
    }

    /// Verifies a token of which nothing is known.
    pub(super) async fn find_out(&self, token: &str, hash: TokenHash, now: Moment) -> Result<Bearer, Unverified> {
        let (bearer, by) = match &self.way {
            Way::Keys { keyring, algorithms } => {
                let token = Jws::parse(token, algorithms).map_err(Unverified::Refused)?;
                // First what costs little: nobody has keys fetched with a token that is no good anyway.
                let bearer = self.policy.judge(&token.claims, Said::ByToken, now.wall).map_err(Unverified::Refused)?;
                (bearer, By::Keys(keyring.verify(&token, now.steady).await?))
            }
            Way::Asking { issuer, .. } => {
                // Another issuer's token is not for this one to see.
                if matches!(jws::form(token).map_err(Unverified::Refused)?, Form::Of(it) if it != self.policy.issuer) {
                    return Err(Unverified::Refused("wrong issuer"));
                }
                let (bearer, asked) = issuer.verify(token, hash, now).await?;
                (bearer, By::Issuer(asked))
            }
        };
        self.known.put(hash, Known { bearer: bearer.clone(), by });
        self.policy.admit(bearer)
    }

    pub(super) async fn prepare(&self, now: Moment) -> Result<(), Unverified> {
        match &self.way {
            Way::Keys { keyring, .. } => keyring.current(now.steady).await.map(drop),
            Way::Asking { issuer, .. } => issuer.prepare(now.steady).await,
        }
    }

    pub(super) fn trouble(&self) -> Option<&'static str> {
        match &self.way {
            Way::Keys { keyring, .. } => keyring.trouble(Instant::now()),
            Way::Asking { issuer, .. } => issuer.trouble(),
        }
    }
}
