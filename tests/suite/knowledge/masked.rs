//! What a person is and what the process holds leaves by none of these ways, and what callers say is in no sink.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::harness::{Cast, Door, Fixture, SECRET, assert_no_secret, completing};

const PRIVATE: [&str; 4] = ["ada@example.com", "202 555 0143", "123-45-6789", "4111 1111 1111 1111"];

#[test]
fn s18_s19_resources_prompts_and_completions_are_redacted() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let blob = alice.read("memo://contact.bin");
        let blob = STANDARD.decode(blob.contents()["blob"].as_str().expect("a blob")).expect("base64");
        let blob = String::from_utf8(blob).expect("text");
        let replies = [
            blob,
            alice.read("memo://contact").everything(),
            alice.read("invoice://INV-1").everything(),
            alice.read("faulty://contact").everything(),
            alice.prompt("introduce", json!({})).everything(),
            alice.prompt("stumble", json!({"how": "contact"})).everything(),
            alice.complete("stumble", "how", "contact").everything(),
        ];
        for text in replies {
            for private in PRIVATE {
                assert!(!text.contains(private), "{door:?}: {private} in {text}");
            }
            assert_no_secret("an answer", &text);
            assert!(text.contains("«redacted:email»"), "{door:?}: {text}");
        }
        let values = alice.complete("invoice://{id}", "id", "");
        assert_eq!(values.values(), ["INV-1", "INV-2", "INV-10", "alice"], "what is masked is left out");
        // What the caller says itself: a guess at what is held is no proof of it.
        let guess =
            SECRET.replace('/', "%2F").replace('"', "%22").replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        let echoes = [
            alice.read(&format!("pages://{guess}/7")),
            alice.read(&format!("none://{guess}")),
            alice.prompt("greet_somebody", json!({"name": SECRET})),
            alice.prompt("remind", json!({SECRET: SECRET})),
            alice.prompt(SECRET, json!({})),
            alice.complete(&format!("x://{SECRET}"), SECRET, SECRET),
            alice.complete("stumble", "how", SECRET),
        ];
        for reply in echoes {
            assert_no_secret("an echo", &reply.everything());
        }
        assert_no_secret("the audit log", &fixture.audit_text());
    }
}

#[test]
fn s20_what_callers_say_is_in_no_sink() {
    let canary = "canary-7f3a";
    for door in Door::ALL {
        let fixture = Fixture::new().env("DOORMAN_LOG", "trace");
        let ops = fixture.path("ops.log");
        let fixture = fixture.arg("--ops-log").arg(ops.clone());
        let server = matches!(door, Door::Http(_)).then(|| fixture.serve());
        let mut alice = match (&server, door) {
            (Some(server), Door::Http(era)) => server.caller(Cast::ALICE, era),
            _ => fixture.caller(door, Cast::ALICE),
        };
        for uri in [
            "pages://canary-7f3a/7",
            "pages://x/canary-7f3a",
            "faulty://canary-7f3a",
            "none://canary-7f3a",
            "docs:///canary-7f3a",
            "docs:///../canary-7f3a",
        ] {
            alice.read(uri);
            alice.request("resources/subscribe", json!({ "uri": uri }));
            alice.request("resources/unsubscribe", json!({ "uri": uri }));
            alice.complete(uri, canary, canary);
        }
        alice.prompt("greet_somebody", json!({"name": canary}));
        alice.prompt("greet_somebody", json!({canary: "x"}));
        alice.prompt("docs_summarize", json!({"path": canary}));
        alice.prompt("remind", json!({"id": canary, "tone": canary, "days": canary}));
        let mut params = completing("open_book", "page", canary);
        params["context"] = json!({"arguments": {"book": canary, canary: canary}});
        alice.request("completion/complete", params);
        alice.complete("stumble", "how", canary);
        alice.call("touch", json!({"uri": "memo://canary-7f3a"}));
        alice.request("resources/list", json!({"cursor": canary}));
        let records = fixture.audit("call");
        assert!(records.len() >= 15, "{}", records.len());
        assert!(!fixture.audit_text().contains(canary), "{door:?}: {}", fixture.audit_text());
        let said = match &server {
            Some(server) => server.process.stderr(),
            None => alice.lines().process.stderr(),
        };
        assert!(!said.contains(canary), "{door:?}: {said}");
        let ops = std::fs::read_to_string(ops).unwrap_or_default();
        assert!(!ops.contains(canary), "{door:?}: {ops}");
    }
}
