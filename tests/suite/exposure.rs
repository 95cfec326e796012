//! What a caller sees is what it can call, and for everything else there is nothing there.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Era, Fixture, Wire};

/// Everything that the fixture exposes, and names that it doesn't.
fn universe(fixture: &Fixture) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = fixture.caller(Door::Http(Era::Modern), Cast::ROOT).names().into_iter().collect();
    assert!(names.len() > 30, "{names:?}");
    names.extend(["unlisted", "no_such_tool", "Hello", "hello ", "docs", "docs_", "get-invoice"].map(str::to_owned));
    names
}

#[test]
fn s01_only_what_is_listed_and_granted_is_reachable() {
    let fixture = Fixture::new();
    for (cast, sees, misses) in [
        (Cast::ALICE, "get_invoice", "create_invoice"),
        (Cast::BOB, "refund", "purge"),
        (Cast::ROOT, "purge", "unlisted"),
        (Cast::STRAY, "hello", "get_invoice"),
    ] {
        let mut caller = fixture.caller(Door::Http(Era::Modern), cast);
        let names = caller.names();
        assert!(names.iter().any(|name| name == sees) && !names.iter().any(|name| name == misses), "{names:?}");
        assert_eq!(caller.call(misses, json!({"id": "1"})).code(), -32602);
    }
    // What was never granted never ran.
    let began = fixture.caller(Door::Http(Era::Modern), Cast::ROOT).call("journal", json!({}));
    assert_eq!(began.structured(), &json!({}));
}

#[test]
fn s02_listed_is_callable_and_nothing_else() {
    let fixture = Fixture::new();
    let universe = universe(&fixture);
    for door in Door::ALL {
        for cast in Cast::ALL {
            if matches!(door, Door::Stdio(_)) && cast.id == Cast::STRAY.id {
                continue; // Refused at start: `s03_…`.
            }
            let mut caller = fixture.caller(door, cast);
            let listed: BTreeSet<String> = caller.names().into_iter().collect();
            for name in &universe {
                let reply = caller.call(name, json!({}));
                let unknown = reply.code() == -32602;
                assert_eq!(listed.contains(name), !unknown, "{door:?} {}: {name}: {reply:?}", cast.id);
                if unknown {
                    let told = reply.message["error"]["message"].as_str().unwrap_or_default();
                    assert!(told == format!("Unknown tool: {name}") || told == "Unknown tool", "{told}");
                }
            }
            assert_eq!(caller.names().into_iter().collect::<BTreeSet<_>>(), listed, "calls change no list");
        }
    }
}

/// An answer without what differs between any two: the name, the id, the time.
fn bare(mut message: Value, name: &str) -> String {
    message["id"] = Value::Null;
    message.to_string().replace(name, "NAME")
}

#[test]
fn s02_hidden_and_unknown_give_the_same_bytes() {
    let hidden = [("purge", "purgf"), ("refund", "refunc"), ("create_invoice", "create_invoicf")];
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut caller = fixture.caller(door, Cast::ALICE);
        for (there, absent) in hidden {
            for arguments in [json!({}), json!({"id": "1"}), json!({"id": 1, "x": [1, 2]})] {
                let answers = [there, absent].map(|name| bare(caller.call(name, arguments.clone()).message, name));
                assert_eq!(answers[0], answers[1], "{door:?}");
            }
            if door == Door::Http(Era::Modern) {
                let [a, b] = [there, absent].map(|name| {
                    let message = caller.message("tools/call", json!({"name": name, "arguments": {}}));
                    let response = caller.exchange(&message);
                    let head =
                        ["content-type", "content-length", "www-authenticate", "mcp-session-id", "cache-control"]
                            .map(|header| response.header(header).map(str::to_owned));
                    (response.status, head)
                });
                assert_eq!(a.0, b.0);
                assert_eq!(a.1, b.1, "names of one length, so answers of one length");
            }
            let records = [there, absent].map(|name| {
                let mut record = fixture.calls(name).remove(0);
                for varies in ["ts", "seq", "duration_us", "capability"] {
                    record[varies] = Value::Null;
                }
                record
            });
            assert_eq!(records[0], records[1]);
            assert_eq!(
                (&records[0]["verdict"], &records[0]["reason"]),
                (&json!("denied"), &json!("unknown_capability"))
            );
        }
    }
}

