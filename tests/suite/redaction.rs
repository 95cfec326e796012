//! What tools, the application and manifests have masked beyond what is masked anyway, and the `redact` command.

use std::{
    io::Write,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, Reply};

/// What agents of the type `reader` don't get, and others do.
const READER: &str =
    "scopes: [misc:use]\nredaction:\n  keys: [locker]\n  patterns: [\"TEAM-[0-9]+\"]\n  detect: [mac]\n";

fn two_types() -> Fixture {
    let fixture = Fixture::bare().manifest_of("auditor", READER).manifest("reader", "[misc:use]");
    fixture.tokens(&[AUDITOR, Cast::ALICE])
}

fn badge(fixture: &Fixture, door: Door, cast: Cast) -> Vec<(&'static str, Reply)> {
    let mut caller = fixture.caller(door, cast);
    let mut replies = vec![("badge", caller.call("badge", json!({})))];
    for how in ["text", "embedded", "error", "progress"] {
        let params = json!({"name": "badge_text", "arguments": {"how": how}, "_meta": {"progressToken": "p1"}});
        replies.push((how, caller.request("tools/call", params)));
    }
    replies
}

#[test]
fn s19_own_rules_hold_at_every_exit() {
    for door in Door::ALL {
        let fixture = two_types();
        for (how, reply) in badge(&fixture, door, AUDITOR) {
            let all = reply.everything();
            for hidden in ["EMP-4711", "10.20.30.40", "TEAM-7", "00:1b:44:11:3a:b7"] {
                assert!(!all.contains(hidden), "{door:?} {how}: {hidden} in {all}");
            }
            assert!(all.contains("«redacted:pattern»"), "{door:?} {how}: {all}");
        }
        // Another agent type is under the tool's rules alone.
        for (how, reply) in badge(&fixture, door, Cast::ALICE) {
            let all = reply.everything();
            assert!(!all.contains("EMP-4711") && !all.contains("10.20.30.40"), "{door:?} {how}: {all}");
            assert!(all.contains("TEAM-7") && all.contains("00:1b:44:11:3a:b7"), "{door:?} {how}: {all}");
        }
        let counted = |agent: &str| {
            let calls = fixture.calls("badge");
            calls.into_iter().find(|call| call["agent_id"] == agent).map(|call| call["redactions"].clone())
        };
        assert_eq!(counted("audrey"), Some(json!({"key": 1, "ip": 1, "mac": 1, "pattern": 2})));
        // What leaves before the answer is counted, too.
        let progress = fixture.calls("badge_text").swap_remove(3);
        assert_eq!(progress["redactions"], json!({"ip": 1, "mac": 1, "pattern": 2}), "{door:?}");
        assert_eq!(counted("alice"), Some(json!({"ip": 1, "pattern": 1})));
    }
}

#[test]
fn s19_s22_s27_what_is_hard_to_look_at_is_bounded() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let withheld =
            [("text", 100_000_000), ("deep", 10_000), ("deep text", 10_000)].map(|it| (it, "blocked", "unredactable"));
        // One door of each kind is enough for what takes seconds.
        let passes = match door {
            Door::Http(Era::Modern) => vec![("keys", 1_000_000), ("digits", 4_000_000)],
            Door::Stdio(Era::Session) => vec![("mail", 2_000_000), ("escapes", 1_000_000)],
            _ => vec![],
        };
        let cases = withheld.into_iter().chain(passes.into_iter().map(|it| (it, "ok", "ok")));
        for (number, ((how, n), verdict, reason)) in cases.enumerate() {
            let began = Instant::now();
            let reply = alice.call("hostile", json!({"how": how, "n": n}));
            assert!(began.elapsed() < Duration::from_secs(40), "{door:?} {how}: {:?}", began.elapsed());
            assert_eq!(reply.is_error(), verdict != "ok", "{door:?} {how}");
            let records = fixture.calls("hostile");
            assert_eq!(records.len(), number + 1, "{door:?} {how}");
            assert_eq!((&records[number]["verdict"], &records[number]["reason"]), (&json!(verdict), &json!(reason)));
        }
        // The process is the one that it was.
        assert_eq!(alice.call("echo_text", json!({"text": "there"})).text(), "there");
    }
}

const AUDITOR: Cast = Cast { id: "audrey", kind: "auditor" };

