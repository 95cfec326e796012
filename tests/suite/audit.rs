//! The audit log: one record for every call whatever becomes of it, and nothing in it that somebody sent.

mod commands;
mod crash;
mod dropped;
mod sinks;
mod stuck;

use std::{fs, os::unix::fs::symlink, thread, time::Duration};

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, eventually};

const CANARY: &str = "CaNaRy7f3a9c";

#[test]
fn s20_nothing_that_a_caller_sends_is_recorded() {
    for door in Door::ALL {
        let fixture = Fixture::new().env("DOORMAN_LOG", "trace,rmcp=trace,hyper=trace,axum=trace");
        let mut alice = fixture.caller(door, Cast::ALICE);
        send_canaries(&mut alice);
        let written = fixture.audit_text();
        assert!(!written.contains(CANARY), "{door:?}: {written}");
        assert!(fixture.audit("call").len() >= 11, "{written}");
        for line in written.lines() {
            let record: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("a forged line: {line}"));
            assert!(record["seq"].is_u64() && !line.contains('\u{1b}'), "{line}");
        }
        if let Door::Stdio(_) = door {
            let log = alice.lines().process.stderr();
            assert!(!log.contains(CANARY), "{log}");
        }
    }
}

/// Calls with the canary in every place where a caller can put something: as a value, as a key, as a name.
fn send_canaries(alice: &mut Caller) {
    let key = format!("k{CANARY}");
    let nested = json!({ &key: [CANARY, { &key: CANARY }] });
    for (tool, arguments) in [
        ("echo", json!({ "value": nested })),
        ("echo_text", json!({ "text": format!("{CANARY}\n{{\"kind\":\"call\"}}\n\u{1b}[31m") })),
        ("get_invoice", json!({ "id": CANARY })),
        ("get_invoice", json!({ "id": 1, &key: CANARY })),
        ("constrained", json!({ "count": CANARY, "filter": { &key: CANARY } })),
        ("fail_user", json!({ "text": CANARY })),
        ("environment", json!({ "name": CANARY })),
        ("purge", nested.clone()),
        ("no_such_tool", nested.clone()),
        (&format!("no such tool {CANARY}"), json!({})),
        ("work_write", json!({ "path": format!("../{CANARY}"), "text": CANARY })),
    ] {
        alice.call(tool, arguments);
    }
    alice.request(&format!("no/{CANARY}"), json!({}));
}

#[test]
fn s20_the_members_of_a_record() {
    let fixture = Fixture::new();
    let mut alice = fixture.caller(Door::Http(Era::Session), Cast::ALICE);
    alice.call("get_invoice", json!({"id": "INV-1"}));
    let record = fixture.calls("get_invoice").remove(0);
    for (member, expected) in [
        ("agent_id", json!("alice")),
        ("agent_type", json!("reader")),
        ("principal", json!("alice")),
        ("transport", json!("http")),
        ("verdict", json!("ok")),
        ("reason", json!("ok")),
        ("scopes_required", json!(["invoices:read"])),
        ("cost", json!(1)),
        (
            "shape",
            json!({"type": "object", "count": 1, "len": 1, "values": [{"type": "string", "count": 1, "len": 8}]}),
        ),
    ] {
        assert_eq!(record[member], expected, "{record}");
    }
    let tag = record["session"].as_str().expect("a session's tag");
    assert!(tag.len() == 16 && alice.session() != Some(tag), "{record}");
    assert!(record["ts"].as_str().is_some_and(|ts| ts.ends_with('Z')) && record["duration_us"].is_u64(), "{record}");
}

/// Each way out that comes with an answer: the tool, its arguments, the verdict.
fn ways_out() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("get_invoice", json!({"id": "1"}), "ok"),
        ("get_invoice", json!({"id": "unknown"}), "error"),
        ("get_invoice", json!({"id": 1}), "invalid"),
        ("purge", json!({}), "denied"),
        ("no_such_tool", json!({}), "denied"),
        ("deny", json!({}), "denied"),
        ("fail_internal", json!({}), "error"),
        ("fail_from_source", json!({}), "error"),
        ("hurried", json!({}), "timeout"),
        ("explode", json!({}), "panicked"),
        ("explode_later", json!({}), "panicked"),
        ("explode_blocking", json!({}), "panicked"),
        ("big", json!({"bytes": 100_000}), "blocked"),
    ]
}

