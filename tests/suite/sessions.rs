//! Sessions belong to the principal that opened them, and there are only so many.

use serde_json::json;

use crate::harness::{Caller, Cast, Era, Fixture, Request, Wire};

/// A request of one caller in the session of another.
fn in_session(method: &'static str, session: &str, cast: Cast, body: &str) -> Request {
    let request = if method == "POST" { Request::post(body) } else { Request::new(method, "/mcp") };
    let request = if method == "GET" { request.header("Accept", "text/event-stream") } else { request };
    request.bearer(&cast.token()).header("MCP-Protocol-Version", "2025-11-25").header("Mcp-Session-Id", session)
}

#[test]
fn s10_another_principals_session_does_not_exist() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let session = alice.session().expect("a session").to_owned();
    let call = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"whoami","arguments":{}}}"#;
    let answers = [
        ("POST", call),
        ("POST", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#),
        ("POST", r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept","content":{"yes":true}}}"#),
        ("POST", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#),
        ("POST", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        ("GET", ""),
        ("DELETE", ""),
    ];
    // The same type of agent, so the same grants, and yet another principal.
    for cast in [Cast::CAROL, Cast::BOB, Cast::ROOT, Cast::STRAY] {
        for (method, body) in answers {
            let request = in_session(method, &session, cast, body);
            let foreign = request.send(server.address);
            let absent = in_session(method, "00000000-0000-4000-8000-000000000000", cast, body).send(server.address);
            assert_eq!((foreign.status, &foreign.body), (404, &absent.body), "{} {method} {body}", cast.id);
            let resumed = request.header("Last-Event-ID", "0/0").send(server.address);
            assert_eq!(resumed.status, 404, "{} {method}", cast.id);
        }
    }
    let twice = in_session("POST", &session, Cast::ALICE, call).header("Mcp-Session-Id", &session);
    assert_eq!(twice.send(server.address).status, 404);
    assert_eq!(alice.call("whoami", json!({})).structured()["subject"], "alice", "and it lives on");
    assert_eq!(server.fixture.calls("whoami").len(), 1);
}

#[test]
fn s10_a_running_call_is_not_anothers_to_cancel() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let session = alice.session().expect("a session").to_owned();
    let (id, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 400}}));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    assert_eq!(in_session("POST", &session, Cast::CAROL, &cancel.to_string()).send(server.address).status, 404);
    // In a session of her own the same number is another request.
    let mut carol = server.caller(Cast::CAROL, Era::Session);
    carol.notify("notifications/cancelled", json!({"requestId": id}));
    let answer = wire.expect("a connection").receive().expect("an answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "slept");
    assert_eq!(server.fixture.verdict("slow"), "ok");
}

#[test]
fn s10_a_session_ends_for_its_owner() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let session = alice.session().expect("a session").to_owned();
    assert!(in_session("DELETE", &session, Cast::ALICE, "").send(server.address).status < 300);
    let message = alice.message("tools/list", json!({}));
    assert_eq!(alice.exchange(&message).status, 404);
    assert_eq!(in_session("DELETE", &session, Cast::ALICE, "").send(server.address).status, 404);
}

#[test]
fn s10_sessions_are_capped_per_caller() {
    let server = Fixture::new().serve();
    let mut carol = server.caller(Cast::CAROL, Era::Session);
    let mut alices: Vec<Caller> = (0..33).map(|_| server.caller(Cast::ALICE, Era::Session)).collect();
    let statuses: Vec<u16> = alices
        .iter_mut()
        .map(|alice| {
            let message = alice.message("tools/list", json!({}));
            alice.exchange(&message).status
        })
        .collect();
    assert_eq!(statuses[0], 404, "the longest idle one ended");
    assert!(statuses[1..].iter().all(|status| *status == 200), "{statuses:?}");
    assert!(!carol.call("whoami", json!({})).is_error(), "hers is nobody else's");
}

#[test]
fn s10_who_isnt_verified_leaves_nothing_behind() {
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;
    // Without a token, or with one that doesn't verify: refused before anything is kept.
    let server = Fixture::new().serve();
    let mut wire = Wire::connect(server.address);
    let before = server.process.memory();
    for request in [Request::post(initialize), Request::post(initialize).bearer("wrong")] {
        let bytes = request.bytes(server.address);
        for _ in 0..1_500 {
            let answer = wire.exchange(&bytes).expect("an answer");
            assert_eq!((answer.status, answer.header("mcp-session-id")), (401, None));
        }
    }
    let grown = server.process.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "3,000 refused requests grew the process by {grown} bytes");
    // Anonymous callers are answered, without a session.
    let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
    let mut wire = Wire::connect(server.address);
    let bytes = Request::post(initialize).bytes(server.address);
    wire.exchange(&bytes).expect("an answer");
    let before = server.process.memory();
    for _ in 0..1_500 {
        let answer = wire.exchange(&bytes).expect("an answer");
        assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None));
    }
    let grown = server.process.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "1,500 anonymous initializations grew the process by {grown} bytes");
    let claimed = Request::post(initialize).header("Mcp-Session-Id", "x").send(server.address);
    assert_eq!(claimed.status, 404);
}

#[test]
fn stateless_gives_no_sessions() {
    let server = Fixture::new().env("FIXTURE_STATELESS", "1").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    assert_eq!(alice.session(), None);
    assert!(!alice.call("get_invoice", json!({"id": "1"})).is_error());
    let claimed = in_session("POST", "x", Cast::ALICE, "{}").send(server.address);
    assert!(matches!(claimed.status, 400 | 404), "{claimed:?}");
}

#[test]
fn s10_a_session_that_was_not_ended_still_counts() {
    let server = Fixture::new().serve();
    let mut first = server.caller(Cast::ALICE, Era::Session);
    let session = first.session().expect("a session").to_owned();
    // rmcp refuses to end a session for a client of a version that has none.
    let end = Request::new("DELETE", "/mcp").bearer(&Cast::ALICE.token()).header("Mcp-Session-Id", &session);
    let refused = end.header("MCP-Protocol-Version", "2026-07-28").send(server.address);
    assert_eq!(refused.status, 405);
    assert_eq!(first.call("whoami", json!({})).structured()["subject"], "alice", "so it lives on, and is hers");
}

#[test]
fn s27_a_body_takes_its_room_for_as_long_as_its_request_runs() {
    for era in [Era::Session, Era::Modern] {
        let server = Fixture::new().serve();
        let mut alice = server.caller(Cast::ALICE, era);
        let mut begin = |bytes: usize| {
            let mut message = alice.message("tools/call", json!({"name": "slow", "arguments": {"ms": 3000}}));
            message["params"]["_meta"]["padding"] = "x".repeat(bytes).into();
            let request = alice.http_request(&message);
            let mut wire = Wire::connect(server.address);
            wire.send(&request.bytes(server.address)).expect("the server reads");
            wire
        };
        let mut held: Vec<Wire> = (0..2).map(|_| begin(4_000_000)).collect();
        std::thread::sleep(std::time::Duration::from_millis(1_000));
        assert_eq!(begin(2_000_000).status(), 503, "{era:?}: there are 8 MiB for a caller");
        held.iter_mut().for_each(|wire| assert_eq!(wire.status(), 200, "{era:?}"));
        drop(held);
        // With the request's end its room comes back.
        crate::harness::eventually("room", || (begin(2_000_000).status() == 200).then_some(()));
    }
}
