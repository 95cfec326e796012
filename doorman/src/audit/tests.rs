//! The log as a whole: what a reader of the lines can rely on.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde_json::{Value, json};

use super::{Audit, CallRecord, Capability, SessionTag, Shape, Sink, Transport, Verdict, shape};

/// Lines in memory. Takes at most `room` bytes a line, none if that is 0.
#[derive(Clone)]
struct Memory {
    text: Arc<Mutex<Vec<u8>>>,
    room: Arc<AtomicUsize>,
    reopened: Arc<AtomicUsize>,
}

impl Memory {
    fn audit() -> (Self, Audit) {
        let memory =
            Self { text: Arc::default(), room: Arc::new(AtomicUsize::new(usize::MAX)), reopened: Arc::default() };
        (memory.clone(), Audit::new(memory))
    }

    fn room(&self, bytes: usize) {
        self.room.store(bytes, Ordering::SeqCst);
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().expect("lock").clone()).expect("UTF-8")
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Sink for Memory {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        if line.len() > self.room.load(Ordering::SeqCst) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.text.lock().expect("lock").extend_from_slice(line);
        Ok(())
    }

    fn never_waits(&self) -> bool {
        true
    }

    fn recover(&self) -> io::Result<()> {
        self.reopened.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// What a sink does that never waits.
fn now<T>(done: impl Future<Output = T>) -> T {
    done.now_or_never().expect("nobody waits")
}

fn record(shape: &Shape) -> CallRecord<'_> {
    CallRecord::new("tools/call", Transport::Http, Capability::Named("get_invoice"), Verdict::Ok, "ok", shape)
}

#[test]
fn a_full_record_and_a_bare_one() {
    let (memory, audit) = Memory::audit();
    let shape = shape(&json!({"id": "x"}));
    let full = CallRecord {
        agent_id: Some("billing-01"),
        agent_type: Some("billing"),
        duration: Duration::from_nanos(1_234_567),
        session: Some(SessionTag::of("abc")),
        principal: Some("alice"),
        tenant: Some("acme"),
        client: Some("cli"),
        issuer: Some("https://id.example"),
        scopes_required: &["invoices:read".into()],
        cost: Some(25),
        redactions: &[("email", 2)],
        result_bytes: Some(268),
        call: Some("c1"),
        ..record(&shape)
    };
    now(audit.call(&full)).expect("writes");
    now(audit.call(&CallRecord::new(
        "tools/call",
        Transport::Stdio,
        Capability::Named("t"),
        Verdict::RateLimited,
        "rate_limited",
        &Shape::default(),
    )))
    .expect("writes");

    let mut lines = memory.lines();
    for line in &mut lines {
        let ts = line["ts"].take();
        assert!(
            time::OffsetDateTime::parse(ts.as_str().expect("text"), &time::format_description::well_known::Rfc3339)
                .is_ok()
        );
    }
    let known = json!({"ts": null, "seq": 1, "kind": "call", "agent_id": "billing-01", "agent_type": "billing",
        "transport": "http", "method": "tools/call", "capability": "get_invoice", "verdict": "ok", "reason": "ok",
        "shape": {"type": "object", "count": 1, "len": 1, "values": [{"type": "string", "count": 1, "len": 1}]},
        "duration_us": 1234, "session": "ba7816bf8f01cfea", "principal": "alice", "tenant": "acme", "issuer": "https://id.example", "client": "cli",
        "scopes_required": ["invoices:read"], "cost": 25, "redactions": {"email": 2}, "result_bytes": 268, "call": "c1"});
    let bare = json!({"ts": null, "seq": 2, "kind": "call", "agent_id": null, "agent_type": null, "transport": "stdio",
        "method": "tools/call", "capability": "t", "verdict": "rate_limited", "reason": "rate_limited", "shape": null, "duration_us": 0});
    assert_eq!(lines, [known, bare]);
}

#[test]
fn nobody_forges_a_line() {
    let (memory, audit) = Memory::audit();
    let evil = "x\",\"verdict\":\"ok\"}\n{\"kind\":\"call\"}\r\u{2028}\u{85}\u{1b}[2K\u{202e}\0";
    let shape = shape(&json!({evil: evil}));
    let forged = CallRecord {
        agent_id: Some(evil),
        agent_type: Some(evil),
        capability: Capability::Named(evil),
        reason: evil,
        principal: Some(evil),
        tenant: Some(evil),
        issuer: Some(evil),
        client: Some(evil),
        scopes_required: &[evil.into()],
        call: Some(evil),
        ..record(&shape)
    };
    now(audit.call(&forged)).expect("writes");
    let lines = memory.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["capability"], &lines[0]["principal"]), (&json!("(invalid)"), &json!(evil)));
    let text = memory.text();
    assert_eq!(text.chars().filter(|c| c.is_control()).collect::<String>(), "\n");
    assert!(!text.contains(['\u{2028}', '\u{202e}']));
}