#[test]
fn s22_one_record_whatever_the_way_out() {
    for door in Door::ALL {
        let fixture = Fixture::new().env("FIXTURE_BUDGET", "60/h");
        let mut alice = fixture.caller(door, Cast::ALICE);
        let mut seen = 0;
        let mut expect = |tool: &str, verdict: &str| {
            let records = fixture.audit("call");
            seen += 1;
            assert_eq!(records.len(), seen, "exactly one for {tool}: {records:?}");
            assert_eq!(
                (&records[seen - 1]["capability"], &records[seen - 1]["verdict"]),
                (&json!(tool), &json!(verdict))
            );
            assert_eq!(records[seen - 1]["seq"], json!(seen), "no gap and no copy");
        };
        for (tool, arguments, verdict) in ways_out() {
            let reply = alice.call(tool, arguments);
            assert_eq!(reply.is_error(), verdict != "ok", "{reply:?}");
            expect(tool, verdict);
        }
        assert!(!alice.call("costly", json!({})).is_error());
        expect("costly", "ok");
        assert_eq!(alice.call("costly", json!({})).verdict(), "budget_exceeded");
        expect("costly", "budget_exceeded");
        for _ in 0..5 {
            alice.call("limited", json!({}));
            expect("limited", "ok");
        }
        assert_eq!(alice.call("limited", json!({})).verdict(), "rate_limited");
        expect("limited", "rate_limited");
    }
}

#[test]
fn s22_a_call_that_is_cancelled_is_recorded_once() {
    for (door, tool) in [
        (Door::Stdio(Era::Session), "slow"),
        (Door::Stdio(Era::Modern), "slow"),
        (Door::Http(Era::Session), "slow"),
        (Door::Stdio(Era::Session), "block"),
    ] {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let (id, wire) = alice.begin("tools/call", json!({"name": tool, "arguments": {"ms": 60_000}}));
        eventually("the call's beginning", || {
            (alice.call("journal", json!({})).structured()[tool]["began"] == 1).then_some(())
        });
        alice.notify("notifications/cancelled", json!({"requestId": id, "reason": CANARY}));
        assert_eq!(fixture.verdict(tool), "cancelled", "{door:?}");
        let journal = alice.call("journal", json!({}));
        assert_eq!(journal.structured()[tool], json!({"began": 1, "ended": 0}), "it was stopped");
        thread::sleep(Duration::from_millis(100));
        assert_eq!(fixture.calls(tool).len(), 1);
        assert!(!fixture.audit_text().contains(CANARY));
        drop(wire);
        // The id is free again.
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
}

#[test]
fn s22_a_caller_who_goes_away_is_recorded_once() {
    for era in [Era::Session, Era::Modern] {
        let fixture = Fixture::new();
        let server = fixture.serve();
        let mut alice = server.caller(Cast::ALICE, era);
        let (_, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}));
        eventually("the call's beginning", || {
            (alice.call("journal", json!({})).structured()["slow"]["began"] == 1).then_some(())
        });
        drop(wire);
        if era == Era::Session {
            // A stream of a session may be resumed, so the call goes on until the session ends.
            let session = alice.session().expect("a session").to_owned();
            let end = crate::harness::Request::new("DELETE", "/mcp").bearer(&Cast::ALICE.token());
            assert!(end.header("Mcp-Session-Id", session).send(server.address).status < 300);
        }
        assert_eq!(fixture.verdict("slow"), "cancelled", "{era:?}");
        thread::sleep(Duration::from_millis(100));
        assert_eq!(fixture.calls("slow").len(), 1);
    }
    // On stdio: the client closes its end in the middle of a call.
    let fixture = Fixture::new();
    let mut alice = fixture.caller(Door::Stdio(Era::Modern), Cast::ALICE);
    alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}));
    alice.lines().close();
    assert_eq!(fixture.verdict("slow"), "cancelled");
    assert_eq!(alice.lines().process.ended().code(), Some(0));
    assert_eq!(fixture.calls("slow").len(), 1);
}

