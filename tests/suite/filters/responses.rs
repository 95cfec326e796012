//! What leaves.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{assert_blocked, filtered, told};
use crate::harness::{
    Caller, Cast, Door, Era, Fixture, Reply, Request, Wire, able, able_of_tasks, accept, eventually, say,
};

/// Of a filter that does this.
fn filter(action: &str) -> String {
    format!("response_filters:\n  - {{name: hay-filter, pattern: '(?i)ADA@example|202 555', action: {action}}}\n")
}

type Exit = (&'static str, &'static str, fn(&mut Caller) -> Reply);

/// The ways out of an answer, each with where a filter finds something.
const EXITS: [Exit; 14] = [
    ("structure", "/structuredContent/email", |it| it.call("contact", json!({}))),
    ("a list", "/structuredContent/result/*/email", |it| it.call("contact_list", json!({}))),
    ("text", "/content/*/text", |it| it.call("contact_text", json!({}))),
    ("blocks", "/content/*/*", |it| it.call("contact_blocks", json!({}))),
    ("an error", "/error", |it| it.call("contact_error", json!({}))),
    ("a resource", "/contents/*/text", |it| it.read("memo://contact")),
    ("bytes", "/contents/*/blob", |it| it.read("memo://contact.bin")),
    ("JSON", "/contents/*/text", |it| it.read("invoice://INV-1")),
    ("a resource's error", "/error", |it| it.read("faulty://contact")),
    ("a prompt", "/messages/*/content/*", |it| it.prompt("introduce", json!({}))),
    ("a prompt's error", "/error", |it| it.prompt("stumble", json!({"how": "contact"}))),
    ("completion", "/completion/values/*", |it| it.complete("invoice://{id}", "id", "")),
    ("a completion's error", "/error", |it| it.complete("stumble", "how", "contact")),
    ("an echo", "/structuredContent/result/*", |it| it.call("echo", json!({"value": {"QURBQGV4YW1wbGU=": 1}}))),
];

#[test]
fn s19_s22_what_is_blocked_leaves_by_no_way() {
    for door in Door::ALL {
        let fixture = filtered(&filter("block"));
        let mut alice = fixture.caller(door, Cast::ALICE);
        for (records, (what, place, exit)) in EXITS.into_iter().enumerate() {
            let reply = exit(&mut alice);
            assert_blocked(&format!("{door:?} {what}"), &reply);
            assert_eq!(fixture.audit("call").len(), records + 1, "{what}: exactly one record");
            let (verdict, reason, found) = told(&fixture);
            assert_eq!((&*verdict, &*reason), ("blocked", "response_filter"), "{door:?} {what}");
            let [only] = &found[..] else { panic!("{what}: {found:?}") };
            assert!(only.starts_with(&format!("hay-filter {place}")) && only.ends_with(" block"), "{what}: {only}");
        }
        assert_eq!(alice.call("echo_text", json!({"text": "hay"})).text(), "hay");
        assert_eq!(alice.read("memo://noise").contents()["blob"], STANDARD.encode([0x89, 0x50, 0x4e, 0x47, 0, 0xff]));
    }
}

#[test]
fn s19_a_match_is_masked_on_every_way_out() {
    for door in Door::ALL {
        let fixture = filtered(&filter("redact"));
        let mut alice = fixture.caller(door, Cast::ALICE);
        for (what, place, exit) in EXITS {
            let reply = exit(&mut alice);
            let text = match what {
                "bytes" => {
                    let bytes = STANDARD.decode(reply.contents()["blob"].as_str().expect("a blob")).expect("base64");
                    String::from_utf8(bytes).expect("text")
                }
                _ => reply.everything(),
            };
            assert!(!text.contains("ada@example") && !text.contains("202 555"), "{door:?} {what}: {text}");
            let (verdict, _, found) = told(&fixture);
            assert_ne!(verdict, "blocked", "{what}");
            if what == "completion" {
                assert_eq!(reply.values(), ["INV-1", "INV-2", "INV-10", "alice"], "what is masked is left out");
            } else {
                assert!(text.contains("«redacted:filter»"), "{door:?} {what}: {text}");
                let record = fixture.audit("call").pop().expect("a record");
                assert!(record["redactions"]["filter"].as_u64().is_some_and(|n| n > 0), "{what}: {record}");
            }
            assert!(found.iter().any(|it| it.starts_with(&format!("hay-filter {place}"))), "{what}: {found:?}");
        }
        let echoed = alice.call("echo_text", json!({"text": "to ada@example.com, QURBQGV4YW1wbGU= and more"}));
        assert_eq!(echoed.text(), "to «redacted:filter».com, «redacted:filter» and more", "{door:?}");
    }
}

