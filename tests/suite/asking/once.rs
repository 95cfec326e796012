//! A call of several rounds comes to its end once, costs once, and is counted by each round.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply, Wire, able, accept, going_on};

fn sure() -> Value {
    json!({"confirm": accept(json!({"sure": true}))})
}

fn id() -> Value {
    json!({"id": "INV-1"})
}

fn is_refused(reply: &Reply) -> bool {
    reply.code() == -32602
        && reply.message["error"]["message"].as_str().is_some_and(|it| it.starts_with("the requestState isn't good"))
}

fn runs(caller: &mut Caller, tool: &str) -> Value {
    caller.call("journal", json!({})).structured()[tool].clone()
}

#[test]
fn s25_a_call_that_has_ended_does_not_go_on() {
    for door in [Door::Http(Era::Modern), Door::Stdio(Era::Modern)] {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let first = alice.call("confirm", id());
        // A wrong answer makes a second state of the same call.
        let second = alice.go_on("confirm", id(), &first.state(), json!({"confirm": accept(json!({}))}));
        assert_eq!(second.questions().len(), 1);
        assert_eq!(alice.go_on("confirm", id(), &second.state(), sure()).text(), "did INV-1 1 times", "{door:?}");
        for state in [first.state(), second.state()] {
            for answers in [sure(), json!({}), json!({"confirm": accept(json!({"sure": false}))})] {
                let again = alice.go_on("confirm", id(), &state, answers);
                assert!(is_refused(&again), "{door:?}: {again:?}");
            }
        }
        assert_eq!(runs(&mut alice, "confirm"), json!({"began": 3, "ended": 1}), "{door:?}");
    }
}

/// Every end of the function is the call's end: a no, too.
#[test]
fn s25_a_no_cannot_be_taken_back() {
    let mut alice = Fixture::new().able(able()).caller(Door::Http(Era::Modern), Cast::ALICE);
    for no in [json!({"action": "decline"}), json!({"action": "cancel"}), accept(json!({"sure": false}))] {
        let state = alice.call("confirm", id()).state();
        assert!(alice.go_on("confirm", id(), &state, json!({"confirm": no})).is_error());
        assert!(is_refused(&alice.go_on("confirm", id(), &state, sure())));
    }
    assert_eq!(runs(&mut alice, "confirm")["ended"], 0);
}

#[test]
fn s25_of_64_at_once_one_comes_to_the_end() {
    for round in 0..3 {
        let server = Fixture::new().able(able()).serve();
        let mut alice = server.caller(Cast::ALICE, Era::Modern);
        let state = alice.call("confirm", id()).state();
        let message = alice.message("tools/call", going_on("confirm", id(), &state, sure()));
        let request = alice.http_request(&message).bytes(server.address);
        let mut wires: Vec<Wire> = (0..64).map(|_| Wire::connect(server.address)).collect();
        let answers: Vec<Value> = thread::scope(|scope| {
            let sending = wires.iter_mut().map(|wire| {
                let request = &request;
                scope.spawn(move || wire.exchange(request).expect("an answer").json())
            });
            sending.collect::<Vec<_>>().into_iter().map(|it| it.join().expect("no panic")).collect()
        });
        let done = answers.iter().filter(|it| it["result"]["content"][0]["text"] == "did INV-1 1 times").count();
        let refused = answers.iter().filter(|it| it["error"]["code"] == -32602).count();
        assert_eq!((done, refused), (1, 63), "round {round}: {answers:?}");
        assert_eq!(runs(&mut alice, "confirm"), json!({"began": 2, "ended": 1}));
    }
}

#[test]
fn s25_a_wrong_answer_burns_no_state() {
    let mut alice = Fixture::new().able(able()).caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("confirm", id()).state();
    for wrong in [json!({}), json!({"confirm": accept(json!({"sure": 7}))}), json!({"other": {}})] {
        assert_eq!(alice.go_on("confirm", id(), &state, wrong).questions().len(), 1);
    }
    assert_eq!(alice.go_on("confirm", id(), &state, sure()).text(), "did INV-1 1 times");
}

