//! Who asks is at the mercy of who answers; so what waits for an answer is bounded, and costs its own call only (S27).

use serde_json::{Value, json};

use super::tasks::{begun, until};
use crate::harness::{Caller, Cast, Door, Era, Fixture, Talk, Turn, able, able_of_tasks, accept, eventually};

fn confirm() -> Value {
    json!({"name": "confirm", "arguments": {"id": "INV-1"}})
}

/// A call that waits for an answer.
#[track_caller]
fn asking(caller: &mut Caller) -> (Talk, Value) {
    let mut talk = caller.talk("tools/call", confirm());
    match caller.turn(&mut talk) {
        Turn::Asks(asked) => (talk, asked[0].id.clone()),
        Turn::Ends(reply) => panic!("no question: {reply:?}"),
    }
}

#[test]
fn s27_who_never_answers_holds_up_nobody_else() {
    let server = Fixture::new().able(able()).env("FIXTURE_RUNNING_EACH", "8").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let open: Vec<_> = (0..8).map(|_| asking(&mut alice)).collect();
    // Her own bound is reached, and no question is asked beyond it.
    let refused = alice.call("confirm", json!({"id": "INV-1"}));
    assert_eq!(refused.verdict(), "rate_limited", "{refused:?}");
    assert_eq!(server.caller(Cast::ALICE, Era::Modern).call("hello", json!({})).verdict(), "rate_limited");
    assert_eq!(server.caller(Cast::BOB, Era::Session).call("hello", json!({})).text(), "hello");
    // An answer makes room, and so does the end of the session.
    let mut open = open;
    let (mut talk, question) = open.remove(5);
    alice.answer(&mut talk, [(question, accept(json!({"sure": true})))]);
    assert!(matches!(alice.turn(&mut talk), Turn::Ends(_)));
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
}

#[test]
fn s27_a_session_that_ends_takes_its_questions_along() {
    let server = Fixture::new().able(able()).env("FIXTURE_RUNNING_EACH", "2").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let open = [asking(&mut alice), asking(&mut alice)];
    let session = alice.session().expect("a session").to_owned();
    let end = crate::harness::Request::new("DELETE", "/mcp").bearer(&Cast::ALICE.token());
    let end = end.header("Mcp-Session-Id", &session).header("MCP-Protocol-Version", "2025-11-25");
    assert!(end.send(server.address).status < 300);
    drop(open);
    let mut again = server.caller(Cast::ALICE, Era::Session);
    eventually("room", || (again.call("hello", json!({})).text() == "hello").then_some(()));
    eventually("both records", || (server.fixture.calls("confirm").len() == 2).then_some(()));
}

/// The later generation keeps nothing while somebody thinks: any number of calls may be open, and none of them runs.
#[test]
fn s27_open_rounds_cost_the_server_nothing() {
    let server = Fixture::new().able(able()).env("FIXTURE_RUNNING_EACH", "1").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let states: Vec<String> = (0..300).map(|_| alice.call("confirm", json!({"id": "INV-1"})).state()).collect();
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
    let yes = json!({"confirm": accept(json!({"sure": true}))});
    for state in [&states[0], &states[299]] {
        assert_eq!(alice.go_on("confirm", json!({"id": "INV-1"}), state, yes.clone()).text(), "did INV-1 1 times");
    }
}

#[test]
fn s27_a_panic_after_a_question_costs_its_own_call() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        for _ in 0..3 {
            let (reply, asked) =
                alice.converse_with("explode_asked", json!({}), |_| accept(json!({"topic": "canary-4711"})));
            assert_eq!((reply.verdict(), asked.len()), ("panicked", 1), "{door:?}: {reply:?}");
            assert!(reply.text().starts_with("internal error (incident "), "{reply:?}");
        }
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
        let runs = alice.call("journal", json!({})).structured()["explode_asked"].clone();
        let began = if matches!(door, Door::Http(Era::Modern) | Door::Stdio(Era::Modern)) { 6 } else { 3 };
        assert_eq!(runs, json!({"began": began, "ended": 3}), "{door:?}");
    }
}

/// A call that has panicked has come to its end: its answer can't be given again.
#[test]
fn s25_a_panic_is_an_end() {
    let mut alice = Fixture::new().able(able()).caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("explode_asked", json!({})).state();
    let answer = json!({"elicitation": accept(json!({"topic": "t"}))});
    assert_eq!(alice.go_on("explode_asked", json!({}), &state, answer.clone()).verdict(), "panicked");
    assert_eq!(alice.go_on("explode_asked", json!({}), &state, answer).code(), -32602);
    assert_eq!(alice.call("journal", json!({})).structured()["explode_asked"]["ended"], 1);
}

#[test]
fn s27_tasks_that_nobody_answers_hold_up_nobody_else() {
    let server = Fixture::new().able(able_of_tasks()).env("FIXTURE_RUNNING_EACH", "4").serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let ids: Vec<String> = (0..4).map(|_| begun(&mut bob, "shred", json!({"how": "well"}))).collect();
    assert_eq!(bob.call("shred", json!({"how": "well"})).verdict(), "rate_limited");
    let mut root = server.caller(Cast::ROOT, Era::Modern);
    let other = begun(&mut root, "shred", json!({"how": "well"}));
    until(&mut root, &other, "input_required");
    bob.request("tasks/cancel", json!({"taskId": ids[0]}));
    until(&mut bob, &ids[0], "cancelled");
    begun(&mut bob, "shred", json!({"how": "well"}));
}
