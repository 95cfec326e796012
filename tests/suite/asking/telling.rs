//! What a call tells its client while it runs: log messages by level, progress, both redacted.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply, Request, Server, Wire, assert_no_secret};

/// Log messages, by level.
fn levels(notifications: &[Value]) -> Vec<String> {
    let messages = notifications.iter().filter(|it| it["method"] == "notifications/message");
    messages.map(|it| it["params"]["level"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What a session hears of a call of `chat`: over HTTP that comes on the stream which a client opens beside its requests.
fn heard(alice: &mut Caller, stream: Option<&mut Wire>) -> Vec<Value> {
    let reply = alice.call("chat", json!({}));
    assert!(!reply.is_error(), "{reply:?}");
    let mut heard = reply.notifications;
    if let Some(stream) = stream {
        heard.extend(std::iter::from_fn(|| stream.event(Duration::from_millis(200))));
    }
    heard
}

/// The stream of a session beside its requests.
fn beside(server: &Server, alice: &Caller) -> Wire {
    let mut wire = Wire::connect(server.address);
    let request = Request::new("GET", "/mcp").header("Accept", "text/event-stream").bearer(&Cast::ALICE.token());
    let request = request.header("Mcp-Session-Id", alice.session().expect("a session"));
    let request = request.header("MCP-Protocol-Version", "2025-11-25");
    wire.send(&request.bytes(server.address)).expect("the server reads");
    wire.stream();
    wire
}

/// Alice in a session, and over HTTP the stream beside it.
fn alice_in_session(over_http: bool) -> (Caller, Option<Wire>) {
    let fixture = Fixture::new();
    if !over_http {
        return (fixture.caller(Door::Stdio(Era::Session), Cast::ALICE), None);
    }
    let server = fixture.serve();
    let alice = server.caller(Cast::ALICE, Era::Session);
    let wire = beside(&server, &alice);
    (alice, Some(wire))
}

fn each_twice(levels: &[&str]) -> Vec<String> {
    levels.iter().flat_map(|level| [(*level).to_owned(), (*level).to_owned()]).collect()
}

#[test]
fn a_session_hears_what_it_wants_to() {
    for over_http in [false, true] {
        let (mut alice, mut wire) = alice_in_session(over_http);
        let mut hears = |alice: &mut Caller| levels(&heard(alice, wire.as_mut()));
        assert_eq!(hears(&mut alice), each_twice(&["info", "error"]), "nothing said");
        for (least, expected) in [
            ("debug", &["debug", "info", "error"][..]),
            ("info", &["info", "error"]),
            ("notice", &["error"]),
            ("error", &["error"]),
            ("emergency", &[]),
        ] {
            assert_eq!(alice.request("logging/setLevel", json!({"level": least})).code(), 0);
            assert_eq!(hears(&mut alice), each_twice(expected), "{over_http} {least}");
        }
        assert_eq!(alice.request("logging/setLevel", json!({"level": "loud"})).code(), -32602);
    }
}

#[test]
fn s10_a_level_is_its_sessions_and_so_is_what_is_heard() {
    let server = Fixture::new().serve();
    let (mut one, mut two) = (server.caller(Cast::ALICE, Era::Session), server.caller(Cast::ALICE, Era::Session));
    let (mut of_one, mut of_two) = (beside(&server, &one), beside(&server, &two));
    one.request("logging/setLevel", json!({"level": "emergency"}));
    assert_eq!(levels(&heard(&mut one, Some(&mut of_one))), Vec::<String>::new());
    assert_eq!(levels(&heard(&mut two, Some(&mut of_two))), each_twice(&["info", "error"]));
    assert_eq!(of_one.event(Duration::from_millis(100)), None, "what one call says isn't told in another session");
}

/// Calls `chat` with a level in the request itself.
fn chat(caller: &mut Caller, level: &str) -> Reply {
    let meta = json!({"io.modelcontextprotocol/logLevel": level});
    caller.request("tools/call", json!({"name": "chat", "arguments": {}, "_meta": meta}))
}

#[test]
fn a_request_that_stands_alone_says_what_it_wants_to_hear() {
    for door in [Door::Stdio(Era::Modern), Door::Http(Era::Modern)] {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        assert_eq!(
            levels(&alice.call("chat", json!({})).notifications),
            Vec::<String>::new(),
            "{door:?}: nothing, unless it says so"
        );
        assert_eq!(
            levels(&chat(&mut alice, "debug").notifications),
            each_twice(&["debug", "info", "error"]),
            "{door:?}"
        );
        assert_eq!(levels(&chat(&mut alice, "warning").notifications), each_twice(&["error"]), "{door:?}");
        assert_eq!(
            levels(&alice.call("chat", json!({})).notifications),
            Vec::<String>::new(),
            "{door:?}: it was that request's"
        );
        assert_eq!(alice.request("logging/setLevel", json!({"level": "debug"})).code(), -32601, "{door:?}");
    }
}

#[test]
fn s19_log_messages_are_redacted() {
    let modern = [Door::Stdio(Era::Modern), Door::Http(Era::Modern)].map(|door| {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        chat(&mut alice, "info").notifications
    });
    let sessions = [false, true].map(|over_http| {
        let (mut alice, mut wire) = alice_in_session(over_http);
        heard(&mut alice, wire.as_mut())
    });
    for heard in modern.into_iter().chain(sessions) {
        let text: String = heard.iter().map(Value::to_string).collect();
        assert_no_secret("a log message", &text);
        for held_back in ["ada@example.com", "p-mnopqr"] {
            assert!(!text.contains(held_back), "{text}");
        }
        for mask in ["Info: «redacted:email» «redacted:", "«redacted:key»"] {
            assert!(text.contains(mask), "{mask}: {text}");
        }
    }
}

/// Progress comes on the request's own stream, in both generations, and only if it was asked for.
#[test]
fn progress_comes_to_who_asks_for_it() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let meta = json!({"progressToken": "t-1"});
        let reply = alice.request("tools/call", json!({"name": "contact_progress", "arguments": {}, "_meta": meta}));
        let reports: Vec<&Value> =
            reply.notifications.iter().filter(|it| it["method"] == "notifications/progress").collect();
        assert!(!reports.is_empty(), "{door:?}: {reply:?}");
        assert!(reports.iter().all(|it| it["params"]["progressToken"] == "t-1"), "{door:?}: {reports:?}");
        assert!(!reply.everything().contains("ada@example.com"), "{door:?}: {reply:?}");
        let silent = alice.call("contact_progress", json!({}));
        assert!(silent.notifications.iter().all(|it| it["method"] != "notifications/progress"), "{door:?}");
    }
}