#[test]
fn schemas_are_widened_for_those_who_are_under_the_rule() {
    let fixture = two_types();
    let locker = |cast| {
        let mut caller = fixture.caller(Door::Http(Era::Modern), cast);
        let tools = caller.list();
        let tool = tools.iter().find(|tool| tool["name"] == "badge").expect("the tool");
        let schema = tool["outputSchema"]["properties"]["locker"].to_string();
        let reply = caller.call("badge", json!({}));
        (schema.contains("string"), reply.structured()["locker"].clone())
    };
    assert_eq!(locker(AUDITOR), (true, json!("«redacted:key»")));
    assert_eq!(locker(Cast::ALICE), (false, json!(12)));
}

#[test]
fn mistakes_in_a_manifests_redaction_are_told_with_their_places() {
    let text = "scopes: [misc:use]\nredaction:\n  keys: [\"*\", \"a?\"]\n  patterns: [\"(\", \"x*\"]\n  detect: [email]\n  \
                masks: []\n";
    let (code, said) = Fixture::bare().manifest_of("auditor", text).refuses();
    assert_eq!(code, 1, "{said}");
    for place in ["4:10", "4:15", "5:14", "5:19", "6:12", "7:3"] {
        assert!(said.contains(&format!("auditor.yaml:{place}: ")), "{place}: {said}");
    }
    assert!(said.contains("unclosed group") && said.contains("keys, patterns, detect"), "{said}");
}

/// What `redact` makes of stdin.
fn redact(fixture: &Fixture, args: &[&str], input: &[u8]) -> Output {
    let mut command = fixture.command_alone(&[&["redact"], args].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("stdin");
    std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it ends")
    })
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

#[test]
fn redact_masks_lines_as_results_are() {
    let fixture = Fixture::reference().env("BILLING_API_KEY", "correct-horse-battery");
    let out = redact(&fixture, &[], b"to a@b.com\n{\"password\": \"x\", \"n\": 1.50}\nkey correct-horse-battery\n");
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(text(&out.stderr), "");
    assert_eq!(
        text(&out.stdout),
        "to «redacted:email»\n{\"password\": \"«redacted:key»\", \"n\": 1.50}\nkey «redacted:secret»\n"
    );
    let out = redact(
        &fixture,
        &["--json", "--keys", "iban,*_ref", "--keys", "x"],
        b"{\"iban\":7,\"a_ref\":[1],\"x\":true,\"y\":1e3}\n[1,\n2\n",
    );
    assert_eq!(out.status.code(), Some(1));
    let mask = "\"«redacted:key»\"";
    assert_eq!(text(&out.stdout), format!("{{\"iban\":{mask},\"a_ref\":{mask},\"x\":{mask},\"y\":1e3}}\n\n2\n"));
    assert!(text(&out.stderr).contains("line 2: not JSON"), "{}", text(&out.stderr));
    let out = redact(&fixture, &["--spans"], "é a@b.com\n".as_bytes());
    assert_eq!(text(&out.stdout), "{\"spans\":[{\"kind\":\"email\",\"start\":2,\"end\":9}]}\n");
}

#[test]
fn redact_goes_by_manifests_too() {
    let fixture = Fixture::reference().env("TEAM_PASSWORD", "battery-staple-9");
    let modules = "modules:\n  filesystem: {mode: read, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n";
    let rules = "redaction: {keys: [locker], patterns: [\"TEAM-[0-9]+\"], detect: [ip]}\n";
    let manifest = fixture.file("m.yaml", &format!("agent_type: reader\n{modules}{rules}"));
    let input = b"TEAM-7 10.20.30.40 00:1b:44:11:3a:b7\n{\"locker\":1}\n";
    let out = redact(&fixture, &["--manifest", &manifest], input);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(
        text(&out.stdout),
        "«redacted:pattern» «redacted:ip» 00:1b:44:11:3a:b7\n{\"locker\":\"«redacted:key»\"}\n"
    );
    let bad = fixture.file("bad.yaml", "agent_type: reader\n");
    for (args, code) in [
        (vec!["--manifest", bad.as_str()], 1),
        (vec!["--keys", "*"], 2),
        (vec!["--json", "--spans"], 2),
        (vec!["--nope"], 2),
    ] {
        let out = redact(&fixture, &args, input);
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(code), ""), "{args:?}: {}", text(&out.stderr));
    }
}
