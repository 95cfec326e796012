//! What a token says, claim by claim, without signatures.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::identity::{
    Bearer, Unverified,
    auth::{
        claims::{Policy, Said},
        json::Object,
        mapping::{Agents, Hierarchy},
    },
};

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
    let scopes = |change| said(change, TOKEN).map(|it| it.identity.scopes.as_ref().expect("its own").join(","));
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
    let tenant = |change| policy.judge(&claims(change), TOKEN, at(NOW)).map(|it| it.identity.tenant.clone());
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
    assert!(said(json!({ "aud": null, "token_type": "Bearer" }), told).is_ok());
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
