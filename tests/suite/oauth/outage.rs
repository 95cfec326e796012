//! An issuer that can't be reached: nobody gets in on its word, those who need it not are let in, and all is well again
//! without a restart (S24).

use std::time::Duration;

use serde_json::json;

use super::{admitted, admitted_within, refused, taking, unknown};
use crate::harness::{Authority, Cast, Request, eventually};

#[test]
fn s24_an_issuer_that_is_down_at_start_denies_and_recovers_without_restart() {
    let authority = Authority::start();
    let tokens = authority.tokens([json!({}), json!({"expires_in": -3600}), json!({"key": "foreign"})]);
    authority.close();
    let server = taking(&authority).serve();
    unknown(&server, "nobody knows the keys", &tokens[0]);
    unknown(&server, "nor whether they are these", &tokens[2]);
    refused(&server, "what needs no key to be wrong", &tokens[1]);
    assert_eq!(server.fixture.calls("whoami").len(), 0);
    admitted(&server, "who isn't the issuer's", &Cast::ALICE.token());
    eventually("a word for the operator", || server.process.stderr().contains("no keys from the issuer").then_some(()));
    authority.open();
    admitted_within(&server, Duration::from_secs(20), &tokens[0]);
    refused(&server, "a key of nobody's", &tokens[2]);
    refused(&server, "expired", &tokens[1]);
}

#[test]
fn s24_a_server_gets_ready_by_itself() {
    let authority = Authority::start();
    authority.close();
    let server = taking(&authority).serve();
    let ready = || Request::new("GET", "/ready").send(server.address);
    let first = ready();
    assert_eq!((first.status, &*first.body), (503, r#"{"status":"not ready","parts":["auth"]}"#));
    authority.open();
    // Nobody calls: whoever sends calls waits for it to be ready.
    eventually("readiness", || (ready().status == 200).then_some(()));
    // What a stranger brings makes it no less.
    authority.behave(&json!({"jwks": "error"}));
    unknown(&server, "a key that nobody knows", &authority.token(json!({"kid": "no-such-key"})));
    assert_eq!(ready().status, 200);
}

#[test]
fn s24_an_issuer_that_is_down_at_rotation_denies_what_is_new_and_recovers() {
    let authority = Authority::start();
    let server = taking(&authority).serve();
    let old = authority.token(json!({}));
    admitted(&server, "before", &old);
    let kept = authority.token(json!({"sub": "bea"}));
    authority.replace_keys();
    let new = authority.token(json!({}));
    authority.close();
    unknown(&server, "a key that can't be fetched", &new);
    admitted(&server, "known", &old);
    admitted(&server, "of known keys", &kept);
    refused(&server, "expired", &authority.token(json!({"expires_in": -3600})));
    authority.open();
    // Strangers could have keys fetched as often as they like, were it not for a pause of 30 seconds.
    admitted_within(&server, Duration::from_secs(50), &new);
    refused(&server, "of keys that were withdrawn", &old);
}

#[test]
fn s24_an_issuer_that_is_down_holds_up_nobody_elses_tokens() {
    let (up, down) = (Authority::shared(), Authority::start());
    let tokens = [up, &down].map(|it| it.token(json!({})));
    down.close();
    let file = super::trusting([down.entry(), up.entry()]);
    let server = crate::harness::Fixture::new().auth(&file).serve();
    unknown(&server, "down", &tokens[1]);
    admitted(&server, "up", &tokens[0]);
}
