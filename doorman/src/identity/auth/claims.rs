//! What a token must say to be good here (RFC 9068 §4, RFC 7662 §2.2): who issued it, for whom, until when, to whom.
//!
//! In come the claims, the operator's settings and the time; out comes the bearer, or the word for why there is none. Absent
//! is never equal, and nothing is normalized: an issuer or audience that differs in a slash or a letter's case is another.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{
    json::{Object, text},
    mapping::{Agents, Hierarchy, name},
};
use crate::identity::{Bearer, Identity, Unverified};

/// The last second of the year 9999. Later dates are mistakes, mostly milliseconds.
const LAST: u64 = 253_402_300_799;

/// What the operator says about an issuer's tokens.
#[derive(Clone)]
pub(super) struct Policy {
    pub(super) issuer: String,
    pub(super) resource: String,
    /// How far clocks may differ.
    pub(super) leeway: Duration,
    /// The scopes that every caller needs.
    pub(super) required: Vec<String>,
    pub(super) hierarchy: Hierarchy,
    pub(super) agents: Agents,
    /// The claim that names the tenant, which each token must have then.
    pub(super) tenant: Option<String>,
}

/// Who says what is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The token itself.
    ByToken,
    /// Its issuer, when asked, who needn't say again that it is the issuer, and may know of no end.
    ByIssuer {
        /// An issuer that knows no audiences, and issues tokens for this server only.
        audience: bool,
    },
}

impl Policy {
    /// Who bears a token that says this.
    pub(super) fn judge(&self, claims: &Object, said: Said, now: SystemTime) -> Result<Bearer, &'static str> {
        let by_issuer = said != Said::ByToken;
        match claims.get("iss") {
            Some(issuer) if issuer.as_str() == Some(&self.issuer) => {}
            None if by_issuer => {}
            _ => return Err("wrong issuer"),
        }
        match claims.get("aud") {
            Some(audience) if is_for(audience, &self.resource) => {}
            // A refresh token is active, too, and says of itself no more than that. What is for bearers is an access token.
            None if said == (Said::ByIssuer { audience: true }) => {
                if !["token_type", "token_use"].iter().any(|claim| claims.contains_key(*claim)) {
                    return Err("no token_type");
                }
            }
            _ => return Err("wrong audience"),
        }
        let expires = match date(claims, "exp", f64::floor)? {
            Some(expires) => expires.checked_add(self.leeway).ok_or("exp is no date")?,
            // Whoever asked the issuer asks again before long.
            None if by_issuer => SystemTime::UNIX_EPOCH + Duration::from_secs(LAST),
            None => return Err("no exp"),
        };
        if now >= expires {
            return Err("expired");
        }
        let latest = now.checked_add(self.leeway).ok_or("no such time")?;
        if date(claims, "nbf", f64::ceil)?.is_some_and(|from| from > latest) {
            return Err("not yet valid");
        }
        if date(claims, "iat", f64::ceil)?.is_some_and(|issued| issued > latest) {
            return Err("issued in the future");
        }
        is_access_token(claims)?;
        Ok(Bearer { identity: self.identity(claims, by_issuer)?.into(), expires })
    }

    fn identity(&self, claims: &Object, by_issuer: bool) -> Result<Identity, &'static str> {
        let client = match name(claims, "client_id").map_err(|()| "client_id is no name")? {
            Some(client) => Some(client),
            None => name(claims, "azp").map_err(|()| "azp is no name")?,
        };
        // RFC 9068 §2.2: a client that acts for itself is the subject; introspection often leaves that out.
        let itself = client.filter(|_| by_issuer);
        let subject = name(claims, "sub").map_err(|()| "sub is no name")?.or(itself).ok_or("no sub")?;
        let tenant = match &self.tenant {
            None => None,
            Some(claim) => Some(name(claims, claim).ok().flatten().ok_or("no tenant")?.to_owned()),
        };
        Ok(Identity {
            subject: subject.to_owned(),
            issuer: Some(self.issuer.clone()),
            tenant,
            client: client.map(str::to_owned),
            scopes: Some(self.scopes(claims)?),
            agent: self.agents.of(claims)?,
        })
    }

    /// The scopes of `scope` (RFC 9068 §2.2.3) or `scp`, and what they stand for. A token without any has none; what is no
    /// scope's name grants nothing here and is left out.
    fn scopes(&self, claims: &Object) -> Result<Vec<String>, &'static str> {
        let said: Vec<&str> = match (claims.get("scope"), claims.get("scp")) {
            (None, None) => Vec::new(),
            (Some(Value::String(text)), _) | (None, Some(Value::String(text))) => text.split(' ').collect(),
            (None, Some(Value::Array(items))) => {
                items.iter().map(Value::as_str).collect::<Option<_>>().ok_or("scp is no list of scopes")?
            }
            _ => return Err("scope is no text"),
        };
        let legal = said.into_iter().filter(|it| doorman_grammar::scope::parse(it).is_ok());
        Ok(self.hierarchy.closure(legal))
    }

    /// A bearer whom the server admits: one who has its base scopes.
    pub(super) fn admit(&self, bearer: Bearer) -> Result<Bearer, Unverified> {
        let held = bearer.identity.scopes.as_deref().unwrap_or_default();
        let lacking: Vec<String> = self.required.iter().filter(|it| !held.contains(it)).cloned().collect();
        if lacking.is_empty() { Ok(bearer) } else { Err(Unverified::Lacking(lacking)) }
    }
}

