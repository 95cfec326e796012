//! Calls that go on as tasks (2026-07-28): begun, looked at, answered, cancelled, and bounded.

use serde_json::{Value, json};

use crate::harness::{
    Caller, Cast, Door, Era, Fixture, Reply, able, able_of_tasks, accept, assert_no_secret, eventually,
};

const DOORS: [Door; 2] = [Door::Stdio(Era::Modern), Door::Http(Era::Modern)];

/// Begins a task, and gives its id.
#[track_caller]
pub(super) fn begun(caller: &mut Caller, tool: &str, arguments: Value) -> String {
    let reply = caller.call(tool, arguments);
    assert_eq!(reply.message["result"]["resultType"], "task", "{reply:?}");
    reply.message["result"]["taskId"].as_str().expect("an id").to_owned()
}

/// What the server says of a task.
pub(super) fn looked_at(caller: &mut Caller, id: &str) -> Reply {
    caller.request("tasks/get", json!({"taskId": id}))
}

/// Waits until a task is in this state, and gives what the server says of it.
#[track_caller]
pub(super) fn until(caller: &mut Caller, id: &str, status: &str) -> Value {
    eventually(status, || {
        let result = looked_at(caller, id).message["result"].clone();
        (result["status"] == status).then_some(result)
    })
}

fn bob(door: Door) -> Caller {
    Fixture::new().able(able_of_tasks()).caller(door, Cast::BOB)
}

#[test]
fn a_task_goes_on_and_its_result_is_kept() {
    for door in DOORS {
        let mut bob = bob(door);
        let reply = bob.call("job", json!({"ms": 150}));
        let task = &reply.message["result"];
        assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{door:?}: {reply:?}");
        assert!(task["ttlMs"].as_u64().is_some_and(|ttl| ttl >= 600_000) && task["pollIntervalMs"].is_u64(), "{task}");
        assert!(task["createdAt"].as_str().is_some_and(|it| it.ends_with('Z')), "{task}");
        let id = task["taskId"].as_str().expect("an id").to_owned();
        assert!(id.len() >= 32, "as good as a secret: {id}");
        let working = looked_at(&mut bob, &id);
        assert_eq!(working.message["result"]["status"], "working");
        let done = until(&mut bob, &id, "completed");
        assert_eq!(done["result"]["content"][0]["text"], "done for bob, «redacted:email»", "{door:?}: {done}");
        assert_eq!(done["taskId"], json!(id));
        assert_eq!(until(&mut bob, &id, "completed")["result"], done["result"], "it may be looked at again");
        assert_eq!(bob.call("journal", json!({})).structured()["job"], json!({"began": 1, "ended": 1}));
    }
}

#[test]
fn s19_what_a_task_says_is_redacted() {
    for door in DOORS {
        let mut bob = bob(door);
        for (how, status) in [("internal", "failed"), ("panic", "failed"), ("user", "completed")] {
            let id = begun(&mut bob, "shred", json!({"how": how}));
            let text = until(&mut bob, &id, status).to_string();
            assert_no_secret(how, &text);
            assert!(!text.contains("/srv/private") && !text.contains("asking.rs"), "{text}");
        }
    }
}

#[test]
fn how_a_task_ends() {
    for door in DOORS {
        let mut bob = bob(door);
        let said = begun(&mut bob, "shred", json!({"how": "user"}));
        let said = until(&mut bob, &said, "completed");
        assert_eq!(said["result"]["isError"], true, "{said}");
        assert_eq!(said["result"]["content"][0]["text"], "nothing to shred");
        for how in ["internal", "panic"] {
            let id = begun(&mut bob, "shred", json!({"how": how}));
            let failed = until(&mut bob, &id, "failed");
            assert_eq!(failed["error"]["code"], -32603, "{failed}");
            let message = failed["error"]["message"].as_str().unwrap_or_default();
            assert!(message.starts_with("internal error (incident "), "{failed}");
            assert!(failed.get("result").is_none(), "{failed}");
        }
    }
}

