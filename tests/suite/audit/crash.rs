//! A server that is killed, rotations under load, and the chain over both.

use std::{fs, io::Write, thread};

use serde_json::{Value, json};

use crate::harness::{Cast, Era, Fixture, eventually};

/// With a key, and the options that a signed log takes; the public key's path.
fn signed(fixture: Fixture) -> (Fixture, String) {
    let key = fixture.path("audit.key");
    let (code, out, err) = fixture.says(&["audit", "keygen", &key]);
    assert_eq!(code, 0, "{out}{err}");
    (fixture.arg("--audit-key").arg(&key), key + ".pub")
}

#[test]
fn s22_a_server_killed_in_a_destructive_call_leaves_its_intent() {
    for durability in ["flushed", "fsync"] {
        let (fixture, public) = signed(Fixture::new());
        let fixture = fixture.arg("--audit-durability").arg(durability);
        let log = fixture.log().display().to_string();
        let server = fixture.serve();
        let mut root = server.caller(Cast::ROOT, Era::Modern);
        assert!(!root.call("wipe", json!({"ms": 0})).is_error());
        let wire = root.begin("tools/call", json!({"name": "wipe", "arguments": {"ms": 60_000}}));
        eventually("the call's beginning", || {
            (root.call("journal", json!({})).structured()["wipe"]["began"] == 2).then_some(())
        });
        let answered = fixture.calls("journal").len();
        server.process.kill();
        drop(wire);
        // Whatever was answered is there, and the intent stands alone.
        assert_eq!(fixture.calls("journal").len(), answered);
        assert_eq!((fixture.audit("intent").len(), fixture.calls("wipe").len()), (2, 1));
        let verify = || fixture.says(&["audit", "verify", "--key", &public, &log]);
        let (code, out, err) = verify();
        assert_eq!(code, 0, "a chain is signed from its first line on: {out}{err}");
        assert!(out.contains("1 checkpoints; ") && out.contains("a destructive call began"), "{out}");

        // As a crash in the middle of a write would leave it.
        let torn = fs::OpenOptions::new().append(true).open(&log).and_then(|mut it| it.write_all(b"{\"ts\":\"2026-"));
        torn.expect("writes");
        let server = fixture.serve();
        let mut root = server.caller(Cast::ROOT, Era::Modern);
        assert!(!root.call("wipe", json!({"ms": 0})).is_error());
        server.process.terminate();
        assert_eq!(server.process.ended().code(), Some(0));
        let (code, out, err) = verify();
        assert_eq!(code, 0, "the torn line is accounted for: {out}{err}");
        assert!(out.contains("2 checkpoints; 0 lines after the last"), "{out}");
        assert_eq!(out.matches("a destructive call began").count(), 1, "{out}");
        let (code, out, err) = fixture.says(&["audit", "stats", "--json", &log]);
        let stats: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((code, &stats["intents_without_call"], &stats["intents"]), (0, &json!(1), &json!(3)), "{out}{err}");
        let wipe = stats["rows"].as_array().expect("rows").iter().find(|row| row["capability"] == "wipe");
        assert_eq!(wipe.expect("a row")["verdicts"], json!({"ok": 2}));
        let (_, out, _) = fixture.says(&["audit", "stats", &log]);
        assert!(out.contains("1 destructive calls began and have no record of their end"), "{out}");
    }
}

#[test]
fn s22_nothing_is_lost_when_files_rotate_under_load() {
    const CALLERS: usize = 4;
    const CALLS: usize = 60;
    for durability in ["flushed", "fsync"] {
        let (fixture, public) = signed(Fixture::new());
        let fixture = fixture.audit_rotated(8 << 10).arg("--audit-durability").arg(durability);
        let server = fixture.serve();
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    let mut alice = server.caller(Cast::ALICE, Era::Modern);
                    for _ in 0..CALLS {
                        assert_eq!(alice.call("hello", json!({})).text(), "hello");
                    }
                });
            }
        });
        server.process.terminate();
        server.process.ended();
        let log = fixture.log().display().to_string();
        let (code, out, err) = fixture.says(&["audit", "verify", "--json", "--key", &public, &log]);
        assert_eq!(code, 0, "{out}{err}");
        let report: Value = serde_json::from_str(&out).expect("JSON");
        assert!(report["files"].as_u64() > Some(5) && report["first"] == 1 && report["unsigned"] == 0, "{report}");
        let (_, out, _) = fixture.says(&["audit", "stats", "--json", &log]);
        let stats: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(stats["rows"][0]["calls"], CALLERS * CALLS, "{stats}");
        let (_, out, _) = fixture.says(&["audit", "tail", "-n", "1000", "--json", "--kind", "call", &log]);
        let seqs: Vec<u64> =
            out.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok()?["seq"].as_u64()).collect();
        assert_eq!(seqs.len(), CALLERS * CALLS);
        assert!(seqs.is_sorted(), "numbers and lines have one order");
    }
}
