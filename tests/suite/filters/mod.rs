//! What filters refuse, mask and tell, on every way in and every way out, in both generations and on both transports.

mod arguments;
mod bounds;
mod manifests;
mod responses;

use serde_json::{Value, json};

use crate::harness::{Cast, Fixture, Reply};

/// The fixture with filters for readers, and none for writers.
fn filtered(filters: &str) -> Fixture {
    Fixture::bare()
        .tokens(&Cast::ALL)
        .manifest_of("reader", &format!("scopes: [invoices:read, misc:use, docs:read]\n{filters}"))
        .manifest("writer", "[invoices:read, invoices:write, misc:use]")
        .env("DOORMAN_LOG", "trace")
}

/// What a caller hears of a call that is blocked: no more than that.
#[track_caller]
fn assert_blocked(what: &str, reply: &Reply) {
    assert_eq!(reply.verdict(), "blocked", "{what}: {reply:?}");
    let said = if reply.code() == 0 { reply.text() } else { reply.said() };
    assert_eq!(said, "blocked by policy", "{what}");
    assert!([0, -32603].contains(&reply.code()), "{what}: {reply:?}");
    let everything = reply.everything();
    for hidden in ["hay-filter", "needle", "pattern", "path"] {
        assert!(!everything.contains(hidden), "{what}: {hidden} in {everything}");
    }
}

/// The last record: its verdict and reason, and the filters in it as `name place action`.
fn told(fixture: &Fixture) -> (String, String, Vec<String>) {
    let record = fixture.audit("call").pop().expect("a record");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let filters = record["filters"].as_array().cloned().unwrap_or_default();
    let filters =
        filters.iter().map(|it| format!("{} {} {}", text(&it["name"]), text(&it["place"]), text(&it["action"])));
    (text(&record["verdict"]), text(&record["reason"]), filters.collect())
}

/// How often a function of the fixture began and ended.
fn runs(caller: &mut crate::harness::Caller, function: &str) -> Value {
    let runs = caller.call("journal", json!({})).structured()[function].clone();
    if runs.is_null() { json!({"began": 0, "ended": 0}) } else { runs }
}
