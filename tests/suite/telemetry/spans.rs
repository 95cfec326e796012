//! One span for every call, whatever becomes of it, and nothing in it that somebody sent.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::json;

use crate::harness::{
    Caller, Cast, Collector, Door, Era, Fixture, Manners, Rotel, SECRET, Span, assert_no_secret, eventually,
    exporting_to,
};

const CANARY: &str = "CaNaRy7f3a9c";

/// What a span must say: its name, verdict, reason and `error.type`.
type Expected = (&'static str, &'static str, &'static str, &'static str);

/// Calls that end in every way there is, and their spans in order.
const WAYS: [Expected; 15] = [
    ("tools/call hello", "ok", "ok", ""),
    ("tools/call", "denied", "unknown_capability", "denied"),
    ("tools/call", "denied", "unknown_capability", "denied"),
    ("tools/call get_invoice", "invalid", "arguments", "invalid"),
    ("tools/call docs_read", "denied", "scope_violation", "denied"),
    ("tools/call fail_user", "error", "tool", "tool_error"),
    ("tools/call fail_internal", "error", "internal", "error"),
    ("tools/call deny", "denied", "tool", "tool_error"),
    ("tools/call explode", "panicked", "panic", "panicked"),
    ("tools/call hurried", "timeout", "timeout", "timeout"),
    ("tools/call big", "blocked", "result_too_large", "blocked"),
    ("tools/call slow", "cancelled", "cancelled", "cancelled"),
    ("resources/read", "ok", "ok", ""),
    ("prompts/get greet_somebody", "ok", "ok", ""),
    ("completion/complete", "ok", "ok", ""),
];

fn go_every_way(alice: &mut Caller) {
    alice.call("hello", json!({}));
    alice.call(&format!("no_such_{CANARY}"), json!({}));
    alice.call("create_invoice", json!({"id": CANARY}));
    alice.call("get_invoice", json!({"id": 1, CANARY: CANARY}));
    alice.call("docs_read", json!({"path": format!("../{CANARY}")}));
    alice.call("fail_user", json!({"text": format!("{CANARY} {SECRET}")}));
    alice.call("fail_internal", json!({}));
    alice.call("deny", json!({}));
    alice.call("explode", json!({}));
    alice.call("hurried", json!({}));
    alice.call("big", json!({"bytes": 65_537}));
    let (id, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}));
    let mut journal = || alice.call("journal", json!({})).structured()["slow"]["began"].clone();
    eventually("the call", || (journal() == 1).then_some(()));
    if alice.session().is_none() && wire.is_some() {
        drop(wire);
    } else {
        alice.notify("notifications/cancelled", json!({"requestId": id, "reason": CANARY}));
    }
    alice.read(&format!("pages://{CANARY}/1"));
    alice.prompt("greet_somebody", json!({"name": CANARY}));
    alice.complete("invoice://{id}", "id", CANARY);
}

fn told(span: &Span) -> (&str, &str, &str, &str) {
    (&span.name, span.of("doorman.verdict"), span.of("doorman.reason"), span.of("error.type"))
}

/// Starts the fixture behind a door, goes every way, and gives what the collector got of it.
fn spans_of_every_way(door: Door, collector: &Collector, address: SocketAddr) -> Vec<Span> {
    let fixture = exporting_to(Fixture::new(), address);
    let mut alice = fixture.caller(door, Cast::ALICE);
    go_every_way(&mut alice);
    let mut records = Vec::new();
    let mut looks = 0;
    eventually("the records", || {
        records = fixture.audit("call");
        looks = records.iter().filter(|it| it["capability"] == "journal").count();
        (records.len() == WAYS.len() + looks).then_some(())
    });
    let mut spans = collector.calls(records.len());
    spans.retain(|span| span.name != "tools/call journal");
    assert_eq!(spans.len(), WAYS.len(), "one span each");
    spans
}

