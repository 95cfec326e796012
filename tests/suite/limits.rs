//! Rates and budgets: exact at the boundary, for each caller, and all or nothing.

use std::{thread, time::Duration};

use serde_json::json;

use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply};

fn rule(reply: &Reply) -> &str {
    reply.message["result"]["_meta"]["doorman/rule"].as_str().unwrap_or_default()
}

fn passes(caller: &mut Caller, tool: &str, times: usize) {
    for call in 0..times {
        let reply = caller.call(tool, json!({}));
        assert!(!reply.is_error(), "{tool} call {call}: {reply:?}");
    }
}

#[test]
fn s23_a_tools_own_rate_is_exact_and_per_caller() {
    for era in [Era::Session, Era::Modern] {
        let server = Fixture::new().serve();
        let (mut alice, mut carol) = (server.caller(Cast::ALICE, era), server.caller(Cast::CAROL, era));
        passes(&mut alice, "limited", 5);
        let refused = alice.call("limited", json!({}));
        assert_eq!((refused.verdict(), rule(&refused)), ("rate_limited", "5/min per_caller"));
        let wait = refused.message["result"]["_meta"]["doorman/retryAfterMs"].as_u64().expect("a time to wait");
        assert!((8_000..=12_000).contains(&wait), "one comes back every 12 s: {wait}");
        assert!(refused.text().contains("retry in"), "{}", refused.text());
        // Neither another caller nor another tool has anything to do with it, and a new session doesn't help.
        passes(&mut carol, "limited", 5);
        assert_eq!(carol.call("limited", json!({})).verdict(), "rate_limited");
        assert!(!alice.call("hello", json!({})).is_error());
        assert_eq!(server.caller(Cast::ALICE, era).call("limited", json!({})).verdict(), "rate_limited");
        assert_eq!(alice.call("journal", json!({})).structured()["limited"]["began"], 10, "the refused didn't run");
    }
    for era in [Era::Session, Era::Modern] {
        let mut alice = Fixture::new().caller(Door::Stdio(era), Cast::ALICE);
        passes(&mut alice, "limited", 5);
        assert_eq!(alice.call("limited", json!({})).verdict(), "rate_limited");
    }
}

#[test]
fn s23_every_attempt_counts_for_its_caller() {
    for door in Door::ALL {
        let mut alice = Fixture::new().env("FIXTURE_RATE", "6/h per_caller").caller(door, Cast::ALICE);
        for (tool, arguments) in [
            ("hello", json!({})),
            ("purge", json!({})),
            ("no_such_tool", json!({})),
            ("get_invoice", json!({})),
            ("explode", json!({})),
            ("deny", json!({})),
        ] {
            assert_ne!(alice.call(tool, arguments).verdict(), "rate_limited", "{door:?} {tool}");
        }
        for tool in ["hello", "purge", "no_such_tool"] {
            let refused = alice.call(tool, json!({}));
            assert_eq!((refused.verdict(), rule(&refused)), ("rate_limited", "6/h per_caller"), "{door:?} {tool}");
        }
        assert!(!alice.list().is_empty(), "lists are no calls");
    }
}

#[test]
fn s23_a_global_rule_is_for_all() {
    let server = Fixture::new().env("FIXTURE_RATE", "4/h global").serve();
    let (mut alice, mut bob) = (server.caller(Cast::ALICE, Era::Modern), server.caller(Cast::BOB, Era::Modern));
    passes(&mut alice, "hello", 2);
    passes(&mut bob, "hello", 2);
    assert_eq!(alice.call("hello", json!({})).verdict(), "rate_limited");
    assert_eq!(bob.call("hello", json!({})).verdict(), "rate_limited");
}

#[test]
fn s23_what_refills_comes_back_in_time_and_no_sooner() {
    let mut alice = Fixture::new().env("FIXTURE_RATE", "2/s").caller(Door::Http(Era::Modern), Cast::ALICE);
    passes(&mut alice, "hello", 2);
    let refused = alice.call("hello", json!({}));
    assert_eq!(refused.verdict(), "rate_limited");
    let wait = refused.message["result"]["_meta"]["doorman/retryAfterMs"].as_u64().expect("a time to wait");
    assert!(wait <= 500, "{wait}");
    thread::sleep(Duration::from_millis(wait + 20));
    passes(&mut alice, "hello", 1);
}

#[test]
fn s23_all_rules_are_probed_before_any_is_taken() {
    // The budget refuses the second `costly`; the rate must not have counted it.
    let server = Fixture::new().env("FIXTURE_RATE", "3/h per_caller").env("FIXTURE_BUDGET", "50/h").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    passes(&mut alice, "costly", 1);
    for _ in 0..5 {
        assert_eq!(alice.call("costly", json!({})).verdict(), "budget_exceeded");
    }
    passes(&mut alice, "hello", 2);
    assert_eq!(alice.call("hello", json!({})).verdict(), "rate_limited");
}