#[test]
fn s25_a_round_that_a_limit_ends_burns_no_state() {
    // By a rate: two rounds in this second, the third later.
    let mut alice = Fixture::new().able(able()).env("FIXTURE_RATE", "2/s").caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("confirm", id()).state();
    let limited =
        (0..50).map(|_| alice.go_on("confirm", id(), &state, json!({}))).find(|it| it.verdict() == "rate_limited");
    assert!(limited.is_some(), "rounds are counted");
    let done = crate::harness::eventually("the end", || {
        let reply = alice.go_on("confirm", id(), &state, sure());
        (reply.verdict() != "rate_limited").then_some(reply)
    });
    assert_eq!(done.text(), "did INV-1 1 times", "{done:?}");
    // By the number of calls that run.
    let server = Fixture::new().able(able()).env("FIXTURE_RUNNING_EACH", "1").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let state = alice.call("confirm", id()).state();
    let running = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}));
    let busy = crate::harness::eventually("no room", || {
        Some(alice.call("hello", json!({}))).filter(|it| it.verdict() == "rate_limited")
    });
    assert_eq!(busy.verdict(), "rate_limited");
    assert_eq!(alice.go_on("confirm", id(), &state, sure()).verdict(), "rate_limited");
    drop(running);
    let done = crate::harness::eventually("room", || {
        let reply = alice.go_on("confirm", id(), &state, sure());
        (reply.verdict() != "rate_limited").then_some(reply)
    });
    assert_eq!(done.text(), "did INV-1 1 times", "{done:?}");
}

/// `confirm` costs 5.
fn left(reply: &Reply) -> Option<u64> {
    reply.message["result"]["_meta"]["doorman/budgetRemaining"].as_u64()
}

#[test]
fn s23_a_call_costs_once() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).env("FIXTURE_BUDGET", "100/day").caller(door, Cast::ALICE);
        let mut attempts = 0;
        let (reply, asked) = alice.converse_with("confirm", id(), |_| {
            attempts += 1;
            accept(if attempts < 3 { json!({}) } else { json!({"sure": true}) })
        });
        assert_eq!(asked.len(), 3);
        let now = left(&alice.call("journal", json!({})));
        assert_eq!(now, Some(94), "{door:?}: 5 for all rounds, 1 for the journal: {reply:?}");
    }
}

#[test]
fn s23_what_never_ran_costs_nothing() {
    let mut alice =
        Fixture::new().able(able()).env("FIXTURE_BUDGET", "100/day").caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("confirm", id()).state();
    for _ in 0..3 {
        assert!(is_refused(&alice.go_on("confirm", id(), "nonsense", sure())));
        assert!(is_refused(&alice.go_on("confirm", json!({"id": "INV-2"}), &state, sure())));
    }
    assert!(!alice.go_on("confirm", id(), &state, sure()).is_error());
    assert!(is_refused(&alice.go_on("confirm", id(), &state, sure())));
    assert_eq!(left(&alice.call("journal", json!({}))), Some(94), "one call, and the journal");
}

#[test]
fn s23_each_round_is_counted_by_rates() {
    let mut alice =
        Fixture::new().able(able()).env("FIXTURE_RATE", "3/h per_caller").caller(Door::Http(Era::Modern), Cast::ALICE);
    let first = alice.call("ask_in_turn", json!({}));
    let answer = |topic: &str| accept(json!({"topic": topic}));
    let second = alice.go_on("ask_in_turn", json!({}), &first.state(), json!({"elicitation": answer("a")}));
    let third = alice.go_on("ask_in_turn", json!({}), &second.state(), json!({"elicitation-2": answer("b")}));
    assert_eq!(third.text(), "a and b");
    assert_eq!(alice.call("hello", json!({})).verdict(), "rate_limited", "three rounds, three attempts");
    // A session has one request, however much is asked.
    let mut alice =
        Fixture::new().able(able()).env("FIXTURE_RATE", "2/h per_caller").caller(Door::Http(Era::Session), Cast::ALICE);
    let (reply, _) = alice.converse_with("ask_in_turn", json!({}), |_| answer("a"));
    assert_eq!(reply.text(), "a and a");
    assert!(!alice.call("hello", json!({})).is_error());
    assert_eq!(alice.call("hello", json!({})).verdict(), "rate_limited");
}

#[test]
fn s23_a_breaker_counts_a_call_once() {
    let mut alice =
        Fixture::new().able(able()).env("FIXTURE_BREAKER", "2 in 1h").caller(Door::Http(Era::Modern), Cast::ALICE);
    for _ in 0..2 {
        let state = alice.call("confirm", id()).state();
        for _ in 0..4 {
            assert_eq!(alice.go_on("confirm", id(), &state, json!({})).questions().len(), 1, "rounds aren't calls");
        }
        assert_eq!(alice.go_on("confirm", id(), &state, sure()).text(), "did INV-1 1 times");
    }
    let refused = alice.call("confirm", id());
    assert_eq!(refused.verdict(), "rate_limited", "{refused:?}");
    let other = alice.call("confirm", json!({"id": "INV-2"}));
    assert_eq!(other.questions().len(), 1);
    assert_eq!(alice.fixture().calls("confirm").iter().filter(|it| it["reason"] == "breaker").count(), 1);
}
