//! What callers send.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{assert_blocked, filtered, runs, told};
use crate::harness::{Cast, Door, Era, Fixture, able, able_of_tasks, accept, completing, eventually, say};

const BLOCK: &str = "argument_filters:\n  - {name: hay-filter, pattern: needle}\n";

fn blocked_by(place: &str) -> (String, String, Vec<String>) {
    ("blocked".into(), "argument_filter".into(), vec![format!("hay-filter {place} block")])
}

#[test]
fn s19_s22_whatever_reaches_a_function_is_looked_at() {
    for door in Door::ALL {
        let fixture = filtered(BLOCK);
        let mut alice = fixture.caller(door, Cast::ALICE);
        let mut records = 0;
        let mut check = |what: &str, reply: &crate::harness::Reply, place: &str| {
            assert_blocked(&format!("{door:?} {what}"), reply);
            records += 1;
            assert_eq!(fixture.audit("call").len(), records, "{what}: exactly one record");
            assert_eq!(told(&fixture), blocked_by(place), "{door:?} {what}");
        };
        for text in [
            "a needle",
            "ｎｅｅｄｌｅ",
            "%6eeedle",
            "bmVlZGxl",
            "see bmVl\nZGxl there",
            "&#110;eedle",
            "nee\u{200b}dle",
        ] {
            check(text, &alice.call("echo_text", json!({"text": text})), "/arguments/text");
        }
        check("deep", &alice.call("echo", json!({"value": {"a": ["needle"]}})), "/arguments/value/*/*");
        check("a key", &alice.call("echo", json!({"value": {"a needle": 1}})), "/arguments/value/*");
        check("an unknown name", &alice.call("echo_text", json!({"text": "x", "needle": 1})), "/arguments/*");
        check("a variable", &alice.read("pages://needle/7"), "/arguments/book");
        check("an escaped variable", &alice.read("pages://%6eeedle/7"), "/arguments/book");
        check("a twice escaped variable", &alice.read("pages://%256eeedle/7"), "/arguments/book");
        check("a prompt", &alice.prompt("greet_somebody", json!({"name": "needle"})), "/arguments/name");
        check("what is typed", &alice.complete("stumble", "how", "needle"), "/arguments/how");
        let mut context = completing("open_book", "page", "1");
        context["context"] = json!({"arguments": {"book": "needle"}});
        check("what is filled in", &alice.request("completion/complete", context), "/arguments/book");
        // What isn't there says nothing of filters, and what is fine goes on.
        assert_eq!(alice.call("nobody", json!({"x": "needle"})).code(), -32602);
        assert_eq!(alice.call("echo_text", json!({"text": "hay"})).text(), "hay");
        assert!(fixture.audit("call").pop().is_some_and(|it| it.get("filters").is_none()));
        assert!(!fixture.audit_text().contains("needle"), "{door:?}");
    }
}

#[test]
fn s19_answers_are_looked_at_and_the_function_goes_no_further() {
    for door in Door::ALL {
        let fixture = filtered(BLOCK).able(able());
        let mut alice = fixture.caller(door, Cast::ALICE);
        let began = Instant::now();
        let (reply, _) = alice.converse_with("ask_in_turn", json!({}), |_| accept(json!({"topic": "a needle"})));
        assert!(began.elapsed() < Duration::from_secs(20), "it ends there, and not when its time is up");
        assert_blocked(&format!("{door:?}"), &reply);
        assert_eq!(told(&fixture), blocked_by("/inputResponses/*/*"), "{door:?}");
        assert_eq!(runs(&mut alice, "ask_in_turn")["ended"], 0, "{door:?}");
        let (reply, _) =
            alice.converse("prompts/get", json!({"name": "interview"}), |_| accept(json!({"topic": "bmVlZGxl"})));
        assert_blocked(&format!("{door:?}"), &reply);
        let (reply, _) = alice.converse_with("ask_at_once", json!({}), |question| match &*question.method {
            "elicitation/create" => accept(json!({"topic": "hay"})),
            "sampling/createMessage" => say("a needle"),
            _ => json!({"roots": []}),
        });
        assert_blocked(&format!("{door:?}"), &reply);
        let (reply, _) = alice.converse_with("ask_at_once", json!({}), |question| match &*question.method {
            "elicitation/create" => accept(json!({"topic": "hay"})),
            "sampling/createMessage" => say("hay"),
            _ => json!({"roots": [{"uri": "file:///needle"}]}),
        });
        assert_blocked(&format!("{door:?}"), &reply);
        let (reply, asked) = alice.converse_with("ask_in_turn", json!({}), |_| accept(json!({"topic": "hay"})));
        assert_eq!((reply.text(), asked.len()), ("hay and hay", 2), "{door:?}");
        assert!(!fixture.audit_text().contains("needle"));
    }
}

