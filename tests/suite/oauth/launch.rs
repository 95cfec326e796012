//! On stdio the launcher's token says who calls, if it verifies (S06), for as long as it does (S07).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{asking, taking, trusting};
use crate::harness::{Authority, Caller, Cast, Era, Fixture};

fn launched(fixture: &Fixture, token: &str, era: Era) -> Caller {
    fixture.clone().env("DOORMAN_BEARER_TOKEN", token).unnamed(era)
}

fn reads(caller: &mut Caller) -> bool {
    !caller.call("get_invoice", json!({"id": "1"})).is_error()
}

#[test]
fn s06_the_launchers_token_says_who_calls() {
    let authority = Authority::shared();
    let said = json!({"scope": "invoices:read", "sub": "ada"});
    let mut opaque = said.clone();
    opaque["format"] = "opaque".into();
    for (fixture, said) in [(taking(authority), said), (asking(authority, |_| {}), opaque)] {
        let token = authority.token(said);
        for era in [Era::Session, Era::Modern] {
            let mut ada = launched(&fixture, &token, era);
            let who = ada.call("whoami", json!({}));
            assert_eq!((&who.structured()["subject"], &who.structured()["agent_id"]), (&json!("ada"), &json!("ada")));
            assert!(reads(&mut ada), "what both token and manifest grant");
            assert_eq!(ada.call("slow", json!({"ms": 0})).code(), -32602, "and nothing else");
            assert!(!ada.process().stderr().contains(&token));
            drop(ada);
            // The operator's own tokens are as good as ever.
            assert_eq!(
                launched(&fixture, &Cast::BOB.token(), era).call("whoami", json!({})).structured()["agent_id"],
                "bob"
            );
        }
        assert!(!fixture.audit_text().contains(&token));
    }
}

#[test]
fn s06_a_launchers_token_that_does_not_verify_is_no_start() {
    let authority = Authority::start();
    let wrong = [
        json!({"audience": "https://other.example"}),
        json!({"expires_in": -3600}),
        json!({"key": "foreign"}),
        json!({"issuer": "https://other.example"}),
    ];
    let mut tokens = authority.tokens(wrong);
    tokens.push("nobodys-4711".to_owned());
    let good = authority.token(json!({}));
    let fixture = taking(&authority);
    #[track_caller]
    fn refuses(fixture: &Fixture, token: &str) {
        let (code, said) = fixture.clone().env("DOORMAN_BEARER_TOKEN", token).refuses();
        assert!(code == 1 && said.contains("DOORMAN_BEARER_TOKEN"), "{code} {said}");
        assert!(!said.contains(token), "{said}");
    }
    for token in &tokens {
        refuses(&fixture, token);
    }
    launched(&fixture, &good, Era::Modern);
    authority.close();
    refuses(&fixture, &good);
}

#[test]
fn s07_a_launchers_token_expires() {
    let authority = Authority::shared();
    let mut entry = authority.entry();
    entry["leeway"] = "1ms".into();
    let fixture = Fixture::new().auth(&trusting([entry]));
    for era in [Era::Session, Era::Modern] {
        let until = Instant::now() + Duration::from_secs(4);
        let token = authority.token(json!({"scope": "invoices:read", "expires_in": 4}));
        let mut ada = launched(&fixture, &token, era);
        assert!(reads(&mut ada));
        // The issuer's clock counts whole seconds.
        thread::sleep(until.saturating_duration_since(Instant::now()) + Duration::from_millis(100));
        assert!(!reads(&mut ada), "{era:?}");
    }
}

/// Whether the calls of a while are all allowed, or all refused.
#[track_caller]
fn for_a_while(caller: &mut Caller, allowed: bool) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        assert_eq!(reads(caller), allowed, "after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn s07_a_launchers_token_is_asked_about_again_without_a_gap() {
    let authority = Authority::start();
    let revocable = |entry: &mut Value| entry["introspection"]["revocation_within"] = "2s".into();
    let fixture = asking(&authority, revocable);
    let token = authority.token(json!({"format": "opaque", "scope": "invoices:read"}));
    let mut ada = launched(&fixture, &token, Era::Session);
    for_a_while(&mut ada, true);
    authority.revoke(&token);
    let revoked = Instant::now();
    while reads(&mut ada) {
        assert!(revoked.elapsed() < Duration::from_secs(4), "it is good for too long");
        thread::sleep(Duration::from_millis(50));
    }
    for_a_while(&mut ada, false);
}
