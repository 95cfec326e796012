//! Tokens that only their issuer can read: it is asked, not too often, and its word holds no longer than was said (RFC 7662).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{admitted, admitted_within, asking, refused, status, unknown};
use crate::harness::{Authority, Era};

/// An opaque token that says this.
fn opaque(authority: &Authority, mut said: Value) -> String {
    said["format"] = "opaque".into();
    authority.token(said)
}

#[test]
fn s07_an_opaque_token_is_what_its_issuer_says() {
    let authority = Authority::shared();
    let server = asking(authority, |_| {}).serve();
    let token = opaque(authority, json!({"scope": "invoices:read", "agent_id": "bea", "agent_type": "writer"}));
    let who = admitted(&server, "good", &token);
    assert_eq!((&who["subject"], &who["agent_id"]), (&json!("ada"), &json!("bea")));
    let mut bea = server.bearing(&token, Era::Modern);
    assert!(!bea.call("get_invoice", json!({"id": "1"})).is_error());
    assert_eq!(bea.call("create_invoice", json!({"customer": "c", "amount": 1.0})).code(), -32602);
    let calls = server.fixture.calls("whoami").len();
    for wrong in [
        json!({"audience": "https://mcp.example/mcp/"}),
        json!({"audience": "https://mcp.example"}),
        json!({"audience": null}),
        json!({"claims": {"aud": 7}}),
        json!({"claims": {"aud": []}}),
        json!({"claims": {"aud": "https://other.example https://mcp.example/mcp"}}),
        json!({"issuer": "https://other.example"}),
        json!({"issuer": format!("{}/", authority.issuer)}),
        json!({"expires_in": -3600}),
        json!({"claims": {"exp": 1}}),
        json!({"claims": {"nbf": super::seconds(3600)}}),
        json!({"claims": {"active": false}}),
        json!({"claims": {"token_type": "DPoP"}}),
        json!({"claims": {"cnf": {"jkt": "x"}}}),
        json!({"agent_id": "../ada"}),
    ] {
        refused(&server, &wrong.to_string(), &opaque(authority, wrong));
    }
    for nobodys in ["nobodys-4711-but-long-enough", &format!("{token}x"), &token[1..], &token.to_uppercase()] {
        refused(&server, "nobody's", nobodys);
    }
    assert_eq!(server.fixture.calls("whoami").len(), calls);
}

#[test]
fn s07_an_issuer_that_knows_no_audiences_is_taken_at_its_word_only_where_that_is_said() {
    let authority = Authority::shared();
    let server = asking(authority, |entry| entry["introspection"]["audience_by_issuer"] = true.into()).serve();
    admitted(&server, "for whom isn't said", &opaque(authority, json!({"audience": null})));
    refused(&server, "for somebody else", &opaque(authority, json!({"audience": "https://other.example"})));
    // Its answer about a refresh token is the same but for a `token_type`.
    let login = authority.login(json!({"scope": "openid offline_access mcp"}));
    refused(&server, "a refresh token", login["refresh_token"].as_str().expect("a token"));
}

#[test]
fn s07_a_revoked_token_is_refused_within_the_bound() {
    let authority = Authority::start();
    let server = asking(&authority, |entry| entry["introspection"]["revocation_within"] = "3s".into()).serve();
    let token = opaque(&authority, json!({}));
    let began = Instant::now();
    admitted(&server, "good", &token);
    let mut session = server.bearing(&token, Era::Session);
    for _ in 0..30 {
        assert_eq!(status(&server, &token), 200);
    }
    if began.elapsed() < Duration::from_secs(3) {
        assert_eq!(authority.seen("introspection").0, 1, "it isn't asked for each call");
    }
    authority.revoke(&token);
    let revoked = Instant::now();
    while status(&server, &token) == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(4), "it is good for too long");
        thread::sleep(Duration::from_millis(50));
    }
    refused(&server, "revoked", &token);
    let message = session.message("tools/list", json!({}));
    assert_eq!(session.exchange(&message).status, 401, "nor is its session any good");
}

#[test]
fn s07_with_the_least_bound_a_revoked_token_is_refused_at_once() {
    let authority = Authority::start();
    let server = asking(&authority, |entry| entry["introspection"]["revocation_within"] = "1ms".into()).serve();
    let token = opaque(&authority, json!({}));
    for times in 1..=5 {
        admitted(&server, "good", &token);
        assert_eq!(authority.seen("introspection").0, times);
    }
    authority.revoke(&token);
    refused(&server, "revoked", &token);
}

#[test]
fn a_hundred_first_uses_of_a_token_are_one_question() {
    let authority = Authority::start();
    authority.behave(&json!({"introspection": {"mode": "slow", "ms": 1_500}}));
    let server = asking(&authority, |_| {}).serve();
    let token = opaque(&authority, json!({}));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let all: Vec<_> = (0..100).map(|_| scope.spawn(|| status(&server, &token))).collect();
        all.into_iter().map(|it| it.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|it| *it == 200), "{statuses:?}");
    assert_eq!(authority.seen("introspection"), (1, 1));
}

#[test]
fn s07_nobodys_token_is_asked_about_once_for_a_while() {
    let authority = Authority::start();
    let server = asking(&authority, |_| {}).serve();
    for _ in 0..20 {
        assert_eq!(status(&server, "nobodys-4711"), 401);
    }
    let asked = authority.seen("introspection").0;
    assert!(asked <= 2, "the issuer was asked {asked} times");
}

#[test]
fn s24_an_issuer_that_does_not_answer_lets_nobody_in_and_recovers() {
    let authority = Authority::start();
    let tokens = authority.tokens((0..20).map(|it| json!({"format": "opaque", "sub": format!("u{it}")})));
    let mut tokens = tokens.iter();
    let mut next = || tokens.next().expect("a token");
    let server = asking(&authority, |entry| entry["introspection"]["revocation_within"] = "1ms".into()).serve();
    let known = next();
    admitted(&server, "good", known);
    for how in [
        json!("error"),
        json!("down"),
        json!("garbage"),
        json!("redirect"),
        json!({"status": 401}),
        json!({"body": "null"}),
        json!({"body": {}}),
        json!({"body": {"active": "true"}}),
        json!({"body": {"active": 1}}),
        json!({"body": [{"active": true}]}),
        json!({"mode": "huge", "bytes": 64 << 20}),
        json!("drip"),
    ] {
        authority.behave(&json!({"introspection": how}));
        unknown(&server, &how.to_string(), next());
        authority.reset();
    }
    authority.close();
    unknown(&server, "closed", next());
    unknown(&server, "closed, though it was good before", known);
    assert_eq!(server.fixture.calls("whoami").len(), 1);
    authority.open();
    admitted_within(&server, Duration::from_secs(20), next());
    admitted_within(&server, Duration::from_secs(20), known);
    assert_eq!(authority.seen("moved"), (0, 0), "redirects aren't followed");
}
