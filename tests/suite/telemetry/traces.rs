//! Traces that go through: from whoever calls to whatever a function calls.

use serde_json::json;

use crate::harness::{Cast, Collector, Door, Era, Fixture, Manners};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";

fn parent(trace: &str) -> String {
    format!("00-{trace}-00f067aa0ba902b7-01")
}

fn call(meta: serde_json::Value) -> serde_json::Value {
    json!({"name": "traced", "arguments": {}, "_meta": meta})
}

#[test]
fn a_call_is_beneath_the_span_that_its_caller_says() {
    for door in Door::ALL {
        let collector = Collector::start(Manners::Takes);
        let fixture = collector.of(Fixture::new());
        let mut alice = fixture.caller(door, Cast::ALICE);
        let meta = json!({"traceparent": parent(TRACE), "tracestate": "vendor=CaNaRy", "baggage": "user=CaNaRy"});
        let passed = alice.request("tools/call", call(meta)).structured().clone();
        let span = collector.calls(1).remove(0);
        assert_eq!((&*span.trace, &*span.parent), (TRACE, "00f067aa0ba902b7"), "{door:?}");
        let expected = json!({
            "traceparent": format!("00-{TRACE}-{}-01", span.id),
            "tracestate": "vendor=CaNaRy",
            "baggage": "user=CaNaRy",
        });
        assert_eq!(passed, expected, "what the function passes on");
        assert_eq!(fixture.calls("traced")[0]["trace"], TRACE);
        assert!(!collector.everything().contains("CaNaRy"), "S20: the caller's words are for other systems");
    }
}

#[test]
fn headers_say_it_too_and_meta_goes_before() {
    let collector = Collector::start(Manners::Takes);
    let server = collector.of(Fixture::new()).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    for meta in [json!({}), json!({"traceparent": parent(OTHER)}), json!({"traceparent": "rubbish"})] {
        let message = alice.message("tools/call", call(meta));
        let request = alice.http_request(&message).header("traceparent", parent(TRACE)).header("tracestate", "a=b");
        let answer = request.send(server.address).json();
        let state = &answer["result"]["structuredContent"]["tracestate"];
        assert_eq!(
            state.is_string(),
            collector.calls(1 + alice_calls(&collector)).last().expect("a span").trace == TRACE
        );
    }
    let traces: Vec<_> = collector.calls(3).into_iter().map(|it| it.trace).collect();
    assert_eq!(traces, [TRACE, OTHER, TRACE]);
}

/// How many calls are known before the next arrives.
fn alice_calls(collector: &Collector) -> usize {
    std::thread::sleep(std::time::Duration::from_millis(300));
    collector.spans().len().saturating_sub(1)
}

#[test]
fn what_is_malformed_is_a_new_trace() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new());
    let mut alice = fixture.caller(Door::Stdio(Era::Modern), Cast::ALICE);
    for said in ["", "00-x-y-01", &parent("00000000000000000000000000000000"), &parent(TRACE)[..54]] {
        let reply = alice.request("tools/call", call(json!({"traceparent": said, "tracestate": "a=b"})));
        assert!(reply.structured().get("tracestate").is_none(), "{reply:?}");
    }
    for span in collector.calls(4) {
        assert!(span.trace != TRACE && span.parent.is_empty() && span.links.is_empty(), "{span:?}");
    }
}

#[test]
fn s10_a_strangers_trace_is_linked_and_decides_nothing() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("FIXTURE_ANONYMOUS", "1");
    let server = fixture.serve();
    let mut nobody = server.stranger(Era::Modern);
    let unsampled = parent(TRACE).replace("-01", "-00");
    nobody.request("tools/call", json!({"name": "hello", "arguments": {}, "_meta": {"traceparent": unsampled}}));
    let span = collector.calls(1).remove(0);
    assert!(span.trace != TRACE && span.parent.is_empty(), "{span:?}");
    assert_eq!(span.links, [TRACE]);
    assert_eq!(fixture.calls("hello")[0]["trace"], span.trace.as_str());
}

#[test]
fn a_callers_sampling_holds_for_its_trace() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new());
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    let unsampled = parent(TRACE).replace("-01", "-00");
    let passed = alice.request("tools/call", call(json!({"traceparent": unsampled}))).structured().clone();
    let said = passed["traceparent"].as_str().unwrap_or_default();
    assert!(said.starts_with(&format!("00-{TRACE}-")) && said.ends_with("-00"), "{said}");
    alice.call("hello", json!({}));
    assert_eq!(collector.calls(1)[0].name, "tools/call hello");
}

#[test]
fn without_a_collector_a_trace_goes_through() {
    for door in Door::ALL {
        let fixture = Fixture::new().env("FIXTURE_TRACES", "1");
        let mut alice = fixture.caller(door, Cast::ALICE);
        let passed = alice.request("tools/call", call(json!({"traceparent": parent(TRACE)})));
        assert_eq!(passed.structured(), &json!({"traceparent": parent(TRACE)}));
        assert_eq!(fixture.calls("traced")[0]["trace"], TRACE);
        assert_eq!(alice.request("tools/call", call(json!({}))).structured(), &json!({}));
        assert!(fixture.calls("traced")[1].get("trace").is_none());
    }
}