#[test]
fn a_task_asks_and_is_answered() {
    for door in DOORS {
        let mut bob = bob(door);
        let id = begun(&mut bob, "shred", json!({"how": "well"}));
        let asking = until(&mut bob, &id, "input_required");
        let question = &asking["inputRequests"]["confirm"];
        assert_eq!(question["method"], "elicitation/create", "{asking}");
        assert_eq!(question["params"]["message"], "Really?");
        // Answers to what nobody asked change nothing; one that doesn't fit is asked again.
        let mut answer = |answers: Value| {
            let reply = bob.request("tasks/update", json!({"taskId": id, "inputResponses": answers}));
            assert_eq!(reply.code(), 0, "{reply:?}");
        };
        answer(json!({"other": accept(json!({"sure": true}))}));
        answer(json!({"confirm": accept(json!({"sure": "perhaps"}))}));
        let again = until(&mut bob, &id, "input_required");
        assert!(again["inputRequests"]["confirm"].is_object(), "{again}");
        let yes = json!({"taskId": id, "inputResponses": {"confirm": accept(json!({"sure": true}))}});
        bob.request("tasks/update", yes.clone());
        let done = until(&mut bob, &id, "completed");
        assert_eq!(done["result"]["content"][0]["text"], "shredded", "{door:?}: {done}");
        // What comes after the end changes nothing.
        bob.request("tasks/update", yes);
        bob.request("tasks/cancel", json!({"taskId": id}));
        assert_eq!(until(&mut bob, &id, "completed")["result"], done["result"]);
        assert_eq!(bob.call("journal", json!({})).structured()["shred"], json!({"began": 1, "ended": 1}), "{door:?}");
    }
}

#[test]
fn a_task_that_is_cancelled_ends() {
    for door in DOORS {
        let mut bob = bob(door);
        let working = begun(&mut bob, "job", json!({"ms": 15_000}));
        let asking = begun(&mut bob, "shred", json!({"how": "well"}));
        until(&mut bob, &asking, "input_required");
        for id in [working, asking] {
            let reply = bob.request("tasks/cancel", json!({"taskId": id}));
            assert_eq!(reply.code(), 0, "{reply:?}");
            let ended = until(&mut bob, &id, "cancelled");
            assert!(ended.get("result").is_none() && ended.get("inputRequests").is_none(), "{ended}");
        }
        let runs = bob.call("journal", json!({})).structured().clone();
        assert_eq!((&runs["job"]["ended"], &runs["shred"]["ended"]), (&json!(0), &json!(0)), "{door:?}");
    }
}

/// A plain function can't be dropped: it is told when its task is cancelled, and not when its request is answered.
#[test]
fn a_task_that_blocks_is_told_of_its_own_end_only() {
    let fixture = Fixture::new().able(able_of_tasks()).env("FIXTURE_RUNNING_EACH", "1");
    let mut bob = fixture.caller(Door::Http(Era::Modern), Cast::BOB);
    let id = begun(&mut bob, "toil", json!({"ms": 200}));
    assert_eq!(until(&mut bob, &id, "completed")["result"]["content"][0]["text"], "to the end");
    let id = begun(&mut bob, "toil", json!({"ms": 60_000}));
    bob.request("tasks/cancel", json!({"taskId": id}));
    until(&mut bob, &id, "cancelled");
    eventually("room", || (bob.call("hello", json!({})).text() == "hello").then_some(()));
}

#[test]
fn a_client_that_goes_away_ends_no_task() {
    let server = Fixture::new().able(able_of_tasks()).serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let id = begun(&mut bob, "job", json!({"ms": 300}));
    // A cancellation of the request that began it comes too late, and so does its connection's end.
    bob.notify("notifications/cancelled", json!({"requestId": 1}));
    drop(bob);
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    assert_eq!(until(&mut bob, &id, "completed")["result"]["content"][0]["text"], "done for bob, «redacted:email»");
}

#[test]
fn who_knows_no_tasks_gets_a_result_or_hears_why_not() {
    for door in Door::ALL {
        let mut bob = Fixture::new().able(able()).caller(door, Cast::BOB);
        let reply = bob.call("job", json!({"ms": 1}));
        assert_eq!(reply.text(), "done for bob, «redacted:email»", "{door:?}: {reply:?}");
        let refused = bob.call("shred", json!({"how": "well"}));
        if let Door::Stdio(Era::Modern) | Door::Http(Era::Modern) = door {
            assert_eq!(refused.code(), -32021, "{door:?}: {refused:?}");
            let required = &refused.message["error"]["data"]["requiredCapabilities"];
            assert_eq!(*required, json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}));
        } else {
            assert_eq!(refused.message["result"]["isError"], true, "{door:?}: {refused:?}");
            assert!(refused.text().contains("tasks"), "{refused:?}");
        }
        assert!(bob.call("journal", json!({})).structured().get("shred").is_none(), "{door:?}: it never ran");
    }
    // A session has no tasks, whatever its client says.
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Session)] {
        let mut bob = Fixture::new().able(able_of_tasks()).caller(door, Cast::BOB);
        assert_eq!(bob.call("shred", json!({"how": "well"})).message["result"]["isError"], true);
        assert_eq!(bob.call("job", json!({"ms": 1})).text(), "done for bob, «redacted:email»");
        assert_eq!(looked_at(&mut bob, "x").code(), -32601, "{door:?}");
    }
}