#[test]
fn s02_hidden_and_unknown_take_the_same_time() {
    const CALLS: usize = 2_000;
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let requests = ["purge", "purgf"].map(|name| {
        let message = alice.message("tools/call", json!({"name": name, "arguments": {}}));
        alice.http_request(&message).bytes(server.address)
    });
    let mut wire = Wire::connect(server.address);
    // Whatever else this machine does meanwhile falls on both alike, or the attempt doesn't count.
    let ratios: Vec<f64> = (0..3)
        .map(|_| {
            let mut times = [Vec::new(), Vec::new()];
            for call in 0..CALLS * 2 {
                // Who comes first alternates, too.
                let which = (call + call / 2) % 2;
                let began = Instant::now();
                let answer = wire.exchange(&requests[which]).expect("an answer");
                times[which].push(began.elapsed());
                assert_eq!(answer.status, 200);
            }
            let [hidden, unknown] = times.map(median);
            hidden.as_secs_f64() / unknown.as_secs_f64()
        })
        .collect();
    assert!(ratios.iter().any(|ratio| (0.9..1.1).contains(ratio)), "hidden to unknown: {ratios:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn s02_unknown_denied_and_invalid_calls_are_limited_and_recorded() {
    let bad = [("no_such_tool", json!({})), ("purge", json!({})), ("get_invoice", json!({"id": 7}))];
    for door in Door::ALL {
        for (name, arguments) in &bad {
            let fixture = Fixture::new().env("FIXTURE_RATE", "3/h");
            let mut caller = fixture.caller(door, Cast::ALICE);
            for _ in 0..3 {
                assert!(caller.call(name, arguments.clone()).is_error());
            }
            let limited = caller.call(name, arguments.clone());
            assert_eq!(limited.verdict(), "rate_limited", "{door:?} {name}: {limited:?}");
            let records = fixture.calls(name);
            assert_eq!(records.len(), 4);
            assert_eq!(records[3]["verdict"], "rate_limited");
        }
    }
}

#[test]
fn s02_lists_are_private_to_their_caller() {
    let mut alice = Fixture::new().caller(Door::Http(Era::Modern), Cast::ALICE);
    let reply = alice.request("tools/list", json!({}));
    assert_eq!(reply.message["result"]["cacheScope"], "private", "{reply:?}");
    assert_eq!(alice.request("tools/list", json!({"cursor": "x"})).code(), -32602);
}

#[test]
fn s05_instances_of_one_module_share_no_scope() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let modules = |names: Vec<String>| -> Vec<String> {
            names.into_iter().filter(|name| name.starts_with("docs_") || name.starts_with("work_")).collect()
        };
        assert_eq!(modules(alice.names()), ["docs_list", "docs_read", "docs_wait"]);
        let mut bob = Fixture::new().caller(door, Cast::BOB);
        assert_eq!(
            modules(bob.names()),
            [
                "docs_list",
                "docs_read",
                "docs_wait",
                "work_list",
                "work_move",
                "work_read",
                "work_remove",
                "work_wait",
                "work_write"
            ]
        );
        for tool in ["docs_write", "docs_remove", "docs_move"] {
            assert_eq!(bob.call(tool, json!({"path": "a", "text": "b"})).code(), -32602, "{door:?} {tool}");
        }
        assert!(!bob.call("work_write", json!({"path": "a", "text": "b"})).is_error());
    }
}

#[test]
fn s05_two_capabilities_of_one_name_are_refused_at_start() {
    let (code, said) = Fixture::new().env("FIXTURE_TWICE", "1").refuses();
    assert_eq!(code, 1);
    assert!(said.contains("two capabilities are named `hello`"), "{said}");
}

#[test]
fn hints_and_schemas_are_published() {
    let mut root = Fixture::new().caller(Door::Stdio(Era::Session), Cast::ROOT);
    let tools = root.list();
    let of = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let hints = |name: &str| {
        (of(name)["annotations"]["readOnlyHint"].clone(), of(name)["annotations"]["destructiveHint"].clone())
    };
    assert_eq!(hints("get_invoice"), (json!(true), json!(false)));
    assert_eq!(hints("create_invoice"), (json!(false), json!(false)));
    assert_eq!(hints("refund"), (json!(false), json!(true)));
    assert_eq!(of("get_invoice")["description"], "Looks up one invoice.");
    assert_eq!(
        of("get_invoice")["inputSchema"],
        json!({
            "type": "object",
            "properties": {"id": {"type": "string", "description": "The invoice's number."}},
            "required": ["id"],
            "additionalProperties": false,
        })
    );
    assert_eq!(of("get_invoice")["outputSchema"]["required"], json!(["id", "customer", "amount"]));
    // Extractors are nobody's arguments.
    assert_eq!(of("whoami")["inputSchema"]["properties"], json!({}));
}
