//! What a client answers: taken if it fits, asked again if it doesn't, and never more than was asked.

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Turn, able, accept, going_on, say};

const ERAS: [Door; 2] = [Door::Stdio(Era::Modern), Door::Http(Era::Modern)];
const SESSIONS: [Door; 2] = [Door::Stdio(Era::Session), Door::Http(Era::Session)];

fn id() -> Value {
    json!({"id": "INV-1"})
}

/// How often `confirm` came to its end.
fn ended(caller: &mut Caller) -> Value {
    caller.call("journal", json!({})).structured()["confirm"]["ended"].clone()
}

#[test]
fn declining_and_cancelling_are_answers() {
    for door in Door::ALL {
        for (action, text) in [("decline", "the user declined"), ("cancel", "the user cancelled")] {
            let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
            let (reply, asked) = alice.converse_with("confirm", id(), |_| json!({"action": action}));
            assert_eq!((reply.message["result"]["isError"].as_bool(), reply.text()), (Some(true), text), "{door:?}");
            assert_eq!(asked.len(), 1, "{door:?}: no means no");
            // What is said beside a no doesn't make it a yes.
            let both = json!({"action": action, "content": {"sure": true}});
            let (reply, _) = alice.converse_with("confirm", id(), |_| both.clone());
            assert_eq!(reply.text(), text, "{door:?}");
            assert_eq!(ended(&mut alice), 0);
        }
    }
}

/// Answers that don't fit the form of `confirm`.
fn unfit() -> Vec<Value> {
    vec![
        accept(json!({})),
        accept(json!(null)),
        accept(json!({"sure": "yes"})),
        accept(json!({"sure": 1})),
        accept(json!({"sure": null})),
        accept(json!({"sure": true, "times": 4})),
        accept(json!({"sure": true, "times": 0})),
        accept(json!({"sure": true, "times": 1.5})),
        accept(json!([true])),
        json!({"action": "accept"}),
        json!({"action": "maybe"}),
        json!({"content": {"sure": true}}),
        json!({}),
        say("yes"),
    ]
}

#[test]
fn an_answer_that_does_not_fit_is_asked_again() {
    for door in Door::ALL {
        for wrong in unfit() {
            let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
            let mut attempts = 0;
            let (reply, asked) = alice.converse_with("confirm", id(), |_| {
                attempts += 1;
                if attempts < 3 { wrong.clone() } else { accept(json!({"sure": true})) }
            });
            assert_eq!(reply.text(), "did INV-1 1 times", "{door:?} {wrong}");
            assert_eq!(asked.len(), 3, "{door:?} {wrong}");
            assert_eq!(ended(&mut alice), 1, "{door:?} {wrong}");
        }
    }
}

#[test]
fn a_session_is_asked_three_times_and_no_more() {
    for door in SESSIONS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("confirm", id(), |_| accept(json!({"sure": "canary-4711"})));
        assert_eq!(reply.text(), "the client's answers don't fit what was asked", "{door:?}");
        assert!(!reply.everything().contains("4711"), "what was answered stays out of what is said of it");
        assert_eq!(asked.len(), 3, "{door:?}");
        assert_eq!(ended(&mut alice), 0);
    }
}

#[test]
fn an_error_for_an_answer_ends_the_question() {
    for door in SESSIONS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let mut talk = alice.talk("tools/call", json!({"name": "confirm", "arguments": id()}));
        let Turn::Asks(asked) = alice.turn(&mut talk) else { panic!("no question") };
        let error = json!({"code": -32603, "message": "canary-4711"});
        alice.respond(json!({"jsonrpc": "2.0", "id": asked[0].id, "error": error}));
        let Turn::Ends(reply) = alice.turn(&mut talk) else { panic!("no end") };
        assert_eq!(reply.text(), "the client gave no answer", "{door:?}");
        assert_eq!(ended(&mut alice), 0);
    }
}

/// Responses to what the server never asked, or asks no more, change nothing.
#[test]
fn s27_answers_that_nobody_waits_for_are_ignored() {
    for door in SESSIONS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let mut talk = alice.talk("tools/call", json!({"name": "confirm", "arguments": id()}));
        let Turn::Asks(asked) = alice.turn(&mut talk) else { panic!("no question") };
        let own = asked[0].id.as_i64().expect("a number");
        for other in [json!(own + 1), json!(own + 1_000), json!("x")] {
            let yes = json!({"jsonrpc": "2.0", "id": other, "result": accept(json!({"sure": true, "times": 1}))});
            alice.respond(yes);
        }
        alice.answer(&mut talk, [(json!(own), accept(json!({"sure": true, "times": 3})))]);
        alice.answer(&mut talk, [(json!(own), accept(json!({"sure": true, "times": 2})))]);
        let Turn::Ends(reply) = alice.turn(&mut talk) else { panic!("no end") };
        assert_eq!(reply.text(), "did INV-1 3 times", "{door:?}");
        assert_eq!(ended(&mut alice), 1, "{door:?}");
    }
}

