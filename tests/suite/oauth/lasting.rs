//! What lasts longer than a request is begun, ends with the token that it was begun with (S07).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{admitted, asking, seconds, status, trusting};
use crate::harness::{Authority, Era, Fixture, Request, Server, Wire};

/// The streams on which a bearer listens, one of each generation.
#[track_caller]
fn streams(server: &Server, token: &str) -> Vec<Wire> {
    let session = server.bearing(token, Era::Session);
    let get = Request::new("GET", "/mcp").bearer(token).header("Accept", "text/event-stream");
    let get = get.header("MCP-Protocol-Version", "2025-11-25");
    let get = get.header("Mcp-Session-Id", session.session().expect("a session"));
    let mut modern = server.bearing(token, Era::Modern);
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let listen = modern.message("subscriptions/listen", wanted);
    let begun = [get, modern.http_request(&listen)].map(|request| {
        let mut wire = Wire::connect(server.address);
        wire.send(&request.bytes(server.address)).expect("the server reads");
        wire.stream();
        wire
    });
    begun.into()
}

/// Reads a stream to its end, which must come within this time; gives how long that took.
#[track_caller]
fn ends(wire: &mut Wire, patience: Duration) -> Duration {
    let began = Instant::now();
    while wire.event(patience).is_some() {}
    assert!(began.elapsed() < patience, "the stream goes on");
    began.elapsed()
}

/// A stream that goes on has nothing to say for a while.
#[track_caller]
fn goes_on(wire: &mut Wire) {
    let (began, patience) = (Instant::now(), Duration::from_millis(700));
    while wire.event(patience).is_some() {}
    assert!(began.elapsed() >= patience, "the stream has ended");
}

fn exact(authority: &Authority) -> Fixture {
    let mut entry = authority.entry();
    entry["leeway"] = "1ms".into();
    Fixture::new().auth(&trusting([entry]))
}

#[test]
fn s07_a_stream_ends_with_its_token() {
    let authority = Authority::shared();
    let server = exact(authority).serve();
    let until = Instant::now() + Duration::from_secs(5);
    let tokens = authority.tokens([json!({"claims": {"exp": seconds(5)}}), json!({})]);
    let (mut short, mut long) = (streams(&server, &tokens[0]), streams(&server, &tokens[1]));
    for wire in &mut short {
        ends(wire, Duration::from_secs(8));
    }
    let late = Instant::now().saturating_duration_since(until);
    assert!(late < Duration::from_secs(2), "{late:?} after its token");
    long.iter_mut().for_each(goes_on);
}

#[test]
fn s07_a_stream_ends_when_its_token_is_revoked() {
    let authority = Authority::start();
    let server = asking(&authority, |entry| entry["introspection"]["revocation_within"] = "1s".into()).serve();
    let tokens = authority.tokens([json!({"format": "opaque"}), json!({"format": "opaque", "sub": "bea"})]);
    let (mut revoked, mut good) = (streams(&server, &tokens[0]), streams(&server, &tokens[1]));
    thread::sleep(Duration::from_millis(2_500));
    revoked.iter_mut().chain(&mut good).for_each(goes_on);
    authority.revoke(&tokens[0]);
    for wire in &mut revoked {
        ends(wire, Duration::from_secs(4));
    }
    good.iter_mut().for_each(goes_on);
    // Nor does one go on of which nobody can say whether it should.
    authority.close();
    for wire in &mut good {
        ends(wire, Duration::from_secs(4));
    }
}

#[test]
fn s07_what_counts_is_whether_the_token_holds_when_a_request_is_whole() {
    let authority = Authority::shared();
    let server = exact(authority).serve();
    let tokens = authority.tokens([json!({"claims": {"exp": seconds(4)}}), json!({})]);
    let begun: Vec<(Wire, Vec<u8>)> = tokens
        .iter()
        .map(|token| {
            admitted(&server, "good", token);
            let mut caller = server.bearing(token, Era::Modern);
            let message = caller.message("tools/call", json!({"name": "hello", "arguments": {}}));
            let bytes = caller.http_request(&message).bytes(server.address);
            let (most, last) = bytes.split_at(bytes.len() - 1);
            let mut wire = Wire::connect(server.address);
            wire.send(most).expect("the server reads");
            (wire, last.to_vec())
        })
        .collect();
    while status(&server, &tokens[0]) != 401 {
        thread::sleep(Duration::from_millis(50));
    }
    let statuses: Vec<u16> = begun
        .into_iter()
        .map(|(mut wire, last)| {
            wire.send(&last).expect("the server reads");
            wire.receive().expect("an answer").status
        })
        .collect();
    assert_eq!(statuses, [401, 200]);
    assert_eq!(server.fixture.calls("hello").len(), 1);
}

/// A call that has begun goes on to its end: the next one is refused.
#[test]
fn a_call_under_way_outlives_its_token() {
    let authority = Authority::shared();
    let server = exact(authority).serve();
    let token = authority.token(json!({"claims": {"exp": seconds(4)}, "scope": "misc:use"}));
    let mut caller = server.bearing(&token, Era::Session);
    let (_, wire) = caller.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 5_000}}));
    let answer: Value = wire.expect("a connection").receive().expect("an answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "slept");
    assert_eq!(status(&server, &token), 401);
}
