//! A tool that asks first and goes on as a task afterwards: rounds until it has its answers, and then a task, once.

use serde_json::{Value, json};

use super::tasks::{begun, until};
use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply, able, able_of_tasks, accept, going_on};

fn sure() -> Value {
    json!({"confirm": accept(json!({"sure": true}))})
}

/// What is left of the budget, after a look that costs 1.
fn left(caller: &mut Caller) -> u64 {
    caller.call("hello", json!({})).message["result"]["_meta"]["doorman/budgetRemaining"].as_u64().expect("a budget")
}

fn task(reply: &Reply) -> String {
    reply.message["result"]["taskId"].as_str().unwrap_or_else(|| panic!("no task in {reply:?}")).to_owned()
}

#[test]
fn what_has_been_answered_goes_on_as_a_task() {
    for door in [Door::Http(Era::Modern), Door::Stdio(Era::Modern)] {
        let fixture = Fixture::new().able(able_of_tasks()).env("FIXTURE_BUDGET", "100/day");
        let mut alice = fixture.caller(door, Cast::ALICE);
        let first = alice.call("archive", json!({}));
        assert_eq!(first.questions().len(), 1, "{door:?}: {first:?}");
        let id = task(&alice.go_on("archive", json!({}), &first.state(), sure()));
        let done = until(&mut alice, &id, "completed");
        assert_eq!(done["result"]["content"][0]["text"], "archived", "{door:?}: {done}");
        assert_eq!(left(&mut alice), 94, "{door:?}: it costs once");
        assert_eq!(alice.go_on("archive", json!({}), &first.state(), sure()).code(), -32602, "and ends once");
        let runs = alice.call("journal", json!({})).structured()["archive"].clone();
        assert_eq!(runs, json!({"began": 2, "ended": 1}), "{door:?}");
    }
}

/// An answer that doesn't fit is asked for again by the task: a round that has become one ends no more.
#[test]
fn a_task_asks_again_for_what_does_not_fit() {
    let mut alice = Fixture::new().able(able_of_tasks()).caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("archive", json!({})).state();
    let wrong = json!({"confirm": accept(json!({"sure": "perhaps"}))});
    let id = task(&alice.go_on("archive", json!({}), &state, wrong));
    until(&mut alice, &id, "input_required");
    alice.request("tasks/update", json!({"taskId": id, "inputResponses": sure()}));
    assert_eq!(until(&mut alice, &id, "completed")["result"]["content"][0]["text"], "archived");
}

#[test]
fn s25_a_round_that_finds_no_task_burns_no_state_and_costs_nothing() {
    let fixture = Fixture::new().able(able_of_tasks()).env("FIXTURE_BUDGET", "1000/day");
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    let state = alice.call("archive", json!({})).state();
    let before = left(&mut alice);
    // A client that says it knows no tasks any more.
    alice.can(able());
    assert_eq!(alice.go_on("archive", json!({}), &state, sure()).code(), -32021);
    assert_eq!(alice.call("archive", json!({})).code(), -32021);
    alice.can(able_of_tasks());
    // No room for one more task.
    let tasks: Vec<String> = (0..64).map(|_| begun(&mut alice, "job", json!({"ms": 15_000}))).collect();
    let full = alice.go_on("archive", json!({}), &state, sure());
    assert_eq!(full.verdict(), "rate_limited", "{full:?}");
    assert_eq!(left(&mut alice), before - 64 - 1, "64 jobs and this look");
    alice.request("tasks/cancel", json!({"taskId": tasks[0]}));
    until(&mut alice, &tasks[0], "cancelled");
    let id = task(&alice.request("tools/call", going_on("archive", json!({}), &state, sure())));
    assert_eq!(until(&mut alice, &id, "completed")["result"]["content"][0]["text"], "archived");
}