#[test]
fn a_canary_in_arguments_and_names_is_in_no_line() {
    let (memory, audit) = Memory::audit();
    let arguments = json!({"CANARY": "CANARY", "nested": [{"CANARY": ["CANARY"]}], "CANARY 2": 1});
    let shape = shape(&arguments);
    for capability in ["get_invoice", "CANARY is no name", "CANARY\n", "file:///CANARY"] {
        now(audit.call(&CallRecord {
            capability: Capability::Named(capability),
            session: Some(SessionTag::of("CANARY")),
            ..record(&shape)
        }))
        .expect("writes");
    }
    assert_eq!(memory.lines().len(), 4);
    assert!(!memory.text().contains("CANARY"));
}

#[test]
fn numbers_times_and_lines_have_one_order_under_threads() {
    let (memory, audit) = Memory::audit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..200 {
                    runtime.block_on(audit.call(&record(&Shape::default()))).expect("writes");
                }
            });
        }
    });
    let lines = memory.lines();
    assert_eq!(lines.len(), 3_200);
    assert!(lines.iter().zip(1_u64..).all(|(line, seq)| line["seq"] == seq));
}

#[test]
fn nothing_is_ready_while_the_sink_fails_and_no_restart_is_needed() {
    let (memory, audit) = Memory::audit();
    let shape = Shape::default();
    now(audit.call(&record(&shape))).expect("writes");
    memory.room(0);
    now(audit.ready()).expect("nobody knows yet");
    let error = now(audit.call(&record(&shape))).expect_err("full").to_string();
    assert!(error.starts_with("the audit record could not be written"), "{error}");
    assert!(now(audit.ready()).is_err());
    assert!(now(audit.call(&record(&shape))).is_err(), "also the refusals, which are recorded too");

    // A short line would fit again, but no record would: still not ready.
    memory.room(120);
    assert!(now(audit.ready()).is_err());
    memory.room(usize::MAX);
    let before = memory.reopened.load(Ordering::SeqCst);
    now(audit.ready()).expect("works again");
    now(audit.ready()).expect("and stays so");
    assert_eq!(memory.reopened.load(Ordering::SeqCst), before + 1, "a working sink is left alone");
    now(audit.call(&record(&shape))).expect("writes");

    let lines = memory.lines();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("kind")).collect();
    assert_eq!(kinds, ["call", "recovered", "call"]);
    assert_eq!(lines[1]["lost"], 2);
    assert!(lines[1]["seq"].as_u64() > Some(3), "the gap shows that lines are missing");
}

#[test]
fn refusals_are_counted_not_listed() {
    let (memory, audit) = Memory::audit();
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    for millis in 0..2_500 {
        audit.rejected_at("malformed", Transport::Http, at(millis));
    }
    audit.rejected_at("malformed", Transport::Stdio, at(2_500));
    audit.rejected_at("unauthorized", Transport::Http, at(2_500));
    audit.rejected_at("unauthorized", Transport::Http, at(2_501));
    let told = |lines: &[Value]| -> Vec<String> {
        let words =
            |line: &Value| format!("{} {} {}", line["reason"], line["transport"], line["count"]).replace('"', "");
        lines.iter().map(words).collect()
    };
    assert_eq!(
        told(&memory.lines()),
        ["malformed http 1", "malformed http 1000", "malformed http 1000", "malformed stdio 1", "unauthorized http 1"]
    );
    audit.flush_at(Some(at(2_999))).expect("nothing is due");
    assert_eq!(memory.lines().len(), 5);
    audit.flush_at(Some(at(3_000))).expect("writes");
    assert_eq!(told(&memory.lines()[5..]), ["malformed http 499"]);
    now(audit.finish()).expect("writes");
    assert_eq!(told(&memory.lines()[6..]), ["unauthorized http 1"]);
    now(audit.finish()).expect("nothing left");
    assert_eq!(memory.lines().len(), 7);
    assert!(memory.lines().iter().all(|line| line["kind"] == "rejected"));
}

#[test]
fn refusals_survive_a_failing_sink() {
    let (memory, audit) = Memory::audit();
    memory.room(0);
    for _ in 0..3 {
        audit.rejected("malformed", Transport::Http);
    }
    assert!(audit.flush().is_err() && now(audit.ready()).is_err());
    memory.room(usize::MAX);
    audit.flush().expect("works again");
    let lines = memory.lines();
    assert_eq!((&lines[0]["kind"], &lines[0]["lost"]), (&json!("recovered"), &json!(0)));
    assert_eq!((&lines[1]["kind"], &lines[1]["count"]), (&json!("rejected"), &json!(3)));
    assert_eq!(lines.len(), 2);
}
