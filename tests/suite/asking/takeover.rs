//! With a token of their own and all ids known, nobody gets near another's session, stream or question: what plain rmcp
//! allows, tried.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Era, Fixture, Request, Server, Talk, Turn, Wire, able, accept, eventually};

/// A request in somebody's session, with anybody's token.
fn in_session(method: &'static str, session: &str, cast: Cast, body: &Value) -> Request {
    let request = match method {
        "POST" => Request::post(body.to_string()),
        _ => Request::new(method, "/mcp").header("Accept", "text/event-stream"),
    };
    request.bearer(&cast.token()).header("MCP-Protocol-Version", "2025-11-25").header("Mcp-Session-Id", session)
}

/// Alice is asked whether she is sure.
fn asked(server: &Server) -> (Caller, Talk, Value) {
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let mut talk = alice.talk("tools/call", json!({"name": "confirm", "arguments": {"id": "INV-1"}}));
    let Turn::Asks(asked) = alice.turn(&mut talk) else { panic!("no question") };
    let id = asked[0].id.clone();
    (alice, talk, id)
}

/// She answers, and her call ends by her own answer.
#[track_caller]
fn ends_by_her_answer(alice: &mut Caller, talk: &mut Talk, question: Value) {
    alice.answer(talk, [(question, accept(json!({"sure": true, "times": 3})))]);
    let Turn::Ends(reply) = alice.turn(talk) else { panic!("asked again") };
    assert_eq!(reply.text(), "did INV-1 3 times", "{reply:?}");
}

#[test]
fn s10_nobody_answers_anothers_question() {
    let server = Fixture::new().able(able()).serve();
    for cast in [Cast::CAROL, Cast::BOB, Cast::ROOT] {
        let (mut alice, mut talk, question) = asked(&server);
        let session = alice.session().expect("a session").to_owned();
        let yes = json!({"jsonrpc": "2.0", "id": question, "result": accept(json!({"sure": true, "times": 1}))});
        let error = json!({"jsonrpc": "2.0", "id": question, "error": {"code": -1, "message": "no"}});
        let mut other = server.caller(cast, Era::Session);
        let own = other.session().expect("a session").to_owned();
        for body in [&yes, &error] {
            let stolen = in_session("POST", &session, cast, body).send(server.address);
            let absent = in_session("POST", "00000000-0000-4000-8000-000000000000", cast, body).send(server.address);
            assert_eq!((stolen.status, &stolen.body), (404, &absent.body), "{}", cast.id);
            // Without a session, in one of their own, and as a request that stands alone.
            let sessionless = Request::post(body.to_string()).bearer(&cast.token());
            let sessionless = sessionless.header("MCP-Protocol-Version", "2025-11-25").send(server.address);
            assert!(sessionless.status >= 400 || sessionless.body.is_empty(), "{sessionless:?}");
            in_session("POST", &own, cast, body).send(server.address);
            let modern = Request::post(body.to_string()).bearer(&cast.token());
            modern.header("MCP-Protocol-Version", "2026-07-28").send(server.address);
        }
        other.call("hello", json!({}));
        ends_by_her_answer(&mut alice, &mut talk, question);
    }
}

#[test]
fn s10_nobody_cancels_or_ends_what_asks() {
    let server = Fixture::new().able(able()).serve();
    let (mut alice, mut talk, question) = asked(&server);
    let session = alice.session().expect("a session").to_owned();
    for number in 0..4 {
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}});
        assert_eq!(in_session("POST", &session, Cast::CAROL, &cancel).send(server.address).status, 404);
        server.caller(Cast::CAROL, Era::Session).notify("notifications/cancelled", json!({"requestId": number}));
    }
    assert_eq!(in_session("DELETE", &session, Cast::CAROL, &json!({})).send(server.address).status, 404);
    ends_by_her_answer(&mut alice, &mut talk, question);
}

#[test]
fn s10_nobody_resumes_anothers_stream() {
    let server = Fixture::new().able(able()).serve();
    let (mut alice, mut talk, question) = asked(&server);
    let session = alice.session().expect("a session").to_owned();
    for event in ["0", "0/0", "0/1", "1/0", "1/1", "2/0"] {
        for cast in [Cast::CAROL, Cast::ROOT] {
            let resumed = in_session("GET", &session, cast, &json!({})).header("Last-Event-ID", event);
            let mut wire = Wire::connect(server.address);
            wire.send(&resumed.bytes(server.address)).expect("the server reads");
            assert_eq!(wire.status(), 404, "{event}");
            // With a session of one's own, another's event is none.
            let other = server.caller(cast, Era::Session);
            let own = other.session().expect("a session").to_owned();
            let mut wire = Wire::connect(server.address);
            let request = in_session("GET", &own, cast, &json!({})).header("Last-Event-ID", event);
            wire.send(&request.bytes(server.address)).expect("the server reads");
            let found = wire.event(Duration::from_millis(100));
            assert!(!found.is_some_and(|it| it.to_string().contains("INV-1")), "{event}");
        }
    }
    ends_by_her_answer(&mut alice, &mut talk, question);
}

/// In the later generation a stranger has neither the state nor an id to answer to; what he has isn't good for him.
#[test]
fn s10_nobody_goes_on_with_anothers_call() {
    let server = Fixture::new().able(able()).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let arguments = json!({"id": "INV-1"});
    let yes = json!({"confirm": accept(json!({"sure": true}))});
    let state = alice.call("confirm", arguments.clone()).state();
    for cast in [Cast::CAROL, Cast::BOB, Cast::ROOT] {
        let mut other = server.caller(cast, Era::Modern);
        assert_eq!(other.go_on("confirm", arguments.clone(), &state, yes.clone()).code(), -32602, "{}", cast.id);
    }
    assert_eq!(alice.go_on("confirm", arguments, &state, yes).text(), "did INV-1 1 times");
    let records = eventually("all records", || Some(server.fixture.calls("confirm")).filter(|it| it.len() == 5));
    let of = |agent: &str| records.iter().filter(|it| it["agent_id"] == agent).count();
    assert_eq!((of("alice"), of("carol"), of("bob"), of("root")), (2, 1, 1, 1), "{records:?}");
}
