//! What manifests say of filters: what is wrong is told at its place, and what is changed holds from the next call on.

use serde_json::{Value, json};

use super::{assert_blocked, filtered};
use crate::harness::{Cast, Door, Era, Fixture};

const FILES: &str = "modules: {docs: {type: filesystem, mode: read, config: {base_path: /srv}}}\n";

fn validate(filters: &str) -> (i32, String) {
    let fixture = Fixture::reference();
    let path = fixture.file("m.yaml", &format!("agent_type: reader\n{FILES}{filters}"));
    let (code, _, said) = fixture.says(&["validate", "--manifest", &path]);
    (code, said.replace(&path, "m.yaml"))
}

#[test]
fn s04_every_mistake_is_told_at_its_place() {
    let text = "argument_filters:
  - {name: a, pattern: hunter2(}
  - {name: b, pattern: 'hunter2|'}
  - {name: c, pattern: hunter2, fields: []}
  - {name: d, pattern: hunter2, action: redact}
  - {name: e, pattern: hunter2, fields: [path, hunter2]}
  - {name: e, pattern: hunter2}
  - {name: f, pattern: hunter2, decode: [base64, rot13]}
  - {name: g, pattern: hunter2, hunter2: 1}
  - {pattern: hunter2}
  - {name: h, pattern: '\\w{1000}{1000}'}
response_filters:
  - {name: a, pattern: hunter2, fields: [path]}
  - {name: b, pattern: hunter2, action: drop}
  - {name: c}
  - {name: '', pattern: hunter2}
  - {name: d, pattern: '(?=hunter2)'}
  - hunter2
";
    let expected = [
        "m.yaml:4:24: expected a regular expression for a linear-time engine (unclosed group)",
        "m.yaml:5:24: expected a regular expression that doesn't match the empty text",
        "m.yaml:6:41: expected at least one",
        "m.yaml:7:41: expected block or warn",
        "m.yaml:9:12: another filter of this list has this name",
        "m.yaml:10:50: expected base64 or urlsafe_base64 or url or html or json",
        "m.yaml:11:33: unknown key; legal here: name, pattern, action, fields, tools, case_insensitive, decode",
        "m.yaml:12:5: the key `name` is missing",
        "m.yaml:13:24: expected a regular expression that compiles to at most 1048576 bytes",
        "m.yaml:15:33: unknown key; legal here: name, pattern, action, tools, case_insensitive, decode",
        "m.yaml:16:41: expected block or warn or redact",
        "m.yaml:17:5: the key `pattern` is missing",
        "m.yaml:18:12: expected a text of 1 to 128 bytes without control characters",
        "m.yaml:19:24: expected a regular expression for a linear-time engine (look-around",
        "m.yaml:20:5: expected a map",
    ];
    let (code, said) = validate(text);
    for (line, expected) in said.lines().zip(expected) {
        assert!(line.starts_with(expected), "{expected}\n{line}\n{said}");
    }
    assert_eq!((code, said.lines().count()), (1, expected.len()), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn s04_a_filter_that_names_what_is_not_there_is_a_mistake() {
    let one = |fields: &str, tools: &str| {
        validate(&format!("argument_filters:\n  - {{name: a, pattern: x+, fields: [{fields}], tools: [{tools}]}}\n"))
    };
    for (fields, tools, wrong) in [
        ("path", "docs_read_file", ""),
        ("'*'", "'docs_*'", ""),
        ("/path, /*", "'docs_*'", ""),
        ("pattern", "docs_search_files", ""),
        ("pattern", "docs_read_file", "m.yaml:4:37"),
        ("path, hunter2", "'docs_*'", "m.yaml:4:43"),
        ("/path/hunter2", "'docs_*'", "m.yaml:4:37"),
        // The mode doesn't grant it.
        ("path", "docs_write_file", "m.yaml:4:52"),
        ("content", "'docs_*'", "m.yaml:4:37"),
        ("path", "'hunter2_*'", "m.yaml:4:52"),
    ] {
        let (code, said) = one(fields, tools);
        assert_eq!(code == 0, wrong.is_empty(), "{fields} {tools}: {said}");
        assert!(said.contains(wrong) && !said.contains("hunter2"), "{fields} {tools}: {said}");
    }
    assert_eq!(validate("argument_filters: []\nresponse_filters: null\n").0, 0);
    let many: String = (0..65).map(|n| format!("  - {{name: n{n}, pattern: x}}\n")).collect();
    let (code, said) = validate(&format!("argument_filters:\n{many}"));
    assert!(code == 1 && said.contains("at most 64 filters"), "{said}");
}

#[test]
fn what_is_shown_has_names_and_actions_and_no_patterns() {
    let fixture = Fixture::reference();
    let text = format!(
        "agent_type: reader\n{FILES}argument_filters: [{{name: traversal, pattern: hunter2}}]\nresponse_filters: [{{name: hosts, pattern: hunter2}}]\n"
    );
    let path = fixture.file("m.yaml", &text);
    let (code, shown, _) = fixture.says(&["inspect", "--manifest", &path]);
    assert_eq!(code, 0);
    assert!(shown.contains("filter   traversal, block of arguments\n  filter   hosts, warn of responses\n"), "{shown}");
    let (_, json, _) = fixture.says(&["inspect", "--manifest", &path, "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let reader = &json["manifests"][0];
    assert_eq!(reader["argument_filters"], json!([{"name": "traversal", "action": "block"}]));
    assert_eq!(reader["response_filters"], json!([{"name": "hosts", "action": "warn"}]));
    assert!(!shown.contains("hunter2") && !json.to_string().contains("hunter2"));
}

#[test]
fn s26_filters_change_from_the_next_call_on() {
    let text = |pattern: &str| format!("scopes: [misc:use]\nargument_filters: [{{name: a, pattern: '{pattern}'}}]\n");
    for door in Door::ALL {
        let fixture = Fixture::bare().tokens(&[Cast::ALICE]).manifest_of("reader", &text("needle"));
        let mut alice = fixture.caller(door, Cast::ALICE);
        let write = |text: &str| fixture.file("reader.yaml", &format!("agent_type: reader\n{text}"));
        let say = |alice: &mut crate::harness::Caller, text: &str| {
            alice.call("echo_text", json!({"text": text})).verdict() == "blocked"
        };
        assert!(say(&mut alice, "needle") && !say(&mut alice, "straw"), "{door:?}");
        write(&text("straw"));
        assert!(alice.process().reload().contains(" reloaded "), "{door:?}");
        assert!(!say(&mut alice, "needle") && say(&mut alice, "straw"), "{door:?}");
        // What can't be used changes nothing, and says why.
        for (broken, why) in [("(", "unclosed group"), ("x*", "doesn't match the empty text")] {
            write(&text(broken));
            let said = alice.process().reload();
            assert!(said.contains("RELOAD REFUSED") && said.contains("reader.yaml:3:") && said.contains(why), "{said}");
            assert!(!say(&mut alice, "needle") && say(&mut alice, "straw"), "{door:?}");
        }
        write("scopes: [misc:use]\nresponse_filters: [{name: b, pattern: needle, action: redact}]\n");
        assert!(alice.process().reload().contains(" reloaded "), "{door:?}");
        assert!(!say(&mut alice, "straw"), "{door:?}");
        assert_eq!(alice.call("echo_text", json!({"text": "a needle"})).text(), "a «redacted:filter»", "{door:?}");
        write("scopes: [misc:use]\n");
        alice.process().reload();
        assert_eq!(alice.call("echo_text", json!({"text": "a needle"})).text(), "a needle", "{door:?}");
    }
}

#[test]
fn s24_while_a_reload_is_refused_the_filters_hold() {
    let server = filtered("argument_filters: [{name: hay-filter, pattern: needle}]\n").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    server.fixture.file("reader.yaml", "agent_type: reader\nargument_filters: nonsense\n");
    assert!(server.process.reload().contains("RELOAD REFUSED"));
    assert_blocked("the old policy", &alice.call("echo_text", json!({"text": "needle"})));
}
