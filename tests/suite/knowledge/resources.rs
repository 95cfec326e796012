//! Reading: what a resource holds, how its URI is written, and how it says that it can't be read.

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Era, Fixture, assert_no_secret};

fn era(door: Door) -> Era {
    let (Door::Stdio(era) | Door::Http(era)) = door;
    era
}

#[test]
fn resources_are_listed_and_read() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let listed = alice.listed("resources/list").expect("resources");
        let welcome = listed.iter().find(|it| it["uri"] == "memo://welcome").expect("listed");
        assert_eq!(
            *welcome,
            json!({
                "uri": "memo://welcome", "name": "welcome", "description": "What anybody may read.",
                "mimeType": "text/markdown", "size": 9,
            })
        );
        let templates = alice.listed("resources/templates/list").expect("templates");
        let invoice = templates.iter().find(|it| it["uriTemplate"] == "invoice://{id}").expect("listed");
        assert_eq!((&invoice["name"], &invoice["description"]), (&json!("invoice"), &json!("One invoice, as JSON.")));
        let welcome = alice.read("memo://welcome");
        let expected = json!({"uri": "memo://welcome", "mimeType": "text/markdown", "text": "# Welcome"});
        assert_eq!(*welcome.contents(), expected, "{door:?}");
        let noise = alice.read("memo://noise");
        let expected = json!({"uri": "memo://noise", "mimeType": "image/png", "blob": "iVBORwD/"});
        assert_eq!(*noise.contents(), expected, "{door:?}");
        let counter = alice.read("memo://counter");
        assert_eq!((&counter.contents()["text"], &counter.contents()["mimeType"]), (&json!("0"), &json!("text/plain")));
        let invoice = alice.read("invoice://INV-1");
        assert_eq!(invoice.contents()["mimeType"], "application/json", "{door:?}: {invoice:?}");
        let invoice: Value = serde_json::from_str(invoice.contents()["text"].as_str().expect("text")).expect("JSON");
        assert_eq!(invoice["id"], "INV-1");
    }
}

#[test]
fn variables_have_types() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        assert_eq!(alice.read("pages://b/7").contents()["text"], "b, page 7");
        for number in ["07", "012", "7.0", "%2B7", "7e0", "-1", "%207", "0x7", "seven", "4294967296", "0", "10", "12"] {
            let reply = alice.read(&format!("pages://b/{number}"));
            assert_eq!((reply.code(), reply.verdict()), (-32602, "invalid"), "{door:?} {number}: {reply:?}");
            assert!(reply.said().contains(": number: "), "{}", reply.said());
        }
        // What the template doesn't fit isn't there.
        for uri in [
            "pages://b",
            "pages://b/",
            "pages:///7",
            "pages://b/7/8",
            "pages://b/7?x",
            "pages://b/7#x",
            "pages://b/+7",
            "Pages://b/7",
        ] {
            let reply = alice.read(uri);
            assert_eq!((reply.said(), reply.verdict()), ("Resource not found", ""), "{door:?} {uri}: {reply:?}");
        }
    }
}

#[test]
fn one_resource_has_several_spellings() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for uri in ["pages://a%20b/7", "pages://%61%20%62/7", "pages://a%20b/%37"] {
            let reply = alice.read(uri);
            assert_eq!(reply.contents()["text"], "a b, page 7", "{door:?}");
            assert_eq!(reply.contents()["uri"], uri, "the caller's own spelling");
        }
        assert_eq!(alice.read("pages://a%2Fb/7").contents()["text"], "a/b, page 7");
        assert_eq!(alice.read("pages://%C3%A9/7").contents()["text"], "é, page 7");
        for uri in
            ["pages://%ff/7", "pages://%4/7", "pages://%/7", "pages://%zz/7", "memo://%77elcome", "memo://welcome/"]
        {
            assert_eq!(alice.read(uri).said(), "Resource not found", "{door:?} {uri}");
        }
    }
}

