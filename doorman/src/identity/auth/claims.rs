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
            None if said == (Said::ByIssuer { audience: true }) => {}
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
        Ok(Bearer { identity: self.identity(claims, by_issuer)?, expires })
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
    let has = |name: &&str| claims.contains_key(*name);
    if ["at_hash", "c_hash", "s_hash", "events"].iter().any(|it| has(&it)) {
        return Err("no access token");
    }
    if has(&"nonce") && !["scope", "scp", "client_id"].iter().any(|it| has(&it)) {
        return Err("no access token");
    }
    if claims.get("token_use").is_some_and(|it| it != "access" && it != "access_token") {
        return Err("no access token");
    }
    if text(claims, "typ").is_some_and(|it| ["ID", "Refresh", "Offline", "Logout"].contains(&it)) {
        return Err("no access token");
    }
    if has(&"cnf") {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_900_000_000;
    const TOKEN: Said = Said::ByToken;
    const ISSUER: Said = Said::ByIssuer { audience: false };

    fn policy() -> Policy {
        Policy {
            issuer: "https://issuer.example/a".into(),
            resource: "https://mcp.example/mcp".into(),
            leeway: Duration::from_secs(30),
            required: vec!["mcp".into(), "base".into()],
            hierarchy: Hierarchy::default(),
            agents: Agents::default(),
            tenant: None,
        }
    }

    /// Good claims, with some of them replaced; `null` takes one away.
    fn claims(change: Value) -> Object {
        let mut claims = json!({
            "iss": "https://issuer.example/a", "aud": "https://mcp.example/mcp", "exp": NOW + 60, "sub": "ada",
            "client_id": "app", "scope": "mcp base",
        });
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.remove(name),
                value => claims.insert(name.clone(), value.clone()),
            };
        }
        claims.clone()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn said(change: Value, said: Said) -> Result<Bearer, &'static str> {
        policy().judge(&claims(change), said, at(NOW))
    }

    fn why(change: Value) -> Option<&'static str> {
        said(change, TOKEN).err()
    }

    #[test]
    fn s07_the_audience_is_there_and_exact() {
        let ours = "https://mcp.example/mcp";
        for audience in [json!(ours), json!([ours]), json!(["other", ours]), json!([ours, "https://mcp.example"])] {
            assert_eq!(why(json!({ "aud": audience })), None, "{audience}");
        }
        for audience in [
            Value::Null,
            json!(""),
            json!([]),
            json!([""]),
            json!("https://mcp.example/mcp/"),
            json!("https://mcp.example/mc"),
            json!("https://mcp.example/"),
            json!("https://mcp.example"),
            json!("https://mcp.example/mcp-staging"),
            json!("https://mcp.example/mcp.evil.example"),
            json!("https://evil.example/?x=https://mcp.example/mcp"),
            json!("https://mcp.example/mcp https://other.example"),
            json!(" https://mcp.example/mcp"),
            json!("https://MCP.example/mcp"),
            json!("HTTPS://mcp.example/mcp"),
            json!("https://mcp.example:443/mcp"),
            json!("https://mcp.example/%6dcp"),
            json!(["https://mcp.example/mcp/", "https://mcp.example"]),
            json!([[ours]]),
            json!([ours, 1]),
            json!([ours, null]),
            json!({ "aud": ours }),
            json!({ ours: true }),
            json!(1),
            json!(true),
        ] {
            assert_eq!(why(json!({ "aud": audience })), Some("wrong audience"), "{audience}");
            let asked = said(json!({ "aud": audience }), ISSUER).err();
            assert_eq!(asked, Some("wrong audience"), "{audience}");
        }
        assert_eq!(
            policy()
                .judge(
                    &{
                        let mut it = claims(json!({}));
                        it["aud"] = Value::Null;
                        it
                    },
                    TOKEN,
                    at(NOW)
                )
                .err(),
            Some("wrong audience")
        );
    }

    #[test]
    fn s07_the_issuer_is_there_and_exact() {
        for issuer in [
            Value::Null,
            json!(""),
            json!("https://issuer.example/a/"),
            json!("https://issuer.example"),
            json!("https://issuer.example/A"),
            json!("https://Issuer.example/a"),
            json!("http://issuer.example/a"),
            json!("https://issuer.example:443/a"),
            json!("https://issuer.example/a#"),
            json!("https://issuer.example/a.evil"),
            json!(["https://issuer.example/a"]),
            json!(1),
        ] {
            assert_eq!(why(json!({ "iss": issuer })), Some("wrong issuer"), "{issuer}");
            if !issuer.is_null() {
                assert_eq!(said(json!({ "iss": issuer }), ISSUER).err(), Some("wrong issuer"), "{issuer}");
            }
        }
    }

    #[test]
    fn s07_expiry_is_required_and_exact() {
        for (expires, found) in [
            (json!(NOW + 1), None),
            (json!(NOW - 29), None),
            (json!(NOW - 30), Some("expired")),
            (json!(NOW - 3600), Some("expired")),
            // A fraction is no longer life.
            (json!((NOW - 30) as f64 + 0.9), Some("expired")),
            (json!(0), Some("expired")),
            (Value::Null, Some("no exp")),
            (json!((NOW + 60).to_string()), Some("exp is no date")),
            (json!(-1), Some("exp is no date")),
            (json!(-0.5), Some("exp is no date")),
            (json!(1e300), Some("exp is no date")),
            (json!(u64::MAX), Some("exp is no date")),
            (json!((NOW + 60) * 1000), Some("exp is no date")),
            (json!([NOW + 60]), Some("exp is no date")),
            (json!(true), Some("exp is no date")),
        ] {
            assert_eq!(why(json!({ "exp": expires })), found, "{expires}");
        }
        let bearer = said(json!({}), TOKEN).unwrap();
        assert_eq!(bearer.expires, at(NOW + 90));
        let last = bearer.expires - Duration::from_nanos(1);
        assert!(policy().judge(&claims(json!({})), TOKEN, last).is_ok());
        assert!(policy().judge(&claims(json!({})), TOKEN, bearer.expires).is_err());
    }

    #[test]
    fn s07_what_is_of_the_future_is_refused_beyond_the_leeway() {
        for (claim, future, wrong) in
            [("nbf", "not yet valid", "nbf is no date"), ("iat", "issued in the future", "iat is no date")]
        {
            for (value, found) in [
                (json!(0), None),
                (json!(NOW), None),
                (json!(NOW + 30), None),
                (json!(NOW as f64 + 29.5), None),
                (json!(NOW as f64 + 30.5), Some(future)),
                (json!(NOW + 31), Some(future)),
                (json!(u64::MAX), Some(wrong)),
                (json!("0"), Some(wrong)),
                (json!(-1), Some(wrong)),
                (json!([0]), Some(wrong)),
                (json!(false), Some(wrong)),
            ] {
                assert_eq!(why(json!({ claim: value })), found, "{claim} {value}");
            }
        }
    }

    #[test]
    fn s07_the_subject_is_there() {
        for subject in [Value::Null, json!(""), json!(1), json!("a\nb"), json!("x".repeat(513)), json!(["ada"])] {
            assert!(why(json!({ "sub": subject })).is_some_and(|it| it.contains("sub")), "{subject}");
        }
        let named = said(json!({ "sub": null }), ISSUER).unwrap();
        assert_eq!(named.identity.subject, "app", "a client that acts for itself, as its issuer says");
        assert!(said(json!({ "sub": null, "client_id": null }), ISSUER).is_err());
        assert!(said(json!({ "sub": 1 }), ISSUER).is_err());
    }

    #[test]
    fn s07_tokens_for_other_uses_are_no_access_tokens() {
        for (change, found) in [
            (json!({ "at_hash": "x" }), Some("no access token")),
            (json!({ "c_hash": "x" }), Some("no access token")),
            (json!({ "events": {} }), Some("no access token")),
            (json!({ "nonce": "x", "scope": null, "client_id": null }), Some("no access token")),
            (json!({ "nonce": "x", "scope": null, "client_id": null, "azp": "app" }), Some("no access token")),
            (json!({ "nonce": "x" }), None),
            (json!({ "token_use": "id" }), Some("no access token")),
            (json!({ "token_use": "refresh_token" }), Some("no access token")),
            (json!({ "token_use": "access" }), None),
            (json!({ "typ": "ID" }), Some("no access token")),
            (json!({ "typ": "Refresh" }), Some("no access token")),
            (json!({ "typ": "Bearer" }), None),
            (json!({ "cnf": { "jkt": "x" } }), Some("bound to a key")),
            (json!({ "token_type": "DPoP" }), Some("no bearer token")),
            (json!({ "token_type": 1 }), Some("no bearer token")),
            (json!({ "token_type": "bearer" }), None),
        ] {
            assert_eq!(why(change.clone()), found, "{change}");
            assert_eq!(said(change.clone(), ISSUER).err(), found, "{change}");
        }
    }

    #[test]
    fn scopes_are_those_of_the_token_or_none() {
        let scopes = |change| said(change, TOKEN).map(|it| it.identity.scopes.expect("its own").join(","));
        for (change, found) in [
            (json!({}), Ok("mcp,base")),
            (json!({ "scope": null }), Ok("")),
            (json!({ "scope": "" }), Ok("")),
            (json!({ "scope": "  a  b a " }), Ok("a,b")),
            (json!({ "scope": "a * a:* b\tc \"" }), Ok("a")),
            (json!({ "scope": null, "scp": ["a", "b c", "*"] }), Ok("a")),
            (json!({ "scope": null, "scp": "a b" }), Ok("a,b")),
            (json!({ "scope": "a", "scp": ["b"] }), Ok("a")),
            (json!({ "scope": ["a"] }), Err("scope is no text")),
            (json!({ "scope": 1 }), Err("scope is no text")),
            (json!({ "scope": null, "scp": ["a", 1] }), Err("scp is no list of scopes")),
            (json!({ "scope": null, "scp": { "a": 1 } }), Err("scope is no text")),
        ] {
            assert_eq!(scopes(change.clone()), found.map(str::to_owned), "{change}");
        }
    }

    #[test]
    fn all_lacking_base_scopes_are_told_at_once() {
        let lacking = |change| policy().admit(said(change, TOKEN).unwrap()).err();
        assert_eq!(lacking(json!({})), None);
        assert_eq!(lacking(json!({ "scope": "mcp" })), Some(Unverified::Lacking(vec!["base".into()])));
        let both = Some(Unverified::Lacking(vec!["mcp".into(), "base".into()]));
        assert_eq!(lacking(json!({ "scope": "Mcp bas mcp:x" })), both);
        assert_eq!(lacking(json!({ "scope": null })), both);
    }

    #[test]
    fn where_tenants_are_each_token_has_one() {
        let policy = Policy { tenant: Some("org".into()), ..policy() };
        let tenant = |change| policy.judge(&claims(change), TOKEN, at(NOW)).map(|it| it.identity.tenant);
        assert_eq!(tenant(json!({ "org": "acme" })), Ok(Some("acme".into())));
        for change in [json!({}), json!({ "org": "" }), json!({ "org": 7 }), json!({ "org": ["acme"] })] {
            assert_eq!(tenant(change), Err("no tenant"));
        }
    }

    #[test]
    fn clients_and_issuers_are_named() {
        let of = |change| said(change, TOKEN).unwrap().identity;
        assert_eq!(of(json!({})).client.as_deref(), Some("app"));
        assert_eq!(of(json!({ "client_id": null, "azp": "web" })).client.as_deref(), Some("web"));
        assert_eq!(of(json!({ "client_id": null })).client, None);
        assert_eq!(of(json!({})).issuer.as_deref(), Some("https://issuer.example/a"));
        assert!(said(json!({ "client_id": 1 }), TOKEN).is_err());
    }

    #[test]
    fn what_an_issuer_may_leave_out_when_asked() {
        let told = Said::ByIssuer { audience: true };
        assert!(said(json!({ "aud": null }), told).is_ok());
        assert_eq!(said(json!({ "aud": "other" }), told).err(), Some("wrong audience"));
        assert!(said(json!({ "iss": null, "exp": null }), ISSUER).is_ok());
        assert_eq!(said(json!({ "exp": NOW - 30 }), ISSUER).err(), Some("expired"));
        assert_eq!(said(json!({ "nbf": NOW + 31 }), ISSUER).err(), Some("not yet valid"));
    }

    #[test]
    fn s17_nothing_of_a_bearer_is_shown() {
        let bearer =
            said(json!({ "agent_id": "canary-1", "agent_type": "canary", "sub": "canary", "scope": "canary" }), TOKEN);
        let shown = format!("{bearer:?} {:?}", bearer.as_ref().unwrap().identity);
        assert!(!shown.contains("canary") && !shown.contains("issuer.example"), "{shown}");
    }
}