#[test]
fn s19_a_tasks_answers_are_looked_at_and_it_waits_for_others() {
    for door in [Door::Stdio(Era::Modern), Door::Http(Era::Modern)] {
        let filters = "scopes: [invoices:write, misc:use]\nargument_filters: [{name: hay-filter, pattern: perhaps}]\n";
        let fixture = Fixture::bare().tokens(&[Cast::BOB]).manifest_of("writer", filters).able(able_of_tasks());
        let mut bob = fixture.caller(door, Cast::BOB);
        let begun = bob.call("shred", json!({"how": "well"}));
        let id = begun.message["result"]["taskId"].as_str().expect("a task").to_owned();
        let mut until = |status: &str| {
            eventually(status, || {
                let reply = bob.request("tasks/get", json!({"taskId": id}));
                (reply.message["result"]["status"] == status).then_some(())
            });
        };
        until("input_required");
        let answer = |answer: Value| json!({"taskId": id, "inputResponses": {"confirm": accept(answer)}});
        let reply = bob.request("tasks/update", answer(json!({"sure": true, "more": "perhaps"})));
        assert_blocked(&format!("{door:?}"), &reply);
        assert_eq!(told(&fixture), blocked_by("/inputResponses/*/*"));
        let mut until = |status: &str| {
            eventually(status, || {
                let reply = bob.request("tasks/get", json!({"taskId": id}));
                (reply.message["result"]["status"] == status).then_some(())
            });
        };
        until("input_required");
        assert_eq!(bob.request("tasks/update", answer(json!({"sure": true}))).code(), 0);
        let mut until = |status: &str| {
            eventually(status, || {
                let reply = bob.request("tasks/get", json!({"taskId": id}));
                (reply.message["result"]["status"] == status).then_some(())
            });
        };
        until("completed");
    }
}

#[test]
fn s23_a_blocked_call_takes_its_rate_and_gives_its_cost_back() {
    for door in Door::ALL {
        let mut alice = filtered(BLOCK).env("FIXTURE_BUDGET", "50/day per_caller").caller(door, Cast::ALICE);
        let left = |reply: &crate::harness::Reply| reply.message["result"]["_meta"]["doorman/budgetRemaining"].clone();
        assert_eq!(left(&alice.call("echo_text", json!({"text": "hay"}))), 49, "{door:?}");
        for _ in 0..5 {
            assert_blocked("budget", &alice.call("echo_text", json!({"text": "needle"})));
        }
        assert_eq!(left(&alice.call("echo_text", json!({"text": "hay"}))), 48, "{door:?}");
        let mut alice = filtered(BLOCK).env("FIXTURE_RATE", "2/day per_caller").caller(door, Cast::ALICE);
        for _ in 0..2 {
            assert_blocked("rate", &alice.call("echo_text", json!({"text": "needle"})));
        }
        assert_eq!(alice.call("echo_text", json!({"text": "needle"})).verdict(), "rate_limited", "{door:?}");
    }
}

