//! How long calls may take that wait for somebody, and who can end them.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Turn, able, able_of_tasks, accept, eventually};

fn id() -> Value {
    json!({"name": "confirm", "arguments": {"id": "INV-1"}})
}

/// How often a tool came to its end, and how often it began.
fn runs(caller: &mut Caller, tool: &str) -> Value {
    caller.call("journal", json!({})).structured()[tool].clone()
}

#[test]
fn waiting_for_an_answer_takes_none_of_a_functions_time() {
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Session)] {
        let mut alice = Fixture::new().able(able()).env("FIXTURE_TIMEOUT_MS", "300").caller(door, Cast::ALICE);
        let began = Instant::now();
        let (reply, _) = alice.converse_with("confirm", json!({"id": "INV-1"}), |_| {
            thread::sleep(Duration::from_millis(900));
            accept(json!({"sure": true}))
        });
        assert_eq!(reply.text(), "did INV-1 1 times", "{door:?}: {reply:?}");
        assert!(began.elapsed() >= Duration::from_millis(900));
        assert_eq!(alice.call("slow", json!({"ms": 10_000})).verdict(), "timeout", "{door:?}: its own time counts");
    }
}

#[test]
fn waiting_for_an_answer_takes_none_of_a_tasks_time() {
    let mut bob = Fixture::new()
        .able(able_of_tasks())
        .env("FIXTURE_TIMEOUT_MS", "300")
        .caller(Door::Http(Era::Modern), Cast::BOB);
    let task = super::tasks::begun(&mut bob, "shred", json!({"how": "well"}));
    super::tasks::until(&mut bob, &task, "input_required");
    thread::sleep(Duration::from_millis(900));
    let yes = json!({"confirm": accept(json!({"sure": true}))});
    bob.request("tasks/update", json!({"taskId": task, "inputResponses": yes}));
    super::tasks::until(&mut bob, &task, "completed");
}

#[test]
fn a_session_that_loses_its_connection_loses_no_call() {
    let server = Fixture::new().able(able()).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let (_, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 400}}));
    eventually("the beginning", || (runs(&mut alice, "slow")["began"] == 1).then_some(()));
    drop(wire);
    eventually("the end", || (runs(&mut alice, "slow")["ended"] == 1).then_some(()));
    assert_eq!(server.fixture.verdict("slow"), "ok");
    // Nor does one that waits for an answer: it comes on another connection.
    let mut talk = alice.talk("tools/call", id());
    let Turn::Asks(asked) = alice.turn(&mut talk) else { panic!("no question") };
    let question = asked[0].id.clone();
    drop(talk);
    alice.respond(json!({"jsonrpc": "2.0", "id": question, "result": accept(json!({"sure": true}))}));
    eventually("the end", || (runs(&mut alice, "confirm")["ended"] == 1).then_some(()));
}

#[test]
fn a_connection_that_goes_takes_its_request_along_where_that_stands_alone() {
    let server = Fixture::new().able(able()).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let (_, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 20_000}}));
    eventually("the beginning", || (runs(&mut alice, "slow")["began"] == 1).then_some(()));
    drop(wire);
    assert_eq!(server.fixture.verdict("slow"), "cancelled");
    assert_eq!(runs(&mut alice, "slow")["ended"], 0);
}

#[test]
fn a_cancellation_ends_a_call_that_waits_for_an_answer() {
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Session)] {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let mut talk = alice.talk("tools/call", id());
        let Turn::Asks(asked) = alice.turn(&mut talk) else { panic!("no question") };
        alice.notify("notifications/cancelled", json!({"requestId": talk.id}));
        assert_eq!(alice.fixture().verdict("confirm"), "cancelled", "{door:?}");
        // An answer that comes afterwards is nobody's.
        alice.respond(json!({"jsonrpc": "2.0", "id": asked[0].id, "result": accept(json!({"sure": true}))}));
        assert_eq!(runs(&mut alice, "confirm"), json!({"began": 1, "ended": 0}), "{door:?}");
    }
}

#[test]
fn a_cancellation_ends_a_call_on_stdio() {
    let mut alice = Fixture::new().caller(Door::Stdio(Era::Modern), Cast::ALICE);
    let (id, _) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 20_000}}));
    eventually("the beginning", || (runs(&mut alice, "slow")["began"] == 1).then_some(()));
    alice.notify("notifications/cancelled", json!({"requestId": id}));
    assert_eq!(alice.fixture().verdict("slow"), "cancelled");
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
}

/// Nobody waits for ever: neither a function for its answer, nor a state to be used.
#[test]
#[ignore = "takes ten minutes"]
fn s27_who_never_answers_is_given_up_after_ten_minutes() {
    const LATE: Duration = Duration::from_secs(605);
    let server = Fixture::new().able(able_of_tasks()).serve();
    let mut sessions = [
        server.caller(Cast::ALICE, Era::Session),
        Fixture::new().able(able()).caller(Door::Stdio(Era::Session), Cast::ALICE),
    ];
    let talks: Vec<_> = sessions
        .iter_mut()
        .map(|alice| {
            let mut talk = alice.talk("tools/call", id());
            assert!(matches!(alice.turn(&mut talk), Turn::Asks(_)));
            talk
        })
        .collect();
    let (mut alice, mut bob) = (server.caller(Cast::ALICE, Era::Modern), server.caller(Cast::BOB, Era::Modern));
    let state = alice.call("confirm", json!({"id": "INV-2"})).state();
    let task = super::tasks::begun(&mut bob, "shred", json!({"how": "well"}));
    thread::sleep(LATE);
    for (alice, mut talk) in sessions.iter_mut().zip(talks) {
        let Turn::Ends(reply) = alice.turn(&mut talk) else { panic!("asked again") };
        assert_eq!(reply.text(), "nobody answered in time", "{reply:?}");
    }
    let answer = json!({"confirm": accept(json!({"sure": true}))});
    let expired = alice.go_on("confirm", json!({"id": "INV-2"}), &state, answer);
    assert_eq!(expired.code(), -32602, "{expired:?}");
    let ended = super::tasks::until(&mut bob, &task, "completed");
    assert_eq!(ended["result"]["content"][0]["text"], "nobody answered in time", "{ended}");
}

/// A tool that says nothing for ten minutes, through every door at the same time: nothing that is idle ends it.
#[test]
#[ignore = "takes ten minutes"]
fn a_tool_may_be_silent_for_ten_minutes() {
    const SILENCE: Duration = Duration::from_secs(605);
    thread::scope(|scope| {
        let doors = Door::ALL.map(|door| {
            let fixture = Fixture::new().env("FIXTURE_TIMEOUT_MS", "700000");
            let mut alice = fixture.caller(door, Cast::ALICE);
            scope.spawn(move || {
                let millis = u64::try_from(SILENCE.as_millis()).expect("minutes");
                let params = json!({"name": "slow", "arguments": {"ms": millis}});
                let began = Instant::now();
                let reply = alice.patient(SILENCE * 2).request("tools/call", params);
                let took = began.elapsed();
                eprintln!("{door:?}: {} after {took:.1?}", reply.text());
                assert_eq!(reply.text(), "slept", "{door:?} after {took:?}: {reply:?}");
                assert!(took >= SILENCE, "{door:?}: {took:?}");
                assert_eq!(alice.call("hello", json!({})).text(), "hello", "{door:?}: and it goes on");
            })
        });
        for door in doors {
            door.join().expect("it lasts");
        }
    });
}
