//! What a client carries from round to round: unreadable, and good for nobody and nothing else.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply, able, accept, going_on, say};

const CANARY: &str = "canary-4711";

fn sure() -> Value {
    json!({"confirm": accept(json!({"sure": true}))})
}

/// Whether a state was refused, as one that isn't good: the same bytes whatever is wrong with it.
#[track_caller]
fn assert_refused(what: &str, reply: &Reply) {
    let error =
        json!({"code": -32602, "message": "the requestState isn't good for this call, or not any more: begin it anew"});
    assert_eq!(reply.message["error"], error, "{what}: {reply:?}");
}

/// How often a tool began and came to its end.
fn runs(caller: &mut Caller, tool: &str) -> Value {
    caller.call("journal", json!({})).structured()[tool].clone()
}

#[test]
fn s10_a_state_tells_nothing() {
    let server = Fixture::new().able(able()).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let first = alice.call("confirm", json!({"id": CANARY}));
    let told = alice.call("ask_at_once", json!({}));
    let said = json!({"said": say(CANARY), "topic": accept(json!({"topic": CANARY}))});
    let told = alice.go_on("ask_at_once", json!({}), &told.state(), said);
    for state in [first.state(), told.state()] {
        let bytes = URL_SAFE_NO_PAD.decode(&state).expect("base64");
        let text = format!("{state} {}", String::from_utf8_lossy(&bytes));
        for word in [CANARY, "canary", "confirm", "said", "topic", "alice", "answers", "until"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    assert_ne!(first.state(), alice.call("confirm", json!({"id": CANARY})).state(), "another call");
    let written = format!("{}{}", server.fixture.audit_text(), server.process.stderr());
    assert!(!written.contains(CANARY) && !written.contains(&first.state()), "{written}");
}

#[test]
fn s10_a_state_that_was_changed_is_refused() {
    let mut alice = Fixture::new().able(able()).caller(Door::Http(Era::Modern), Cast::ALICE);
    let arguments = json!({"id": "INV-1"});
    let state = alice.call("confirm", arguments.clone()).state();
    let bytes = URL_SAFE_NO_PAD.decode(&state).expect("base64");
    let mut changed = BTreeSet::new();
    for at in [0, 1, 12, 13, 14, bytes.len() / 2, bytes.len() - 16, bytes.len() - 1] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        changed.insert(URL_SAFE_NO_PAD.encode(&bytes));
        changed.insert(URL_SAFE_NO_PAD.encode(&bytes[..at]));
    }
    changed.extend([String::new(), "x".into(), "{}".into(), "é".into(), "\0".into(), format!("{state}=")]);
    changed.extend([format!(" {state}"), format!("{state}{state}"), "A".repeat(70_000)]);
    for state in changed {
        let reply = alice.go_on("confirm", arguments.clone(), &state, sure());
        assert_refused(&state, &reply);
    }
    assert_eq!(runs(&mut alice, "confirm"), json!({"began": 1, "ended": 0}), "nothing ran");
    assert_eq!(alice.go_on("confirm", arguments, &state, sure()).text(), "did INV-1 1 times");
    let record = alice.fixture().calls("confirm").into_iter().rfind(|it| it["reason"] == "request_state");
    assert_eq!(record.expect("a record")["verdict"], "invalid");
}

#[test]
fn s10_a_state_is_its_callers() {
    let server = Fixture::new().able(able()).env("FIXTURE_ANONYMOUS", "1").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let arguments = json!({"id": "INV-1"});
    let state = alice.call("confirm", arguments.clone()).state();
    for cast in [Cast::CAROL, Cast::BOB, Cast::ROOT] {
        let mut other = server.caller(cast, Era::Modern);
        assert_refused(cast.id, &other.go_on("confirm", arguments.clone(), &state, sure()));
    }
    // Who may not call the tool hears what everybody hears of a tool that isn't there.
    for mut other in [server.caller(Cast::STRAY, Era::Modern), server.stranger(Era::Modern)] {
        let unknown = other.call("confirm", arguments.clone());
        let refused = other.go_on("confirm", arguments.clone(), &state, sure());
        assert_eq!(refused.message["error"], unknown.message["error"]);
        assert_eq!(refused.message["error"]["message"], "Unknown tool: confirm");
    }
    assert_eq!(runs(&mut alice, "confirm"), json!({"began": 1, "ended": 0}));
    assert_eq!(alice.go_on("confirm", arguments, &state, sure()).text(), "did INV-1 1 times");
}

#[test]
fn s25_a_state_is_for_its_capability_and_its_arguments() {
    for door in [Door::Http(Era::Modern), Door::Stdio(Era::Modern)] {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let arguments = json!({"id": "INV-1"});
        let state = alice.call("confirm", arguments.clone()).state();
        for other in [
            json!({"id": "INV-2"}),
            json!({"id": "INV-1 "}),
            json!({"id": ["INV-1"]}),
            json!({}),
            json!({"id": "INV-1", "more": 1}),
        ] {
            assert_refused(&other.to_string(), &alice.go_on("confirm", other, &state, sure()));
        }
        for tool in ["ask_in_turn", "ask_at_once", "hello"] {
            assert_refused(tool, &alice.go_on(tool, json!({}), &state, sure()));
        }
        // Nor for another one with the same arguments.
        let own = alice.call("ask_in_turn", json!({})).state();
        for tool in ["ask_at_once", "explode_asked", "chat"] {
            assert_refused(tool, &alice.go_on(tool, json!({}), &own, sure()));
        }
        let prompt = json!({"name": "interview", "arguments": {}, "requestState": own});
        assert_refused("a prompt", &alice.request("prompts/get", prompt));
        let resource = json!({"uri": "memo://contact", "requestState": own});
        assert_refused("a resource", &alice.request("resources/read", resource));
        let prompt = json!({"name": "interview", "requestState": state});
        assert_refused("a prompt", &alice.request("prompts/get", prompt));
        let resource = json!({"uri": "memo://contact", "requestState": state});
        assert_refused("a resource", &alice.request("resources/read", resource));
        // A prompt's state isn't a tool's, and a page's cursor is none.
        let asking = alice.request("prompts/get", json!({"name": "interview"})).state();
        assert_refused("a prompt's", &alice.go_on("confirm", arguments.clone(), &asking, sure()));
        // The same arguments, said otherwise, are the same.
        let done = alice.request("tools/call", going_on("confirm", arguments, &state, sure()));
        assert_eq!(done.text(), "did INV-1 1 times", "{door:?}");
    }
}

#[test]
fn s10_another_process_does_not_know_a_state() {
    let fixture = Fixture::new().able(able());
    let other = fixture.clone().audit_log(&fixture.path("other.jsonl"));
    let (one, two) = (fixture.serve(), other.serve());
    let (mut here, mut there) = (one.caller(Cast::ALICE, Era::Modern), two.caller(Cast::ALICE, Era::Modern));
    let state = here.call("confirm", json!({"id": "INV-1"})).state();
    assert_refused("another process", &there.go_on("confirm", json!({"id": "INV-1"}), &state, sure()));
    assert_eq!(here.go_on("confirm", json!({"id": "INV-1"}), &state, sure()).text(), "did INV-1 1 times");
}

/// A grant that is taken away between two rounds: the state is good, and the tool isn't there any more.
#[test]
fn s26_a_state_outlives_no_grant() {
    let fixture = Fixture::new().able(able());
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let state = alice.call("confirm", json!({"id": "INV-1"})).state();
    fixture.file("reader.yaml", "agent_type: reader\nscopes: [invoices:read]\n");
    server.process.reload();
    let refused = alice.go_on("confirm", json!({"id": "INV-1"}), &state, sure());
    assert_eq!(refused.message["error"]["message"], "Unknown tool: confirm", "{refused:?}");
}
