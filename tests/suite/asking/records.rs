//! One record a round, joined by the call's id; an intent before each that may change something; and in none of them what
//! anybody said (S20, S22).

use serde_json::{Value, json};

use super::tasks::{begun, until};
use crate::harness::{Cast, Door, Era, Fixture, able, able_of_tasks, accept, eventually, say};

const CANARY: &str = "canary-4711";

fn id() -> Value {
    json!({"id": "INV-1"})
}

/// `kind`, `verdict` and `reason` of all records of a capability, in the order of the log.
fn told(fixture: &Fixture, capability: &str) -> Vec<(String, String, String)> {
    let text = fixture.audit_text();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    let of = records.filter(|it| it["capability"] == capability);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    of.map(|it| (text(&it["kind"]), text(&it["verdict"]), text(&it["reason"]))).collect()
}

fn owned(records: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    records.iter().map(|(kind, verdict, reason)| ((*kind).into(), (*verdict).into(), (*reason).into())).collect()
}

/// The ids that join records of a capability, each once.
fn joined(fixture: &Fixture, capability: &str) -> Vec<Value> {
    let kinds = ["call", "intent", "task"];
    let records = kinds.iter().flat_map(|kind| fixture.audit(kind)).filter(|it| it["capability"] == capability);
    let mut ids: Vec<Value> = records.map(|it| it["call"].clone()).collect();
    ids.sort_unstable_by_key(Value::to_string);
    ids.dedup();
    ids
}

#[test]
fn s22_each_round_has_a_record_and_one_call_has_one_id() {
    let input = ("call", "input_required", "input");
    let intent = ("intent", "-", "-");
    for door in [Door::Http(Era::Modern), Door::Stdio(Era::Modern)] {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let mut attempts = 0;
        alice.converse_with("confirm", id(), |_| {
            attempts += 1;
            accept(if attempts < 2 { json!({}) } else { json!({"sure": true}) })
        });
        let fixture = alice.fixture().clone();
        let rounds = [intent, input, intent, input, intent, ("call", "ok", "ok")];
        assert_eq!(told(&fixture, "confirm"), owned(&rounds), "{door:?}");
        let ids = joined(&fixture, "confirm");
        assert!(ids.len() == 1 && ids[0].is_string(), "{door:?}: {ids:?}");
        // What changes nothing has no intents.
        alice.converse_with("ask_in_turn", json!({}), |_| accept(json!({"topic": "t"})));
        assert_eq!(told(&fixture, "ask_in_turn"), owned(&[input, input, ("call", "ok", "ok")]), "{door:?}");
        assert_eq!(joined(&fixture, "ask_in_turn").len(), 1);
        // Another call has another id.
        alice.converse_with("ask_in_turn", json!({}), |_| accept(json!({"topic": "t"})));
        assert_eq!(joined(&fixture, "ask_in_turn").len(), 2);
        // A prompt is recorded likewise.
        alice.converse("prompts/get", json!({"name": "interview"}), |_| accept(json!({"topic": "t"})));
        assert_eq!(told(&fixture, "interview"), owned(&[input, ("call", "ok", "ok")]), "{door:?}");
    }
}

#[test]
fn s22_a_session_has_one_record_however_much_is_asked() {
    for door in [Door::Http(Era::Session), Door::Stdio(Era::Session)] {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        alice.converse_with("confirm", id(), |_| accept(json!({"sure": true})));
        alice.converse_with("ask_in_turn", json!({}), |_| accept(json!({"topic": "t"})));
        let fixture = alice.fixture();
        assert_eq!(told(fixture, "confirm"), owned(&[("intent", "-", "-"), ("call", "ok", "ok")]), "{door:?}");
        assert_eq!(told(fixture, "ask_in_turn"), owned(&[("call", "ok", "ok")]), "{door:?}");
    }
}