#[test]
fn s20_warnings_are_told_by_names_of_ours() {
    let canary = "canary-7f3a";
    let filters =
        "argument_filters:\n  - {name: loud, pattern: canary, action: warn}\n  - {name: hay-filter, pattern: needle}\n";
    for door in Door::ALL {
        let fixture = filtered(filters);
        let mut alice = fixture.caller(door, Cast::ALICE);
        let many: Vec<Value> = (0..50).map(|n| json!({format!("{canary}-{n}"): canary})).collect();
        let reply = alice.call("echo", json!({"value": {canary: [many, canary], "x": {"y": canary}}}));
        assert!(!reply.is_error(), "{reply:?}");
        let (verdict, reason, found) = told(&fixture);
        assert_eq!((&*verdict, &*reason), ("ok", "ok"));
        assert_eq!(found[0], "loud /arguments/value/* warn");
        assert!(found.len() > 2 && found.iter().all(|it| it.starts_with("loud /arguments/value/*")), "{found:?}");
        let reply = alice.call("echo", json!({"value": [canary, {"y": "needle"}]}));
        assert_blocked("both", &reply);
        assert_eq!(told(&fixture).2, ["loud /arguments/value/* warn", "hay-filter /arguments/value/*/* block"]);
        assert!(!fixture.audit_text().contains(canary), "{door:?}");
    }
}

#[test]
fn filters_are_for_whom_and_for_what_they_say() {
    let filters = "argument_filters:
  - {name: hay-filter, pattern: needle, fields: [id, /text], tools: [get_*, echo_text]}
  - {name: hay-filter-2, pattern: NEEDLE, case_insensitive: true, tools: [echo], decode: [base64]}
";
    let fixture = filtered(filters);
    let server = fixture.serve();
    let (mut alice, mut bob) = (server.caller(Cast::ALICE, Era::Modern), server.caller(Cast::BOB, Era::Session));
    assert_blocked("a field", &alice.call("get_invoice", json!({"id": "needle"})));
    assert_blocked("a pointer", &alice.call("echo_text", json!({"text": "needle"})));
    assert_blocked("any case", &alice.call("echo", json!({"value": "Needle"})));
    assert_eq!(alice.call("echo_text", json!({"text": "Needle"})).text(), "Needle");
    assert_eq!(alice.prompt("greet_somebody", json!({"name": "needle"})).code(), 0, "it is for tools of other names");
    assert_eq!(bob.call("echo_text", json!({"text": "needle"})).text(), "needle", "it is the readers'");
}

#[test]
fn an_applications_filters_are_for_everybody() {
    for door in Door::ALL {
        let fixture = filtered(BLOCK).env("FIXTURE_ARGUMENT_FILTER", "straw").env("FIXTURE_RESPONSE_FILTER", "needle");
        let server = fixture.serve();
        let Door::Http(era) = door else { continue };
        for cast in [Cast::ALICE, Cast::BOB] {
            let mut caller = server.caller(cast, era);
            assert_eq!(caller.call("echo_text", json!({"text": "straw"})).verdict(), "blocked");
            assert_eq!(told(&fixture).2, ["own /arguments/text block"]);
            assert_eq!(caller.call("echo_text", json!({"text": "needle"})).verdict(), "blocked");
            let by =
                if cast.kind == "reader" { "hay-filter /arguments/text block" } else { "own /content/*/text block" };
            assert_eq!(told(&fixture).2, [by]);
        }
    }
    // One that can't be used keeps the application from starting.
    let (code, said) = filtered("").env("FIXTURE_RESPONSE_FILTER", "a*").refuses();
    assert!(code == 1 && said.contains("filter `own`: its pattern: expected a regular expression"), "{said}");
    let dev = Fixture::bare().env("FIXTURE_DEV", "1").env("FIXTURE_ARGUMENT_FILTER", "straw");
    assert_eq!(dev.unnamed(Era::Modern).call("echo_text", json!({"text": "straw"})).verdict(), "blocked");
}
