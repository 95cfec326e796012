//! A panic, a hang, a flood: each costs its own call and nothing else.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, Wire, eventually};

#[test]
fn s27_a_panic_costs_its_own_call() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for _ in 0..20 {
            for tool in ["explode", "explode_later", "explode_blocking"] {
                let reply = alice.call(tool, json!({}));
                assert_eq!(reply.verdict(), "panicked", "{door:?}: {reply:?}");
                assert!(reply.text().starts_with("internal error (incident "), "{}", reply.text());
            }
        }
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
}

#[test]
fn s27_a_hang_costs_its_own_call() {
    for door in Door::ALL {
        let mut alice = Fixture::new().env("FIXTURE_TIMEOUT_MS", "300").caller(door, Cast::ALICE);
        let began = Instant::now();
        for tool in ["hurried", "slow", "block"] {
            let arguments = if tool == "hurried" { json!({}) } else { json!({"ms": 600_000}) };
            let reply = alice.call(tool, arguments);
            assert_eq!(reply.verdict(), "timeout", "{door:?} {tool}: {reply:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        // What can't be dropped was told to end.
        let journal = alice.call("journal", json!({}));
        assert_eq!(journal.structured()["slow"], json!({"began": 1, "ended": 0}));
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
}

#[test]
fn s27_others_are_served_while_one_hangs() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let hanging: Vec<_> =
        (0..16).map(|_| alice.begin("tools/call", json!({"name": "block", "arguments": {"ms": 3_000}}))).collect();
    let mut bob = server.caller(Cast::BOB, Era::Session);
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(bob.call("hello", json!({})).text(), "hello");
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(hanging);
}

#[test]
fn s27_so_many_calls_run_at_once_and_no_more() {
    let fixture = Fixture::new().env("FIXTURE_RUNNING_EACH", "4");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let hanging: Vec<_> =
        (0..4).map(|_| alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}))).collect();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    eventually("all four", || (bob.call("journal", json!({})).structured()["slow"]["began"] == 4).then_some(()));
    let refused = alice.call("hello", json!({}));
    assert_eq!(refused.verdict(), "rate_limited");
    assert_eq!(fixture.calls("hello").remove(0)["reason"], "concurrency");
    assert_eq!(refused.message["result"]["_meta"]["doorman/retryAfterMs"], json!(null));
    assert!(!bob.call("hello", json!({})).is_error(), "another caller has a bound of her own");
    drop(hanging);
    eventually("room", || (!alice.call("hello", json!({})).is_error()).then_some(()));
}

#[test]
fn s27_a_flood_costs_itself() {
    const CALLS: usize = 500;
    let fixture = Fixture::new();
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let message = alice.message("tools/call", json!({"name": "slow", "arguments": {"ms": 300}}));
    let request = alice.http_request(&message).bytes(server.address);
    let mut wires: Vec<Wire> = (0..CALLS).map(|_| Wire::connect(server.address)).collect();
    for wire in &mut wires {
        wire.send(&request).expect("the server reads");
    }
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let began = Instant::now();
    assert_eq!(bob.call("hello", json!({})).text(), "hello");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut verdicts = std::collections::BTreeMap::<String, usize>::new();
    for wire in &mut wires {
        let answer = wire.receive().expect("every call is answered").json();
        let verdict = answer["result"]["_meta"]["doorman/verdict"].as_str().unwrap_or("ok");
        *verdicts.entry(verdict.to_owned()).or_default() += 1;
    }
    assert_eq!(verdicts.values().sum::<usize>(), CALLS);
    assert!(verdicts.keys().all(|verdict| verdict == "ok" || verdict == "rate_limited"), "{verdicts:?}");
    assert!(verdicts["ok"] >= 128, "as many as may run at once: {verdicts:?}");
    let records = fixture.calls("slow");
    assert_eq!(records.len(), CALLS, "one record each");
    assert_eq!(records.iter().filter(|it| it["verdict"] == "ok").count(), verdicts["ok"]);
    drop(wires);
    let after = eventually("an answer", || Some(alice.call("hello", json!({}))));
    assert_eq!(after.text(), "hello");
}

#[test]
fn s27_bodies_that_never_come_hold_up_nobody() {
    let server = Fixture::new().serve();
    let head = |length: &str| {
        let token = Cast::ALICE.token();
        format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{length}\r\n\r\n",
            server.address,
        )
    };
    let _wires: Vec<Wire> = (0..64)
        .map(|nth| {
            let mut wire = Wire::connect(server.address);
            let length = if nth % 2 == 0 { "Content-Length: 4000000" } else { "Transfer-Encoding: chunked" };
            wire.send(head(length).as_bytes()).expect("sent");
            wire
        })
        .collect();
    for era in [Era::Session, Era::Modern] {
        for cast in [Cast::BOB, Cast::ALICE] {
            assert_eq!(server.caller(cast, era).call("hello", json!({})).text(), "hello");
        }
    }
}

#[test]
fn s27_a_flood_on_stdio_costs_itself() {
    let fixture = Fixture::new();
    let mut alice = fixture.caller(Door::Stdio(Era::Modern), Cast::ALICE);
    let ids: Vec<_> =
        (0..500).map(|_| alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 200}})).0).collect();
    for id in &ids {
        let reply = alice.lines().answer(id);
        assert!(reply.text() == "slept" || reply.verdict() == "rate_limited", "{reply:?}");
    }
    assert_eq!(fixture.calls("slow").len(), 500);
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
}

#[test]
fn s27_a_client_that_reads_nothing_holds_up_nobody() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let message = alice.message("tools/list", json!({}));
    let request = alice.http_request(&message).bytes(server.address);
    let mut deaf: Vec<Wire> = (0..20).map(|_| Wire::connect(server.address)).collect();
    for wire in &mut deaf {
        // As much as the sockets take; the server stops reading when it can't write.
        for _ in 0..5 {
            wire.send(&request).expect("the server reads");
        }
        // And one that never ends what it says.
        wire.send(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Le").expect("the server reads");
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.caller(Cast::BOB, Era::Session).call("hello", json!({})).text(), "hello");
}

#[test]
fn s27_many_unknown_names_cost_no_more_than_few() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let mut with = |names: usize| {
        let arguments = (0..names).map(|n| (format!("name_{n}"), json!(n))).collect();
        let began = Instant::now();
        let reply = alice.call("hello", serde_json::Value::Object(arguments));
        assert_eq!(reply.verdict(), "invalid", "{names}");
        assert!(reply.text().len() < 4096, "{}", reply.text().len());
        began.elapsed()
    };
    assert!(with(900) < Duration::from_secs(2));
    // Before names were bounded, these took half a minute on a fast machine.
    assert!(with(30_000) < Duration::from_secs(5));
}

#[test]
fn s27_a_long_run_of_token_prefixes_is_redacted_in_time() {
    for prefix in ["eyJ", "eyJ-", "sk-"] {
        let mut alice = Fixture::new().caller(Door::ALL[1], Cast::ALICE);
        let began = Instant::now();
        let reply = alice.call("echo", json!({"value": prefix.repeat(40_000)}));
        assert!(!reply.message.is_null());
        assert!(began.elapsed() < Duration::from_secs(20), "{prefix}: {:?}", began.elapsed());
    }
}
