//! Whose a session or a task is: the subject's, as its issuer names it; not the agent's, and not the token's (S10).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{taking, trusting};
use crate::harness::{Authority, Caller, Era, Fixture, Request, Response, Server, able_of_tasks};

const SCOPE: &str = "misc:use invoices:read invoices:write";

/// A bearer of this name, who acts as the same agent as all others.
fn bearer(said: Value) -> Value {
    let mut token = json!({"agent_id": "clerk", "agent_type": "writer", "scope": SCOPE});
    token.as_object_mut().expect("an object").extend(said.as_object().expect("an object").clone());
    token
}

/// A request in a session, with a token.
fn in_session(server: &Server, method: &'static str, session: &str, token: &str, body: &str) -> Response {
    let request = if method == "POST" { Request::post(body) } else { Request::new(method, "/mcp") };
    let request = if method == "GET" { request.header("Accept", "text/event-stream") } else { request };
    let request = request.bearer(token).header("MCP-Protocol-Version", "2025-11-25");
    request.header("Mcp-Session-Id", session).send(server.address)
}

/// A server with two issuers, two tokens of the one who owns things, and those of five others.
struct Strangers {
    server: Server,
    own: String,
    again: String,
    others: Vec<(&'static str, String)>,
    _second: Authority,
}

fn strangers() -> Strangers {
    let authority = Authority::shared();
    let second = Authority::start();
    let entries = [authority, &second].map(|it| {
        let mut entry = it.entry();
        entry["tenant_claim"] = "tenant".into();
        entry
    });
    let file = trusting(entries);
    let server = Fixture::new().able(able_of_tasks()).auth(&file).serve();
    let mut tokens = authority.tokens([
        bearer(json!({"sub": "ada"})),
        bearer(json!({"sub": "ada", "client_id": "service", "expires_in": 1800, "scope": SCOPE})),
        bearer(json!({"sub": "bea"})),
        bearer(json!({"sub": "clerk"})),
        bearer(json!({"sub": "Ada"})),
        bearer(json!({"sub": "ada", "tenant": "other"})),
    ]);
    let own = tokens.remove(0);
    let again = tokens.remove(0);
    tokens.push(second.token(bearer(json!({"sub": "ada"}))));
    let names =
        ["another subject", "one that is called as the agent", "another spelling", "another tenant", "another issuer"];
    let others = names.into_iter().zip(tokens).collect();
    Strangers { server, own, again, others, _second: second }
}

#[test]
fn s10_a_session_is_its_subjects_also_where_the_agent_is_the_same() {
    let Strangers { server, own, again, others, _second } = strangers();
    let mut ada = server.bearing(&own, Era::Session);
    let session = ada.session().expect("a session").to_owned();
    let call = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"whoami","arguments":{}}}"#;
    for (what, token) in &others {
        assert_eq!(super::admitted(&server, what, token)["agent_id"], "clerk");
        for (method, body) in [
            ("POST", call),
            ("POST", r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept","content":{"yes":true}}}"#),
            ("POST", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#),
            ("GET", ""),
            ("DELETE", ""),
        ] {
            let foreign = in_session(&server, method, &session, token, body);
            let absent = in_session(&server, method, "00000000-0000-4000-8000-000000000000", token, body);
            assert_eq!((foreign.status, &foreign.body), (404, &absent.body), "{what} {method} {body}");
        }
    }
    // It lives on, and is hers with each token of hers: they last for minutes, sessions for longer.
    for token in [&own, &again] {
        ada.bears(token);
        assert_eq!(ada.call("whoami", json!({})).structured()["subject"], "ada");
    }
    assert_eq!(server.fixture.calls("whoami").len(), others.len() + 2);
}

/// What is said of a task, as bytes.
fn asked(caller: &mut Caller, method: &str, id: &str) -> (u16, String) {
    let mut message = caller.message(method, json!({"taskId": id, "inputResponses": {}}));
    message["id"] = json!(7);
    let answer = caller.exchange(&message);
    (answer.status, answer.body)
}

#[test]
fn s10_a_task_is_its_subjects_also_where_the_agent_is_the_same() {
    let Strangers { server, own, again, others, _second } = strangers();
    let mut ada = server.bearing(&own, Era::Modern);
    let begun = ada.call("shred", json!({"how": "well"}));
    let id = begun.message["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{begun:?}")).to_owned();
    for (what, token) in &others {
        let mut other = server.bearing(token, Era::Modern);
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let foreign = asked(&mut other, method, &id);
            let absent = asked(&mut other, method, "00000000000000000000000000000000");
            assert_eq!(foreign, absent, "{what} {method}");
            assert!(foreign.1.contains("\"error\""), "{what} {method}: {foreign:?}");
        }
    }
    ada.bears(&again);
    let mine = ada.request("tasks/get", json!({"taskId": id}));
    assert!(!mine.is_error() && mine.message["result"]["status"] != "cancelled", "{mine:?}");
}

/// Waits until a token is no good any more.
#[track_caller]
fn until_expired(server: &Server, token: &str) {
    let began = Instant::now();
    while super::status(server, token) != 401 {
        assert!(began.elapsed() < Duration::from_secs(15), "it doesn't expire");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn s10_a_session_and_a_task_do_not_outlive_their_token() {
    let authority = Authority::shared();
    let mut entry = authority.entry();
    entry["leeway"] = "1ms".into();
    let server = Fixture::new().able(able_of_tasks()).auth(&trusting([entry])).serve();
    let short = authority.token(bearer(json!({"expires_in": 4})));
    let mut session = server.bearing(&short, Era::Session);
    let mut modern = server.bearing(&short, Era::Modern);
    let begun = modern.call("job", json!({"ms": 1}));
    let id = begun.message["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{begun:?}")).to_owned();
    assert!(!session.call("get_invoice", json!({"id": "1"})).is_error());
    until_expired(&server, &short);
    let call = json!({"name": "get_invoice", "arguments": {"id": "1"}});
    for (method, params) in [("tools/call", call), ("tools/list", json!({})), ("ping", json!({}))] {
        let message = session.message(method, params);
        let answer = session.exchange(&message);
        assert_eq!(answer.status, 401, "{method}: {answer:?}");
    }
    let message = modern.message("tasks/get", json!({"taskId": id}));
    assert_eq!(modern.exchange(&message).status, 401);
    assert_eq!(server.fixture.calls("get_invoice").len(), 1);
    let id_of_session = session.session().expect("a session").to_owned();
    for method in ["GET", "DELETE"] {
        assert_eq!(in_session(&server, method, &id_of_session, &short, "").status, 401, "{method}");
    }
    // With a token that is good all is there again.
    let fresh = authority.token(bearer(json!({})));
    session.bears(&fresh);
    assert!(!session.call("get_invoice", json!({"id": "1"})).is_error());
    modern.bears(&fresh);
    assert!(!modern.request("tasks/get", json!({"taskId": id})).is_error());
}

/// An anonymous caller, or a static token of the same name, is no issuer's subject.
#[test]
fn s10_a_static_token_of_the_same_name_is_somebody_else() {
    use crate::harness::Cast;
    let authority = Authority::shared();
    let server = taking(authority).serve();
    let token =
        authority.token(json!({"sub": "alice", "agent_id": "alice", "agent_type": "reader", "scope": "misc:use"}));
    let ada = server.bearing(&token, Era::Session);
    let session = ada.session().expect("a session");
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    assert_eq!(in_session(&server, "POST", session, &Cast::ALICE.token(), list).status, 404);
    assert_eq!(in_session(&server, "POST", session, &token, list).status, 200);
}
