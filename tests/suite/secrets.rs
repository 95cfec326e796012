//! What the process holds and what is private about people: neither leaves, by any way out.

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Fixture, SECRET, assert_no_secret};

#[test]
fn s18_a_held_secret_leaves_in_no_form() {
    for door in Door::ALL {
        let fixture = Fixture::new().env("DOORMAN_LOG", "trace,rmcp=trace,rmcp::service=trace,hyper=trace,tokio=trace");
        let mut alice = fixture.caller(door, Cast::ALICE);
        for form in ["raw", "base64", "base64url", "url", "json", "error", "denied"] {
            let reply = alice.call("held", json!({ "form": form }));
            let text = reply.everything();
            assert_no_secret(form, &text);
            assert_no_secret(form, reply.text());
            assert!(text.contains("redacted"), "{form}: {text}");
        }
        for tool in ["explode", "explode_later", "explode_blocking", "fail_internal", "picture"] {
            let reply = alice.call(tool, json!({}));
            assert_no_secret(tool, &reply.everything());
        }
        // A caller who guesses it gets no proof.
        assert_no_secret("echo", &alice.call("echo_text", json!({ "text": SECRET })).everything());
        assert_no_secret("echo", &alice.call("echo", json!({ "value": {SECRET: SECRET} })).everything());
        assert_no_secret("the audit log", &fixture.audit_text());
        // A module's credential is one as well.
        assert!(
            !alice.call("echo_text", json!({"text": "key-of-docs-4711"})).everything().contains("key-of-docs-4711")
        );
        if let Door::Stdio(_) = door {
            assert_no_secret("the log", &alice.lines().process.stderr());
        }
    }
}

#[test]
fn s18_the_operators_log_has_the_incident_without_the_secret() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, crate::harness::Era::Modern);
    for tool in ["explode", "fail_internal"] {
        let reply = alice.call(tool, json!({}));
        let incident = reply.text().split("incident ").nth(1).and_then(|rest| rest.split(')').next());
        let incident = incident.unwrap_or_else(|| panic!("no incident in {reply:?}"));
        assert!(server.process.stderr().contains(incident), "{incident}");
    }
    assert_no_secret("the log", &server.process.stderr());
    // A module that can't start says why, without its credential.
    let (_, said) = Fixture::new().env("FIXTURE_BROKEN", "late").refuses();
    assert!(said.contains("can't start") && !said.contains("key-of-late-4711"), "{said}");
}

/// What must not be in anything that leaves.
const PRIVATE: [&str; 10] = [
    "ada@example.com",
    "202 555 0143",
    "123-45-6789",
    "4111 1111 1111 1111",
    "4111111111111111",
    "k-abcdef",
    "k-ghijkl",
    "p-mnopqr",
    "202-555-0143",
    "411111111111",
];

#[test]
fn s19_every_way_out_is_redacted() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        for tool in ["contact", "contact_list", "contact_text", "contact_blocks", "contact_error", "contact_progress"] {
            let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": "p1"}});
            let reply = alice.request("tools/call", params);
            let all = reply.everything();
            for private in PRIVATE {
                assert!(!all.contains(private), "{door:?} {tool}: {private} in {all}");
            }
            assert_no_secret(tool, &all);
            assert_eq!(reply.is_error(), tool == "contact_error");
            if tool == "contact_progress" {
                let reports = reply.notifications.iter().filter(|it| it["method"] == "notifications/progress").count();
                // A modern answer over HTTP is one JSON document: nobody is told of progress.
                assert!(reports == 3 || door == Door::Http(crate::harness::Era::Modern), "{door:?}: {reply:?}");
                assert!(reports == 0 || all.contains("redacted:email"), "{all}");
            } else {
                assert!(all.contains("«redacted:email»"), "{tool}: {all}");
                let record = fixture.calls(tool).remove(0);
                assert!(record["redactions"]["email"].as_u64().is_some_and(|n| n > 0), "{record}");
            }
        }
        let contact = alice.call("contact", json!({}));
        let person = contact.structured();
        assert_eq!(person["name"], "Ada Lovelace", "what is nobody's secret stays");
        for (field, kind) in [
            ("email", "email"),
            ("phone", "phone"),
            ("ssn", "key"),
            ("card", "card"),
            ("api_key", "key"),
            ("X-Auth-Token", "key"),
        ] {
            let masked = person[field].as_str().unwrap_or_default();
            assert!(masked.contains(&format!("redacted:{kind}")), "{field}: {masked}");
        }
        let document: Value = serde_json::from_str(person["document"].as_str().expect("a text")).expect("still JSON");
        assert_eq!(document, json!({"password": "«redacted:key»", "mail": "«redacted:email»"}));
        assert_eq!(contact.text(), person.to_string(), "the text says what the structure says");
    }
}

#[test]
fn s19_what_is_not_private_stays_byte_for_byte() {
    let text = r#"{ "b":1e3, "a" : [1.0, -0, 1E+2], "é":"\u00e9\/", "n":12345678901234567890 }  "#;
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        assert_eq!(alice.call("echo_text", json!({ "text": text })).text(), text);
        let blob = alice.call("echo", json!({"value": {"z": 1, "a": [0.1, 1e300, -7], "m": {"y": null, "x": ""}}}));
        assert_eq!(blob.structured()["result"].to_string(), r#"{"z":1,"a":[0.1,1e+300,-7],"m":{"y":null,"x":""}}"#);
    }
}

#[test]
fn s19_what_is_too_large_is_withheld() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        assert_eq!(alice.call("big", json!({"bytes": 65_536})).text().len(), 65_536);
        let withheld = alice.call("big", json!({"bytes": 65_537}));
        assert_eq!((withheld.verdict(), withheld.everything().contains("xxxx")), ("blocked", false));
        let record = fixture.calls("big").remove(1);
        assert_eq!((&record["verdict"], &record["reason"]), (&json!("blocked"), &json!("result_too_large")));
    }
}

#[test]
fn s21_errors_say_nothing_of_this_machine() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut bob = fixture.caller(door, Cast::BOB);
        let mut all = String::new();
        for (tool, arguments) in [
            ("fail_internal", json!({})),
            ("fail_from_source", json!({})),
            ("explode", json!({})),
            ("explode_blocking", json!({})),
            ("work_read", json!({"path": "not/there"})),
            ("work_read", json!({"path": "../x"})),
            ("work_list", json!({"path": "not/there"})),
            ("work_remove", json!({"path": "x"})),
            ("get_invoice", json!({"id": {"a": 1}})),
            ("constrained", json!({"count": -1, "mode": 7, "filter": []})),
            ("own_schema", json!({"at": "x"})),
        ] {
            let reply = bob.call(tool, arguments);
            assert!(reply.is_error(), "{tool}: {reply:?}");
            all += &reply.everything();
        }
        for inside in [
            "/srv/private",
            "key.pem",
            "pw4711",
            "k4711",
            "db.internal",
            "agents/",
            "/tmp",
            ".rs:",
            "src/",
            "fixture::",
            "doorman::",
            "alloc::",
            "serde",
            "os error",
            "No such file",
        ] {
            assert!(!all.contains(inside), "{door:?}: {inside} in {all}");
        }
    }
}
