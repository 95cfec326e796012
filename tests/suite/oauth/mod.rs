//! Tokens of a real authorization server at the wired server's door, good and bad, and what becomes of both when the
//! authorization server is down, slow, or false.
//!
//! They need what `tests/run` installs: an authorization server for Node, and the Python SDK.

mod challenges;
mod file;
mod fleet;
mod issuers;
mod keys;
mod lasting;
mod launch;
mod leaks;
mod login;
mod opaque;
mod outage;
mod owners;
mod reload;
mod scopes;
mod tokens;

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    harness::{Authority, Fixture, INTROSPECTOR, RESOURCE, Request, Response, Server},
    identity::ping,
};

/// An auth file with these issuers.
fn trusting(issuers: impl IntoIterator<Item = Value>) -> Value {
    json!({"resource": RESOURCE, "issuers": issuers.into_iter().collect::<Value>()})
}

/// The fixture with everybody's manifests, which takes an authority's signed tokens.
fn taking(authority: &Authority) -> Fixture {
    Fixture::new().auth(&trusting([authority.entry()]))
}

/// The fixture with everybody's manifests, which asks an authority about tokens.
fn asking(authority: &Authority, change: impl FnOnce(&mut Value)) -> Fixture {
    let fixture = Fixture::new();
    let mut entry = authority.asked(&fixture.private("secret", INTROSPECTOR));
    change(&mut entry);
    fixture.auth(&trusting([entry]))
}

/// A harmless call with a token.
fn call(server: &Server, token: &str) -> Response {
    ping().bearer(token).send(server.address)
}

fn status(server: &Server, token: &str) -> u16 {
    call(server, token).status
}

/// The beginning of a session, as a request.
fn initialize() -> Request {
    Request::post(
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#,
    )
}

/// The token gets in; gives who its bearer is.
#[track_caller]
fn admitted(server: &Server, what: &str, token: &str) -> Value {
    let answer = call(server, token);
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    answer.json()["result"]["structuredContent"].take()
}

/// The token is no good, in both generations: 401, with a challenge that says so, and nothing of the token.
#[track_caller]
fn refused(server: &Server, what: &str, token: &str) {
    for request in [ping(), initialize()] {
        let answer = request.bearer(token).send(server.address);
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let expected = "Bearer error=\"invalid_token\", resource_metadata=\"";
        assert!(challenge.starts_with(expected), "{what}: {challenge}");
        assert!(answer.header("mcp-session-id").is_none(), "{what}: {answer:?}");
        assert!(token.len() < 20 || !format!("{answer:?}").contains(token), "{what}: {answer:?}");
    }
}

/// Nobody can say whether the token is good: 503, to be tried again.
#[track_caller]
fn unknown(server: &Server, what: &str, token: &str) {
    for request in [ping(), initialize()] {
        let answer = request.bearer(token).send(server.address);
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
        let again: Option<u32> = answer.header("retry-after").and_then(|it| it.parse().ok());
        assert!(again.is_some_and(|it| (1..=60).contains(&it)), "{what}: {answer:?}");
        assert!(answer.header("mcp-session-id").is_none(), "{what}: {answer:?}");
        assert!(!format!("{answer:?}").contains(token), "{what}: {answer:?}");
    }
}

/// Waits until a token gets in.
#[track_caller]
fn admitted_within(server: &Server, time: Duration, token: &str) {
    let began = Instant::now();
    while status(server, token) != 200 {
        assert!(began.elapsed() < time, "refused for {time:?}: {}", server.process.stderr());
        thread::sleep(Duration::from_millis(100));
    }
}

/// The time in seconds, so much later or earlier.
fn seconds(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is before the end of time") + offset
}
