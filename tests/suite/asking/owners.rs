//! A task is its owner's: to everybody else, and to an owner whose grant is gone, it doesn't exist (S10, S26).

use serde_json::{Value, json};

use super::tasks::{begun, looked_at, until};
use crate::harness::{Caller, Cast, Era, Fixture, able_of_tasks, accept};

const UNKNOWN: &str = "00000000000000000000000000000000";

/// All that can be asked of a task.
fn asked(id: &str) -> [(&'static str, Value); 3] {
    let yes = json!({"confirm": accept(json!({"sure": true}))});
    [
        ("tasks/get", json!({"taskId": id})),
        ("tasks/update", json!({"taskId": id, "inputResponses": yes})),
        ("tasks/cancel", json!({"taskId": id})),
    ]
}

/// A task that is there is answered as one that isn't, but for the request's id and the headers that name the task.
#[track_caller]
fn assert_unknown(who: &str, caller: &mut Caller, id: &str) {
    for ((method, foreign), (_, absent)) in asked(id).into_iter().zip(asked(UNKNOWN)) {
        let answers = [foreign, absent].map(|params| {
            let mut message = caller.message(method, params);
            message["id"] = json!(7);
            let answer = caller.exchange(&message);
            (answer.status, answer.body)
        });
        assert_eq!(answers[0], answers[1], "{who} {method}");
        assert!(answers[0].1.contains("\"error\""), "{who} {method}: {answers:?}");
    }
}

#[test]
fn s10_another_callers_task_does_not_exist() {
    let server = Fixture::new().able(able_of_tasks()).env("FIXTURE_ANONYMOUS", "1").serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let working = begun(&mut bob, "job", json!({"ms": 1_500}));
    let asking = begun(&mut bob, "shred", json!({"how": "well"}));
    until(&mut bob, &asking, "input_required");
    // Root may call both tools, Carol one of them, the others none.
    let casts = [Cast::ROOT, Cast::CAROL, Cast::STRAY].map(|cast| (cast.id, server.caller(cast, Era::Modern)));
    for (who, mut caller) in casts.into_iter().chain([("nobody", server.stranger(Era::Modern))]) {
        for id in [&working, &asking] {
            assert_unknown(who, &mut caller, id);
        }
    }
    assert_eq!(looked_at(&mut bob, &asking).message["result"]["status"], "input_required", "nobody has answered");
    let no = json!({"taskId": asking, "inputResponses": {"confirm": accept(json!({"sure": false}))}});
    bob.request("tasks/update", no);
    assert_eq!(until(&mut bob, &asking, "completed")["result"]["content"][0]["text"], "kept");
    assert_eq!(
        until(&mut bob, &working, "completed")["result"]["content"][0]["text"],
        "done for bob, «redacted:email»"
    );
}

#[test]
fn s10_ids_that_are_none_are_unknown() {
    let server = Fixture::new().able(able_of_tasks()).serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let id = begun(&mut bob, "shred", json!({"how": "well"}));
    for other in [id.to_uppercase(), format!(" {id}"), id[1..].to_owned(), format!("{id}0"), "../x".into(), "".into()] {
        let reply = looked_at(&mut bob, &other);
        // All digits may be decimal: then upper case is the same id.
        if other != id {
            assert_eq!(
                reply.message["error"],
                json!({"code": -32602, "message": "Unknown task"}),
                "{other}: {reply:?}"
            );
        }
    }
}

#[test]
fn s26_a_grant_that_is_gone_takes_its_tasks_along() {
    let fixture = Fixture::new().able(able_of_tasks());
    let server = fixture.serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let job = begun(&mut bob, "job", json!({"ms": 1}));
    let shred = begun(&mut bob, "shred", json!({"how": "well"}));
    until(&mut bob, &job, "completed");
    until(&mut bob, &shred, "input_required");
    // One of two tools is left.
    fixture.file("writer.yaml", "agent_type: writer\nscopes: [misc:use]\n");
    server.process.reload();
    assert_unknown("bob", &mut bob, &shred);
    assert_eq!(looked_at(&mut bob, &job).message["result"]["status"], "completed", "what he may still call is there");
    // None is left: as if there were no tasks at all.
    fixture.file("writer.yaml", "agent_type: writer\nscopes: [invoices:read]\n");
    server.process.reload();
    for id in [&job, &shred] {
        assert_unknown("bob", &mut bob, id);
    }
    assert!(bob.call("journal", json!({})).structured()["shred"]["ended"] == 0, "nobody has answered");
}

/// A token that is gone takes its bearer's tasks along, too.
#[test]
fn s26_a_token_that_is_gone_owns_nothing() {
    let fixture = Fixture::new().able(able_of_tasks());
    let server = fixture.serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let id = begun(&mut bob, "shred", json!({"how": "well"}));
    drop(fixture.clone().tokens(&[Cast::ALICE]));
    server.process.reload();
    let message = bob.message("tasks/get", json!({"taskId": id}));
    assert_eq!(bob.exchange(&message).status, 401);
}