#[test]
fn s22_a_task_is_recorded_as_it_begins_and_as_it_ends() {
    for (how, last) in [("user", ("task", "error", "tool")), ("panic", ("task", "panicked", "panic"))] {
        let mut bob = Fixture::new().able(able_of_tasks()).caller(Door::Http(Era::Modern), Cast::BOB);
        let task = begun(&mut bob, "shred", json!({"how": how}));
        eventually("the end", || {
            let reply = bob.request("tasks/get", json!({"taskId": task}));
            (reply.message["result"]["status"] != "working").then_some(())
        });
        let records = told(bob.fixture(), "shred");
        assert_eq!(records[..2], owned(&[("intent", "-", "-"), ("call", "ok", "task")]), "{records:?}");
        assert!(records.contains(&owned(&[last])[0]), "{how}: {records:?}");
    }
    let mut bob = Fixture::new().able(able_of_tasks()).caller(Door::Http(Era::Modern), Cast::BOB);
    let task = begun(&mut bob, "shred", json!({"how": "well"}));
    until(&mut bob, &task, "input_required");
    assert!(bob.fixture().audit("task").is_empty(), "it hasn't ended");
    let yes = json!({"confirm": accept(json!({"sure": true}))});
    bob.request("tasks/update", json!({"taskId": task, "inputResponses": yes}));
    until(&mut bob, &task, "completed");
    let fixture = bob.fixture();
    let ends = fixture.audit("task");
    let [end] = &ends[..] else { panic!("{ends:?}") };
    assert_eq!((&end["verdict"], &end["capability"]), (&json!("ok"), &json!("shred")), "{end}");
    let begins = fixture.audit("call").into_iter().find(|it| it["reason"] == "task" && it["call"] == end["call"]);
    assert!(end["call"].is_string() && begins.is_some(), "{end}: joined to the record of its beginning");
    assert_eq!(fixture.audit("intent")[0]["call"], end["call"], "and to its intent");
    // What is asked of a task is recorded as well, by the tool's name.
    let methods: Vec<Value> = fixture.calls("shred").into_iter().map(|it| it["method"].clone()).collect();
    for method in ["tools/call", "tasks/get", "tasks/update"] {
        assert!(methods.contains(&json!(method)), "{method}: {methods:?}");
    }
}

#[test]
fn s20_answers_are_in_no_record_and_no_log() {
    for door in Door::ALL {
        let fixture = Fixture::new().able(able_of_tasks()).env("DOORMAN_LOG", "trace,rmcp=trace,hyper=trace");
        let mut bob = fixture.caller(door, Cast::BOB);
        let (reply, _) = bob.converse_with("ask_at_once", json!({}), |question| match &*question.method {
            "elicitation/create" => accept(json!({"topic": CANARY, CANARY: {CANARY: 1}})),
            "sampling/createMessage" => say(CANARY),
            _ => json!({"roots": [{"uri": format!("file:///{CANARY}"), "name": CANARY}], CANARY: CANARY}),
        });
        assert!(reply.text().contains(CANARY), "it is in what the function makes of it: {reply:?}");
        let mut attempts = 0;
        bob.converse_with("confirm", json!({"id": CANARY}), |_| {
            attempts += 1;
            if attempts < 3 { accept(json!({"sure": CANARY})) } else { json!({"action": "decline", CANARY: CANARY}) }
        });
        if let Door::Stdio(Era::Modern) | Door::Http(Era::Modern) = door {
            bob.go_on("confirm", json!({"id": CANARY}), CANARY, json!({CANARY: {CANARY: CANARY}}));
            let task = begun(&mut bob, "shred", json!({"how": CANARY}));
            let answers = json!({CANARY: CANARY, "confirm": accept(json!({"sure": CANARY}))});
            bob.request("tasks/update", json!({"taskId": task, "inputResponses": answers}));
            bob.request("tasks/get", json!({"taskId": CANARY}));
        }
        let written = format!("{}{}", bob.fixture().audit_text(), bob.process().stderr());
        assert!(!written.contains(CANARY), "{door:?}: {written}");
    }
}