#[test]
fn s19_a_masked_result_fits_the_published_schema() {
    let filters = "response_filters: [{name: all, pattern: '[0-9a-z]', action: redact}]\n";
    for door in Door::ALL {
        let mut alice = filtered(filters).caller(door, Cast::ALICE);
        // So that the journal, which has keys of its own, has something in it; the badge has a number that nothing else masks.
        alice.call("confirm", json!({"id": "x"}));
        let tools = alice.list();
        for tool in ["contact", "contact_list", "journal", "badge"] {
            let schema = tools.iter().find(|it| it["name"] == tool).map(|it| it["outputSchema"].clone());
            let reply = alice.call(tool, json!({}));
            let value = reply.structured();
            assert!(value.to_string().contains("«redacted:filter»"), "{value}");
            let validator = jsonschema::validator_for(&schema.expect("a schema")).expect("a legal schema");
            assert!(validator.is_valid(value), "{tool}: {value}");
        }
    }
    // Whoever has no such filter gets the schema as it was.
    let plain = filtered("").serve().caller(Cast::ALICE, Era::Modern).list();
    let warned = filtered("response_filters: [{name: all, pattern: '[0-9a-z]'}]\n").serve();
    assert_eq!(warned.caller(Cast::ALICE, Era::Modern).list(), plain);
}

#[test]
fn s19_a_warning_changes_nothing_and_is_told() {
    for door in Door::ALL {
        let fixture = filtered("response_filters: [{name: loud, pattern: ha+y}]\n");
        let mut alice = fixture.caller(door, Cast::ALICE);
        assert_eq!(alice.call("echo_text", json!({"text": "aGFheQ=="})).text(), "aGFheQ==", "{door:?}");
        let told = told(&fixture);
        assert_eq!(told, ("ok".into(), "ok".into(), vec!["loud /content/*/text warn".into()]), "{door:?}");
    }
}

#[test]
fn s19_progress_is_filtered() {
    for (action, reports) in [("block", 0), ("redact", 3)] {
        for door in Door::ALL {
            let fixture = filtered(&filter(action));
            let mut alice = fixture.caller(door, Cast::ALICE);
            let params = json!({"name": "contact_progress", "arguments": {}, "_meta": {"progressToken": "p1"}});
            let reply = alice.request("tools/call", params);
            assert_eq!(reply.text(), "done", "{door:?}: the call goes on");
            let all = reply.everything();
            assert!(!all.contains("ada@example"), "{all}");
            let heard = reply.notifications.iter().filter(|it| it["method"] == "notifications/progress").count();
            assert_eq!(heard, reports, "{door:?} {action}: {reply:?}");
            assert_eq!(all.contains("«redacted:filter»"), action == "redact", "{door:?}: {all}");
            assert_eq!(told(&fixture).2, [format!("hay-filter /message {action}")], "{door:?}");
        }
    }
}

/// The messages that a session hears of a call of `chat`.
fn chatted(fixture: &Fixture, over_http: bool) -> Vec<Value> {
    let is_message = |it: &Value| it["method"] == "notifications/message";
    if !over_http {
        let reply = fixture.caller(Door::Stdio(Era::Session), Cast::ALICE).call("chat", json!({}));
        return reply.notifications.into_iter().filter(is_message).collect();
    }
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let mut wire = Wire::connect(server.address);
    let request = Request::new("GET", "/mcp").header("Accept", "text/event-stream").bearer(&Cast::ALICE.token());
    let request = request.header("Mcp-Session-Id", alice.session().expect("a session"));
    wire.send(&request.header("MCP-Protocol-Version", "2025-11-25").bytes(server.address)).expect("the server reads");
    wire.stream();
    alice.call("chat", json!({}));
    std::iter::from_fn(|| wire.event(Duration::from_millis(300))).filter(is_message).collect()
}