/// Each way once, in whatever order; and each as its record says.
fn assert_every_way(spans: &[Span]) {
    let mut said: Vec<_> = spans.iter().map(told).collect();
    let mut expected = WAYS;
    said.sort_unstable();
    expected.sort_unstable();
    // Over HTTP a client that goes away is all that there is of a cancellation.
    let gone = |it: (&'static str, &'static str, &'static str, &'static str)| match it {
        (name, "cancelled", "cancelled", error) => (name, "cancelled", "dropped", error),
        other => other,
    };
    assert!(said == expected || said == expected.map(gone), "{said:#?}");
    for span in spans {
        assert_eq!(span.kind, 2, "a server's: {span:?}");
        assert_eq!(span.status, if span.of("error.type").is_empty() { 0 } else { 2 }, "{span:?}");
        assert_eq!((span.of("doorman.agent.id"), span.of("doorman.agent.type")), ("alice", "reader"));
        assert_eq!((span.events, &*span.state), (0, ""));
        assert_eq!(span.resource["service.name"], "fixture");
        let is_call = span.name.starts_with("tools/call ");
        assert_eq!(span.of("gen_ai.operation.name"), if is_call { "execute_tool" } else { "" }, "{span:?}");
        assert_eq!(span.name.strip_prefix("tools/call ").unwrap_or_default(), span.of("gen_ai.tool.name"));
    }
    let of = |method: &str| spans.iter().find(|it| it.of("mcp.method.name") == method).expect("a span");
    assert_eq!(of("resources/read").of("mcp.resource.uri"), "pages://{book}/{number}", "never what was put in");
    assert_eq!(of("prompts/get").of("gen_ai.prompt.name"), "greet_somebody");
    let unknown: Vec<_> = spans.iter().filter(|it| it.of("doorman.reason") == "unknown_capability").collect();
    let same = |span: &Span| {
        let mut attributes = span.attributes.clone();
        attributes.remove("mcp.session.id");
        attributes
    };
    assert_eq!(same(unknown[0]), same(unknown[1]), "S02: not granted is as if it were not there");
    assert_eq!(unknown[0].of("doorman.capability"), "(unknown)");
}

#[test]
fn s22_one_span_whatever_the_way_out() {
    for door in Door::ALL {
        let collector = Collector::start(Manners::Takes);
        let spans = spans_of_every_way(door, &collector, collector.address);
        assert_every_way(&spans);
        let (network, version) = match door {
            Door::Stdio(era) => ("pipe", era),
            Door::Http(era) => ("tcp", era),
        };
        let version = if version == Era::Modern { "2026-07-28" } else { "2025-11-25" };
        for span in &spans {
            assert_eq!((span.of("network.transport"), span.of("mcp.protocol.version")), (network, version));
            let is_of_session = door == Door::Http(Era::Session);
            assert_eq!(span.of("mcp.session.id").len(), if is_of_session { 16 } else { 0 }, "a tag: {span:?}");
        }
    }
}

#[test]
fn s20_no_span_and_no_metric_has_what_a_caller_sends() {
    for door in Door::ALL {
        let collector = Collector::start(Manners::Takes);
        let spans = spans_of_every_way(door, &collector, collector.address);
        assert_eq!(spans.len(), WAYS.len());
        eventually("metrics", || collector.points("doorman.calls").first().cloned());
        let everything = collector.everything();
        assert!(!everything.contains(CANARY), "{door:?}");
        assert_no_secret("what the collector got", &everything);
        assert!(!everything.contains("token-of-alice"));
    }
}