/// A task whose question its client can't answer fails, as the call would have.
#[test]
fn a_task_that_cannot_ask_fails() {
    for door in DOORS {
        let only_tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        let mut bob = Fixture::new().able(only_tasks).caller(door, Cast::BOB);
        let id = begun(&mut bob, "shred", json!({"how": "well"}));
        let failed = until(&mut bob, &id, "failed");
        assert_eq!(failed["error"]["code"], -32021, "{door:?}: {failed}");
        let required = &failed["error"]["data"]["requiredCapabilities"];
        assert_eq!(*required, json!({"elicitation": {"form": {}}}), "{failed}");
    }
}

#[test]
fn what_never_ran_is_no_task() {
    for door in DOORS {
        let mut bob = bob(door);
        for arguments in [json!({}), json!({"ms": "1"}), json!({"ms": 1, "more": 1})] {
            let reply = bob.call("job", arguments);
            assert_eq!(reply.verdict(), "invalid", "{door:?}: {reply:?}");
        }
        // Nor do they take the room of tasks.
        for _ in 0..64 {
            bob.call("job", json!({}));
        }
        begun(&mut bob, "job", json!({"ms": 1}));
    }
    let limited = Fixture::new().able(able_of_tasks()).env("FIXTURE_RATE", "1/h per_tool");
    let mut bob = limited.caller(Door::Http(Era::Modern), Cast::BOB);
    begun(&mut bob, "job", json!({"ms": 1}));
    assert_eq!(bob.call("job", json!({"ms": 1})).verdict(), "rate_limited");
    let full = Fixture::new().able(able_of_tasks()).env("FIXTURE_RUNNING_EACH", "1");
    let mut bob = full.caller(Door::Http(Era::Modern), Cast::BOB);
    let running = begun(&mut bob, "job", json!({"ms": 15_000}));
    assert_eq!(bob.call("job", json!({"ms": 1})).verdict(), "rate_limited", "a task runs like any call");
    bob.request("tasks/cancel", json!({"taskId": running}));
    eventually("room", || bob.call("job", json!({"ms": 1})).message["result"]["taskId"].is_string().then_some(()));
}

#[test]
fn s27_tasks_are_bounded_and_ended_ones_give_way() {
    const MOST: usize = 64;
    let server = Fixture::new().able(able_of_tasks()).env("FIXTURE_BUDGET", "1000/day").serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let ids: Vec<String> = (0..MOST).map(|_| begun(&mut bob, "shred", json!({"how": "well"}))).collect();
    let before = left(&mut bob);
    let refused = bob.call("shred", json!({"how": "well"}));
    assert_eq!(refused.verdict(), "rate_limited", "{refused:?}");
    assert!(refused.text().contains("64 tasks at once"), "{refused:?}");
    assert_eq!(before - left(&mut bob), 1, "what never ran costs nothing: the look alone");
    // Another caller has room, and what has ended gives way, the oldest first.
    let mut root = server.caller(Cast::ROOT, Era::Modern);
    begun(&mut root, "shred", json!({"how": "well"}));
    for id in &ids[..2] {
        bob.request("tasks/cancel", json!({"taskId": id}));
        until(&mut bob, id, "cancelled");
    }
    let new = begun(&mut bob, "shred", json!({"how": "well"}));
    assert_eq!(looked_at(&mut bob, &ids[0]).code(), -32602, "forgotten");
    assert_eq!(looked_at(&mut bob, &ids[1]).message["result"]["status"], "cancelled", "not yet");
    for id in ids[2..].iter().chain([&new]) {
        until(&mut bob, id, "input_required");
    }
}

/// What is left of the budget, after a look that costs 1.
fn left(caller: &mut Caller) -> u64 {
    caller.call("hello", json!({})).message["result"]["_meta"]["doorman/budgetRemaining"].as_u64().expect("a budget")
}
