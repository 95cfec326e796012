//! An issuer's keys: fetched once for all who wait, renewed when they change, and none at all rather than bad ones (S07).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{admitted, refused, status, taking, unknown};
use crate::harness::Authority;

#[test]
fn s07_keys_rotate_while_serving() {
    let authority = Authority::start();
    let server = taking(&authority).serve();
    let first = authority.token(json!({}));
    admitted(&server, "the first keys", &first);
    // The issuer signs with new keys, and still publishes the old ones.
    authority.rotate();
    let second = authority.token(json!({"sub": "bea"}));
    assert_eq!(admitted(&server, "new keys", &second)["subject"], "bea");
    admitted(&server, "the old ones beside them", &first);
    // A server that hasn't yet fetched for an unknown key; then the issuer withdraws what it has published.
    let server = taking(&authority).serve();
    admitted(&server, "the old ones", &first);
    admitted(&server, "those from before", &second);
    authority.replace_keys();
    let third = authority.token(json!({}));
    admitted(&server, "the newest keys", &third);
    for (what, token) in [("withdrawn", &first), ("withdrawn, too", &second)] {
        refused(&server, what, token);
    }
    admitted(&server, "the newest keys again", &third);
}

#[test]
fn s07_an_unknown_kid_fetches_once_then_cools_down() {
    let authority = Authority::start();
    let server = taking(&authority).serve();
    let good = authority.token(json!({}));
    admitted(&server, "good", &good);
    authority.reset();
    let strange = authority.tokens((0..40).map(|it| json!({"key": "foreign", "kid": format!("strange-{it}")})));
    for token in &strange {
        refused(&server, "of an unknown key", token);
    }
    assert_eq!(authority.seen("jwks"), (1, 1), "forty strangers have the keys fetched once");
    assert_eq!(authority.seen("metadata"), (0, 0), "and where they are is known");
    admitted(&server, "good", &good);
    // The wait that strangers cause isn't for ever, and costs those nothing whose keys are there.
    authority.rotate();
    admitted(&server, "good", &good);
    assert_eq!(status(&server, &authority.token(json!({}))), 401, "it still cools down");
    assert_eq!(authority.seen("jwks"), (1, 1));
}

#[test]
fn s07_what_is_wrong_anyway_has_nothing_fetched() {
    let authority = Authority::start();
    let server = taking(&authority).serve();
    admitted(&server, "good", &authority.token(json!({})));
    authority.reset();
    let unknown = json!({"key": "foreign", "kid": "strange"});
    let wrong = [
        json!({"audience": "https://other.example"}),
        json!({"issuer": "https://other.example"}),
        json!({"expires_in": -3600}),
        json!({"header": {"typ": "logout+jwt"}}),
        json!({"agent_id": "../ada"}),
        json!({"header": {"jku": "https://other.example/jwks"}, "expires_in": -3600}),
    ];
    for token in authority.tokens(wrong.map(|mut wrong| {
        let own = wrong.as_object_mut().expect("an object");
        own.extend(unknown.as_object().expect("an object").clone());
        wrong
    })) {
        refused(&server, "wrong", &token);
    }
    for endpoint in ["jwks", "metadata", "other"] {
        assert_eq!(authority.seen(endpoint), (0, 0), "{endpoint}");
    }
}

#[test]
fn a_hundred_first_uses_of_a_token_fetch_the_keys_once() {
    let authority = Authority::start();
    authority.behave(&json!({"jwks": {"mode": "slow", "ms": 1_500}}));
    let server = taking(&authority).serve();
    let token = authority.token(json!({}));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let all: Vec<_> = (0..100).map(|_| scope.spawn(|| status(&server, &token))).collect();
        all.into_iter().map(|it| it.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|it| *it == 200), "{statuses:?}");
    assert_eq!(authority.seen("jwks"), (1, 1));
}

/// The server takes no token while its issuer answers like this, and loses neither time nor memory over it.
#[track_caller]
fn denies(authority: &Authority, how: &Value) {
    let what = how.to_string();
    authority.reset();
    let tokens = authority.tokens([json!({}), json!({"expires_in": -3600}), json!({"key": "foreign"})]);
    authority.behave(how);
    let server = taking(authority).serve();
    let began = Instant::now();
    unknown(&server, &what, &tokens[0]);
    unknown(&server, &what, &tokens[2]);
    assert!(began.elapsed() < Duration::from_secs(30), "{what} takes {:?}", began.elapsed());
    refused(&server, &what, &tokens[1]);
    assert_eq!(server.fixture.calls("whoami").len(), 0, "{what}");
    assert_eq!(authority.seen("moved"), (0, 0), "{what}: redirects aren't followed");
    let peak = server.process.peak_memory();
    assert!(peak < 256 << 20, "{what} costs {peak} bytes");
}

#[test]
fn s07_bad_keys_are_none() {
    let authority = Authority::start();
    // A public key that can sign tokens under any name would be as good as none.
    let answer = |keys: Value| json!({"jwks": {"body": {"keys": keys}}});
    for how in [
        json!({"jwks": {"mode": "huge", "bytes": 512 << 20}}),
        json!({"jwks": {"mode": "many", "keys": 150}}),
        json!({"jwks": "redirect"}),
        json!({"jwks": {"mode": "redirect", "status": 302}}),
        json!({"jwks": "down"}),
        json!({"jwks": "error"}),
        json!({"jwks": {"mode": "error", "status": 404}}),
        json!({"jwks": "garbage"}),
        json!({"jwks": {"body": "<html>", "headers": {"content-type": "text/html"}}}),
        json!({"jwks": {"body": "null"}}),
        json!({"jwks": {"body": ""}}),
        json!({"jwks": {"body": "[".repeat(100_000)}}),
        answer(json!([])),
        answer(json!({})),
        answer(json!([{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "foreign"}])),
    ] {
        denies(&authority, &how);
    }
}

#[test]
fn s07_slow_keys_are_none() {
    let authority = Authority::start();
    denies(&authority, &json!({"jwks": "drip"}));
    denies(&authority, &json!({"jwks": {"mode": "slow", "ms": 60_000}}));
}

#[test]
fn s07_metadata_that_misleads_is_none() {
    let authority = Authority::start();
    let patch = |member: &str, value: Value| json!({"metadata": {"patch": {member: value}}});
    for how in [
        patch("issuer", json!("https://other.example")),
        patch("issuer", json!(format!("{}/", authority.issuer))),
        patch("issuer", json!(null)),
        patch("jwks_uri", json!(null)),
        patch("jwks_uri", json!("")),
        patch("jwks_uri", json!(7)),
        patch("jwks_uri", json!("/jwks")),
        patch("jwks_uri", json!("file:///etc/passwd")),
        patch("jwks_uri", json!("http://mcp.example/jwks")),
        patch("jwks_uri", json!("http://169.254.169.254/latest/meta-data")),
        patch("jwks_uri", json!("https://10.0.0.1/jwks")),
        patch("jwks_uri", json!(format!("{}/jwks", authority.issuer.replace("http://", "http://a:b@")))),
        json!({"metadata": "redirect"}),
        json!({"metadata": {"mode": "huge", "bytes": 64 << 20}}),
        json!({"metadata": "garbage"}),
        json!({"metadata": "down"}),
        json!({"metadata": "error"}),
    ] {
        denies(&authority, &how);
    }
}