#[test]
fn s19_log_messages_are_filtered() {
    for over_http in [false, true] {
        assert!(chatted(&filtered(&filter("block")), over_http).is_empty(), "a blocked message isn't sent");
        let masked = chatted(&filtered(&filter("redact")), over_http);
        assert_eq!(masked.len(), 4, "{masked:?}");
        for message in masked {
            let text = message.to_string();
            assert!(text.contains("«redacted:filter»") && !text.contains("ada@example"), "{text}");
        }
    }
    let modern = filtered(&filter("block"));
    let mut alice = modern.caller(Door::Stdio(Era::Modern), Cast::ALICE);
    let params = json!({"name": "chat", "arguments": {}, "_meta": {"io.modelcontextprotocol/logLevel": "debug"}});
    let reply = alice.request("tools/call", params);
    assert!(!reply.is_error() && reply.notifications.is_empty(), "{reply:?}");
    assert_eq!(told(&modern).2, ["hay-filter /data block", "hay-filter /data/* block"]);
}

#[test]
fn s19_a_question_that_may_not_be_asked_ends_the_call() {
    let willing = |question: &crate::harness::Question| match &*question.method {
        "sampling/createMessage" => say("yes"),
        _ if question.params["mode"] == "url" => json!({"action": "accept"}),
        _ => accept(json!({"topic": "t"})),
    };
    for door in Door::ALL {
        let fixture = filtered(&filter("block")).able(able());
        let mut alice = fixture.caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("ask_of_contact", json!({}), willing);
        assert_blocked(&format!("{door:?}"), &reply);
        assert!(asked.is_empty(), "{door:?}: {asked:?}");
        let (verdict, reason, found) = told(&fixture);
        assert_eq!((&*verdict, &*reason), ("blocked", "response_filter"), "{door:?}");
        assert_eq!(found, ["hay-filter /inputRequests/* block"], "{door:?}");
        let fixture = filtered(&filter("redact")).able(able());
        let mut alice = fixture.caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("ask_of_contact", json!({}), willing);
        assert_eq!((reply.text(), asked.len()), ("yes «redacted:filter».com", 3), "{door:?}: {reply:?}");
        for question in asked {
            let text = question.params.to_string();
            assert!(text.contains("«redacted:filter»") && !text.contains("ada@example"), "{door:?}: {text}");
        }
        // An address can't be masked and still be one.
        let fixture = filtered("response_filters: [{name: hay-filter, pattern: 'https://example', action: redact}]\n");
        let mut alice = fixture.able(able()).caller(door, Cast::ALICE);
        let (reply, _) = alice.converse_with("ask_of_contact", json!({}), willing);
        assert_blocked(&format!("{door:?}"), &reply);
    }
}

#[test]
fn s19_a_tasks_result_is_filtered() {
    for door in [Door::Stdio(Era::Modern), Door::Http(Era::Modern)] {
        for (action, text) in [("block", "blocked by policy"), ("redact", "done for alice, «redacted:filter».com")] {
            let loud = "argument_filters: [{name: loud, pattern: '10', action: warn}]\n";
            let fixture = filtered(&(filter(action) + loud)).able(able_of_tasks());
            let mut alice = fixture.caller(door, Cast::ALICE);
            let begun = alice.call("job", json!({"ms": 10}));
            let id = begun.message["result"]["taskId"].as_str().expect("a task").to_owned();
            let done = eventually("the end", || {
                let result = alice.request("tasks/get", json!({"taskId": id})).message["result"].clone();
                (result["status"] == "completed").then_some(result)
            });
            assert_eq!(done["result"]["content"][0]["text"], text, "{door:?}");
            let end = fixture.audit("task").pop().expect("a record of its end");
            assert_eq!(end["filters"], json!([{"name": "hay-filter", "place": "/content/*/text", "action": action}]));
            let begins = fixture.audit("call").into_iter().find(|it| it["reason"] == "task").expect("a record");
            assert_eq!(begins["filters"], json!([{"name": "loud", "place": "/arguments/ms", "action": "warn"}]));
            assert_eq!(end["verdict"], if action == "block" { "blocked" } else { "ok" });
        }
    }
}

#[test]
fn s19_the_status_tool_is_no_exception() {
    let filters = "modules: {docs: {type: filesystem, mode: read, config: {base_path: '${DOORMAN_DATA}/files'}}}
response_filters: [{name: hay-filter, pattern: docs, action: block}]\n";
    let fixture = Fixture::reference().tokens(&[Cast::ALICE]).manifest_of("reader", filters);
    let server = fixture.serve();
    assert_blocked("status", &server.caller(Cast::ALICE, Era::Modern).call("doorman_status", json!({})));
}