/// Whether an `aud` names the resource: it is it, or a list of texts that has it (RFC 7519 §4.1.3, RFC 8707 §2).
fn is_for(audience: &Value, resource: &str) -> bool {
    match audience {
        Value::String(one) => one == resource,
        Value::Array(several) => several.iter().all(Value::is_string) && several.iter().any(|it| it == resource),
        _ => false,
    }
}

/// A NumericDate (RFC 7519 §2). Fractions of a second are rounded to the stricter side.
fn date(claims: &Object, claim: &'static str, round: fn(f64) -> f64) -> Result<Option<SystemTime>, &'static str> {
    let wrong = match claim {
        "exp" => "exp is no date",
        "nbf" => "nbf is no date",
        _ => "iat is no date",
    };
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = match (value.as_u64(), value.as_f64()) {
        (Some(whole), _) => whole,
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (None, Some(some)) if (0.0..=LAST as f64).contains(&some) => round(some) as u64,
        _ => return Err(wrong),
    };
    if seconds > LAST {
        return Err(wrong);
    }
    Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Whether this may be an access token that anyone may bear. ID tokens of OpenID Connect are told by the hashes that only they
/// have, or a `nonce` with nothing of an access token beside it; logout tokens by `events`; refresh tokens by what Cognito,
/// Hydra (`token_use`) and Keycloak (`typ`) call them. `cnf` binds a token to a key (DPoP, mTLS) whose proof isn't checked
/// here, so that a stolen one would do.
fn is_access_token(claims: &Object) -> Result<(), &'static str> {
    let has = |names: &[&str]| names.iter().any(|name| claims.contains_key(*name));
    if has(&["at_hash", "c_hash", "s_hash", "events"]) {
        return Err("no access token");
    }
    if has(&["nonce"]) && !has(&["scope", "scp", "client_id"]) {
        return Err("no access token");
    }
    if claims.get("token_use").is_some_and(|it| it != "access" && it != "access_token") {
        return Err("no access token");
    }
    const OTHERS: [&str; 7] = ["id", "refresh", "offline", "logout", "id_token", "refresh_token", "logout_token"];
    if text(claims, "typ").is_some_and(|it| OTHERS.iter().any(|other| it.eq_ignore_ascii_case(other))) {
        return Err("no access token");
    }
    if has(&["cnf"]) {
        return Err("bound to a key");
    }
    match claims.get("token_type") {
        None => Ok(()),
        Some(kind) => {
            let bearer =
                |it: &str| ["bearer", "access", "access_token"].iter().any(|known| it.eq_ignore_ascii_case(known));
            if kind.as_str().is_some_and(bearer) { Ok(()) } else { Err("no bearer token") }
        }
    }
}