#[test]
fn what_is_not_there_has_its_generations_code() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let code = if era(door) == Era::Session { -32002 } else { -32602 };
        for uri in ["memo://ledger", "memo://none", "ledger://1", "", "x", "memo://welcome\u{0}"] {
            let reply = alice.read(uri);
            assert_eq!(reply.code(), code, "{door:?} {uri:?}: {reply:?}");
            assert_eq!(reply.message["error"]["data"], json!({ "uri": uri }), "{door:?}");
        }
        let records = fixture.audit("call");
        assert!(records.iter().all(|it| it["capability"] == "(resource)" && it["reason"] == "unknown_capability"));
        assert_eq!(records.len(), 6);
    }
}

#[test]
fn s21_s27_what_goes_wrong_costs_its_own_call() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        for (how, code, verdict, text) in [
            ("panic", -32603, "panicked", "internal error (incident "),
            ("hang", -32603, "timeout", "the tool took too long"),
            ("internal", -32603, "error", "internal error (incident "),
            ("deny", -32602, "denied", "not you"),
            ("contact", -32603, "error", "ask «redacted:email»"),
        ] {
            let asked = [
                alice.read(&format!("faulty://{how}")),
                alice.prompt("stumble", json!({ "how": how })),
                alice.complete("faulty://{how}", "how", how),
                alice.complete("stumble", "how", how),
            ];
            for (at, reply) in asked.into_iter().enumerate() {
                assert_eq!((reply.code(), reply.verdict()), (code, verdict), "{door:?} {how} {at}: {reply:?}");
                assert!(reply.said().starts_with(text), "{door:?} {how} {at}: {reply:?}");
                assert!(!reply.everything().contains("/srv/private"));
                assert_no_secret(how, &reply.everything());
            }
        }
        let records = fixture.audit("call");
        assert_eq!(records.len(), 20, "one record each");
        assert!(records.iter().all(|it| ["faulty://{how}", "stumble"].iter().any(|name| it["capability"] == *name)));
        assert!(!alice.read("faulty://x").is_error());
    }
}

#[test]
fn s23_a_resource_has_limits() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        for _ in 0..30 {
            assert!(!alice.read("invoice://INV-1").is_error());
        }
        let limited = alice.read("invoice://INV-2");
        assert_eq!((limited.code(), limited.verdict()), (-32603, "rate_limited"), "{door:?}: {limited:?}");
        let data = &limited.message["error"]["data"];
        assert!(data["doorman/rule"].is_string() && data["doorman/retryAfterMs"].is_u64(), "{limited:?}");
        // Another resource isn't; nor is completion, which is no reading.
        assert!(!alice.read("memo://welcome").is_error());
        assert_eq!(alice.complete("invoice://{id}", "id", "INV-1").values(), ["INV-1", "INV-10"]);
        let long = alice.read("memo://essay");
        assert_eq!((long.code(), long.verdict()), (-32603, "blocked"), "{door:?}: {long:?}");
        assert!(long.said().contains("5000 bytes") && !long.everything().contains("word"), "{long:?}");
    }
}

#[test]
fn s23_every_attempt_counts() {
    for door in Door::ALL {
        for (method, params) in [
            ("resources/read", json!({"uri": "memo://none"})),
            ("prompts/get", json!({"name": "none"})),
            ("completion/complete", crate::harness::completing("none", "x", "y")),
        ] {
            let fixture = Fixture::new().env("FIXTURE_RATE", "3/h");
            let mut alice = fixture.caller(door, Cast::ALICE);
            for _ in 0..3 {
                assert_eq!(alice.request(method, params.clone()).verdict(), "");
            }
            assert_eq!(alice.request(method, params).verdict(), "rate_limited", "{door:?} {method}");
            assert_eq!(fixture.audit("call")[3]["verdict"], "rate_limited");
        }
    }
}