#[test]
fn s22_without_a_record_there_is_no_reply_and_nothing_runs() {
    for door in Door::ALL {
        let fixture = Fixture::new().audit_to("/dev/full");
        let mut alice = fixture.caller(door, Cast::ALICE);
        // The first call shows that the sink fails: it ran, and its result stays here.
        let first = alice.call("get_invoice", json!({"id": "INV-1"}));
        assert!(first.is_error() && !first.everything().contains("ACME"), "{door:?}: {first:?}");
        for _ in 0..3 {
            let refused = alice.call("limited", json!({}));
            assert!(refused.is_error() && refused.text().contains("audit record"), "{refused:?}");
        }
        // Unknown ones aren't told apart even then.
        let [hidden, unknown] = ["purge", "purgf"].map(|name| alice.call(name, json!({})));
        let bare =
            |reply: &crate::harness::Reply, name: &str| reply.message["result"].to_string().replace(name, "NAME");
        assert_eq!(bare(&hidden, "purge"), bare(&unknown, "purgf"));
    }
}

#[test]
fn s24_the_sink_recovers_without_a_restart() {
    let fixture = Fixture::new();
    let target = fixture.path("sink");
    symlink("/dev/full", &target).expect("links");
    let mut alice = fixture.clone().audit_to(&target).caller(Door::Http(Era::Modern), Cast::ALICE);
    assert!(alice.call("limited", json!({})).is_error());
    assert!(alice.call("limited", json!({})).is_error());
    let began = |caller: &mut Caller| caller.call("journal", json!({})).structured()["limited"]["began"].clone();
    fs::remove_file(&target).expect("removes");
    fs::write(&target, "").expect("writes");
    assert_eq!(began(&mut alice), json!(1), "only the first one ran");
    assert!(!alice.call("limited", json!({})).is_error());
    let written = fs::read_to_string(&target).expect("reads");
    assert!(written.lines().next().is_some_and(|line| line.contains("\"kind\":\"recovered\"")), "{written}");
}

#[test]
fn s22_refusals_before_the_guard_are_aggregated() {
    let fixture = Fixture::new();
    let server = fixture.serve();
    for _ in 0..200 {
        let refused = crate::harness::Request::post("{}").bearer("wrong").send(server.address);
        assert_eq!(refused.status, 401);
    }
    let counted = || -> u64 { fixture.audit("rejected").iter().filter_map(|it| it["count"].as_u64()).sum() };
    eventually("all counts", || (counted() == 200).then_some(()));
    assert!(fixture.audit("rejected").len() <= 6, "{:?}", fixture.audit("rejected"));
    assert!(fixture.audit("call").is_empty());
}

#[test]
fn s20_what_stdio_refuses_is_counted_with_the_reasons_of_http() {
    let fixture = Fixture::new().env("FIXTURE_MAX_REQUEST", "10000");
    let mut alice = fixture.caller(Door::Stdio(Era::Session), Cast::ALICE);
    alice.call("hello", json!({}));
    let long = "x".repeat(20_000);
    let twice = r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"tools/list"}"#;
    for line in ["nonsense", "[]", twice, &long] {
        alice.lines().line(line);
        assert!(alice.lines().next()["error"]["code"].is_i64(), "{line}");
    }
    let count = |reason: &str| -> u64 {
        let rejected = fixture.audit("rejected");
        let of = rejected.iter().filter(|it| it["transport"] == "stdio" && it["reason"] == reason);
        of.filter_map(|it| it["count"].as_u64()).sum()
    };
    eventually("all counts", || ((count("malformed"), count("too_large")) == (3, 1)).then_some(()));
    assert_eq!(fixture.audit("call").len(), 1, "nothing of it reached the guard");
}