#[test]
fn a_missing_answer_is_asked_for_again() {
    for door in ERAS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let first = alice.call("ask_at_once", json!({}));
        assert_eq!(first.questions().len(), 3);
        // One of three: the other two are asked again, and the first isn't.
        let second = alice.go_on("ask_at_once", json!({}), &first.state(), json!({"said": say("hi")}));
        let names: Vec<_> = second.questions().into_iter().map(|it| it.id).collect();
        assert_eq!(names, ["roots", "topic"], "{door:?}");
        let rest = json!({"roots": {"roots": []}, "topic": accept(json!({"topic": "t"}))});
        let third = alice.go_on("ask_at_once", json!({}), &second.state(), rest);
        assert_eq!(third.text(), "t; hi; ", "{door:?}");
        // None at all, or none that is said to be.
        for answers in [json!({}), json!(null)] {
            let first = alice.call("confirm", id());
            let second = alice.go_on("confirm", id(), &first.state(), answers.clone());
            assert_eq!(second.questions().len(), 1, "{door:?} {answers}: {second:?}");
        }
    }
}

#[test]
fn answers_to_what_nobody_asked_are_dropped() {
    for door in ERAS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let first = alice.call("confirm", id());
        let others =
            json!({"confirm-2": accept(json!({"sure": true})), "x".repeat(1_000): {"y": "canary".repeat(1_000)}});
        let second = alice.go_on("confirm", id(), &first.state(), others);
        assert_eq!(second.questions().len(), 1, "{door:?}: {second:?}");
        assert!(second.state().len() <= first.state().len() + 8, "what nobody asked for isn't carried along");
        let third = alice.go_on("confirm", id(), &second.state(), json!({"confirm": accept(json!({"sure": true}))}));
        assert_eq!(third.text(), "did INV-1 1 times");
    }
}

#[test]
fn members_that_a_form_does_not_have_are_dropped() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let more = accept(json!({"sure": true, "times": 3.0, "other": {"canary": 1}, "_meta": {}}));
        let (reply, asked) = alice.converse_with("confirm", id(), |_| more.clone());
        assert_eq!(reply.text(), "did INV-1 3 times", "{door:?}: {reply:?}");
        assert_eq!(asked.len(), 1, "clients may say more");
    }
}

#[test]
fn answers_of_a_wrong_form_are_no_answers() {
    for door in ERAS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let first = alice.call("confirm", id());
        for answers in [json!([]), json!("confirm"), json!(7)] {
            let refused = alice.request("tools/call", going_on("confirm", id(), &first.state(), answers.clone()));
            assert_eq!(refused.code(), -32602, "{door:?} {answers}: {refused:?}");
        }
        for state in [json!(7), json!({}), json!(["x"])] {
            let params = json!({"name": "confirm", "arguments": id(), "requestState": state});
            assert_eq!(alice.request("tools/call", params).code(), -32602, "{door:?} {state}");
        }
        let done = alice.go_on("confirm", id(), &first.state(), json!({"confirm": accept(json!({"sure": true}))}));
        assert_eq!(done.text(), "did INV-1 1 times", "and the call goes on");
    }
}

/// What answers carry is bounded, and the call that they are too much for ends.
#[test]
fn s27_answers_that_are_too_long_end_their_call() {
    for door in ERAS {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let first = alice.call("ask_in_turn", json!({}));
        let long = json!({"elicitation": accept(json!({"topic": "x".repeat(40_000)}))});
        let second = alice.go_on("ask_in_turn", json!({}), &first.state(), long);
        assert_eq!(second.verdict(), "blocked", "{door:?}: {second:?}");
        let fits = json!({"elicitation": accept(json!({"topic": "x".repeat(30_000)}))});
        let again = alice.go_on("ask_in_turn", json!({}), &first.state(), fits);
        assert_eq!(again.questions().len(), 1, "{door:?}: the state before is still good: {again:?}");
    }
}