#[test]
fn s23_a_budget_is_given_back_if_nothing_ran() {
    for door in Door::ALL {
        let mut alice = Fixture::new().env("FIXTURE_BUDGET", "100/h").caller(door, Cast::ALICE);
        for _ in 0..5 {
            assert_eq!(alice.call("costly", json!({"fail": "x"})).verdict(), "invalid");
        }
        assert_eq!(alice.call("costly", json!({"fail": true})).verdict(), "error", "it ran, so it cost");
        passes(&mut alice, "costly", 1);
        let refused = alice.call("costly", json!({}));
        assert_eq!((refused.verdict(), rule(&refused)), ("budget_exceeded", "100/h per_caller"), "{door:?}");
        passes(&mut alice, "hello", 20);
        assert_eq!(alice.call("hello", json!({})).verdict(), "budget_exceeded", "every call costs 1");
    }
}

#[test]
fn s23_racing_calls_pass_exactly_as_often_as_the_rule_says() {
    let server = Fixture::new().serve();
    let passed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let server = server.clone();
                scope.spawn(move || {
                    let mut alice = server.caller(Cast::ALICE, Era::Modern);
                    (0..5).filter(|_| !alice.call("limited", json!({})).is_error()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(passed, 5);
    let records = server.fixture.calls("limited");
    assert_eq!(records.len(), 40);
    assert_eq!(records.iter().filter(|record| record["verdict"] == "ok").count(), 5);
}

#[test]
fn s23_anonymous_callers_are_no_verified_ones() {
    let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").env("FIXTURE_RATE", "2/h").serve();
    let (mut nobody, mut alice) = (server.stranger(Era::Modern), server.caller(Cast::ALICE, Era::Modern));
    passes(&mut nobody, "hello", 2);
    assert_eq!(nobody.call("hello", json!({})).verdict(), "rate_limited");
    assert_eq!(server.stranger(Era::Modern).call("hello", json!({})).verdict(), "rate_limited", "the same address");
    passes(&mut alice, "hello", 2);
}

#[test]
fn s23_a_breaker_stops_a_loop_and_nothing_else() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let same = || json!({"text": "again", "number": 7});
        for _ in 0..3 {
            assert!(!alice.call("looping", same()).is_error());
        }
        let refused = alice.call("looping", json!({"number": 7, "text": "again"}));
        assert_eq!((refused.verdict(), rule(&refused)), ("rate_limited", "3 in 3600s"), "{door:?}");
        assert!(refused.text().starts_with("this same call was made too often"), "{}", refused.text());
        let wait = refused.message["result"]["_meta"]["doorman/retryAfterMs"].as_u64().expect("a time to wait");
        assert!((1_190_000..=1_200_000).contains(&wait), "{wait}");
        for other in
            [json!({"text": "again"}), json!({"text": "again", "number": 8}), json!({"text": "Again", "number": 7})]
        {
            assert!(!alice.call("looping", other).is_error());
        }
    }
    let server = Fixture::new().env("FIXTURE_BREAKER", "1 in 1h").serve();
    let [mut alice, mut carol] = [Cast::ALICE, Cast::CAROL].map(|cast| server.caller(cast, Era::Modern));
    passes(&mut alice, "hello", 1);
    passes(&mut carol, "hello", 1);
    assert_eq!(alice.call("hello", json!({})).verdict(), "rate_limited", "the application's, for tools without one");
    for _ in 0..3 {
        assert!(!alice.call("looping", json!({"text": "x"})).is_error(), "a tool's own is the one that counts");
    }
    let record = server.fixture.calls("hello").pop().expect("a record");
    assert_eq!(record["reason"], "breaker");
}

#[test]
fn s23_what_a_function_charges_is_taken_and_told() {
    let left = |reply: &Reply| reply.message["result"]["_meta"]["doorman/budgetRemaining"].as_u64();
    for door in Door::ALL {
        let mut alice = Fixture::new().env("FIXTURE_BUDGET", "100/h").caller(door, Cast::ALICE);
        let reply = alice.call("metered", json!({"units": 9}));
        assert_eq!((&reply.structured()["result"], left(&reply)), (&json!(90), Some(90)), "{reply:?}");
        // What failed has been spent, too.
        assert!(alice.call("metered", json!({"units": 19, "fail": true})).is_error());
        assert_eq!(left(&alice.call("metered", json!({"units": 0}))), Some(69));
        // One call may overshoot; the next is refused until the debt is paid.
        assert_eq!(left(&alice.call("metered", json!({"units": 88}))), Some(0));
        let refused = alice.call("hello", json!({}));
        assert_eq!(refused.verdict(), "budget_exceeded");
        let wait = refused.message["result"]["_meta"]["doorman/retryAfterMs"].as_u64().expect("a time to wait");
        assert!((719_000..=756_000).contains(&wait), "20 of debt and one to go, 36 s each: {wait}");
    }
    let mut alice = Fixture::new().caller(Door::Http(Era::Modern), Cast::ALICE);
    let reply = alice.call("metered", json!({"units": 9}));
    assert_eq!((&reply.structured()["result"], left(&reply)), (&json!(0), None), "without a budget nothing is counted");
}