#[test]
fn s22_a_collector_that_others_build_understands_it_rotel() {
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Modern)] {
        let collector = Collector::start(Manners::Takes);
        let fixture = Fixture::new();
        let rotel = Rotel::before(&collector, &fixture);
        let spans = spans_of_every_way(door, &collector, rotel.address);
        assert_every_way(&spans);
        let calls = eventually("metrics", || {
            let points = collector.points("doorman.calls");
            let counted: f64 = points.iter().map(|it| it.value).sum();
            (counted >= WAYS.len() as f64).then_some(points)
        });
        let verdicts: BTreeMap<_, _> = calls.iter().map(|it| (it.labels["doorman.verdict"].clone(), ())).collect();
        assert!(verdicts.len() >= 8, "{verdicts:?}");
        assert!(!collector.everything().contains(CANARY));
        assert_no_secret("what rotel got", &collector.everything());
    }
}

#[test]
fn s22_limits_and_tasks_have_their_spans() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("FIXTURE_RATE", "2/min").able(crate::harness::able_of_tasks());
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    alice.call("job", json!({"ms": 1}));
    alice.call("hello", json!({}));
    alice.call("hello", json!({}));
    let mut spans = collector.calls(4);
    spans.sort_by(|a, b| told(a).cmp(&told(b)));
    let expected = [
        ("tools/call hello", "ok", "ok", ""),
        ("tools/call hello", "rate_limited", "rate", "rate_limited"),
        ("tools/call job", "ok", "ok", ""),
        ("tools/call job", "ok", "task", ""),
    ];
    assert_eq!(spans.iter().map(told).collect::<Vec<_>>(), expected);
    let (end, begin) = (&spans[2], &spans[3]);
    assert_eq!((&end.trace, &end.parent), (&begin.trace, &begin.id), "the task goes on in the trace of its request");
}

#[test]
fn s18_credentials_are_in_no_span() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("FIXTURE_SPANS_OF", "fixture");
    let fixture = fixture.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20key-of-the-collector");
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    alice.call("spanning", json!({"text": "see key-of-the-collector"}));
    let inner = eventually("a span", || collector.spans().into_iter().find(|it| it.name == "inner"));
    let call = collector.calls(1).remove(0);
    assert_eq!((&inner.trace, &inner.parent), (&call.trace, &call.id));
    assert_eq!(inner.of("held"), "«redacted:secret»");
    assert_eq!(inner.of("said"), "see «redacted:secret»");
    assert_eq!(inner.events, 0, "log lines are exported to nobody");
    assert_no_secret("spans", &collector.said());
    assert!(!collector.said().contains("key-of-the-collector"));
    assert!(collector.everything().contains("Bearer key-of-the-collector"), "the collector is shown its own");
    assert!(!alice.process().stderr().contains("key-of-the-collector"));
}

#[test]
fn s20_the_applications_own_spans_are_exported_only_if_it_says_so() {
    let collector = Collector::start(Manners::Takes);
    let mut alice = collector.of(Fixture::new()).caller(Door::Http(Era::Modern), Cast::ALICE);
    for tool in ["spanning", "spanning_on_thread"] {
        alice.call(tool, json!({"text": CANARY}));
    }
    collector.calls(2);
    assert_eq!(collector.spans().len(), 2, "{:#?}", collector.spans());
    assert!(!collector.everything().contains(CANARY));
}

#[test]
fn a_function_on_a_thread_is_beneath_its_call() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("FIXTURE_SPANS_OF", "fixture");
    let mut alice = fixture.caller(Door::Stdio(Era::Session), Cast::ALICE);
    alice.call("spanning_on_thread", json!({"text": ""}));
    let inner = eventually("a span", || collector.spans().into_iter().find(|it| it.name == "inner"));
    let call = collector.calls(1).remove(0);
    assert_eq!((&inner.trace, &inner.parent), (&call.trace, &call.id));
}

#[test]
fn s22_a_function_that_goes_on_holds_up_no_span() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("FIXTURE_TIMEOUT_MS", "100");
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    alice.call("lingering", json!({}));
    assert_eq!(told(&collector.calls(1)[0]), ("tools/call lingering", "ok", "ok", ""));
    alice.call("block", json!({"ms": 60_000}));
    assert_eq!(told(&collector.calls(2)[1]), ("tools/call block", "timeout", "timeout", "timeout"));
}
