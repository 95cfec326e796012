//! How the process starts, or refuses to, and how it ends.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, SECRET, eventually};

#[test]
fn s03_who_is_launched_must_be_said_whole() {
    let with = |id: Option<&str>, kind: Option<&str>| {
        let fixture = Fixture::new();
        let fixture = id.into_iter().fold(fixture, |fixture, id| fixture.env("AGENT_ID", id));
        kind.into_iter().fold(fixture, |fixture, kind| fixture.env("AGENT_TYPE", kind))
    };
    for (id, kind, agent) in [
        (Some("alice"), Some("reader"), json!("alice")),
        (Some("  alice\t"), Some(" reader \n"), json!("alice")),
        (None, None, json!(null)),
        (Some(""), Some(""), json!(null)),
        (Some("  "), None, json!(null)),
    ] {
        for era in [Era::Session, Era::Modern] {
            let who = with(id, kind).unnamed(era).call("whoami", json!({}));
            assert_eq!(who.structured()["agent_id"], agent, "{id:?} {kind:?}");
        }
    }
    let long = "x".repeat(64);
    for (id, kind, expected) in [
        (Some("alice"), None, "AGENT_TYPE is not"),
        (Some("alice"), Some(" "), "AGENT_TYPE is not"),
        (None, Some("reader"), "AGENT_ID is not"),
        (Some("alice"), Some("unheard-of"), "AGENT_TYPE is not the manifest's agent_type"),
        (Some("alice"), Some("Reader"), "agent type"),
        (Some("alice/../bob"), Some("reader"), "agent id"),
        (Some("."), Some("reader"), "agent id"),
        (Some(".."), Some("reader"), "agent id"),
        (Some("a b"), Some("reader"), "agent id"),
        (Some("a\nb"), Some("reader"), "agent id"),
        (Some(&long), Some("reader"), "agent id"),
        (Some("alice"), Some("re/ader"), "agent type"),
    ] {
        let (code, said) = with(id, kind).refuses();
        assert!(code == 1 && said.contains(expected), "{id:?} {kind:?}: {code} {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "one line says which: {said}");
    }
}

#[test]
fn s04_what_is_wrong_with_a_manifest_is_said_with_its_place_and_without_its_values() {
    for (text, place, expected) in [
        (format!("agent_type: reader\nscopes: [misc:use]\npassword: {SECRET:?}\n"), ":3:", "unknown key"),
        ("agent_type: reader\nscopes: [misc:use]\nscopes: [hunter2]\n".to_owned(), ":3:", "twice"),
        ("agent_type: reader\nagent_type: hunter2\nscopes: [misc:use]\n".to_owned(), ":2:", "twice"),
        ("agent_type: reader\nscopes:\n  - misc:use\n  - hunter2:read\n".to_owned(), ":4:", "no capability"),
        ("agent_type: reader\nscopes: [misc:use, 'hunter2:*']\n".to_owned(), ":2:", "a scope such as"),
        ("agent_type: reader\nscopes: []\n".to_owned(), ":2:", "at least one scope"),
        ("agent_type: reader\nscopes:\n".to_owned(), ":2:", "expected"),
        ("agent_type: reader\nscopes: hunter2\n".to_owned(), ":2:", "expected"),
        ("agent_type: reader\n".to_owned(), "", "expected `modules` or `scopes`"),
        ("scopes: [misc:use]\n".to_owned(), "", "`agent_type` is missing"),
        ("agent_type: ../hunter2\nscopes: [misc:use]\n".to_owned(), ":1:", "agent type"),
        ("agent_type: [hunter2]\nscopes: [misc:use]\n".to_owned(), ":1:", "expected"),
        ("agent_type: reader\n scopes: [hunter2\n".to_owned(), ":", ""),
        ("a: &a [x]\nb: [*a, *a]\n".to_owned(), "", "unknown key"),
        ("agent_type: reader\nscopes: [misc:use]\n---\nagent_type: hunter2\n".to_owned(), "", "one document"),
        (String::new(), "", ""),
        ("# nothing\n".to_owned(), "", ""),
        ("hunter2".to_owned(), "", "expected"),
        ("\u{0}\u{1}hunter2".to_owned(), "", ""),
    ] {
        let fixture = Fixture::bare();
        let path = fixture.file("manifest.yaml", &text);
        for fixture in [fixture.clone().arg("--manifest").arg(&path), fixture.env("FIXTURE_MANIFEST", &path)] {
            let (code, said) = fixture.refuses();
            let expected_place = format!("manifest.yaml{place}");
            assert!(
                code == 1 && said.contains(&expected_place) && said.contains(expected),
                "{text}: {expected}: {code} {said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[test]
fn s04_a_yaml_bomb_is_refused_soon() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inside = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{inside}]\n");
    }
    let deep = format!("agent_type: reader\nscopes: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    for text in [bomb, deep] {
        let began = std::time::Instant::now();
        let fixture = Fixture::bare();
        let path = fixture.file("manifest.yaml", &text);
        assert_eq!(fixture.arg("--manifest").arg(path).refuses().0, 1);
        assert!(began.elapsed().as_secs() < 10);
    }
}

#[test]
fn s04_several_manifests_are_for_several_types() {
    let (code, said) = Fixture::new().manifest("reader", "[misc:use]").refuses();
    assert!(code == 1, "the file was given twice: {said}");
    assert!(said.contains("another manifest is for the same agent_type"), "{said}");
    let (code, said) = Fixture::bare().arg("--manifest").arg("/nowhere/at/all.yaml").refuses();
    assert!(code == 1 && said.contains("can't be read"), "{said}");
}

#[test]
fn limits_and_options_that_cannot_hold_are_refused() {
    for (name, value, expected) in [
        ("FIXTURE_RATE", "0/min", "expected a rate"),
        ("FIXTURE_RATE", "5/fortnight", "expected a rate"),
        ("FIXTURE_RATE", "5/min; 5/min", "different rates"),
        ("FIXTURE_BUDGET", "39/h", "exceeds the budget"),
        ("FIXTURE_RUNNING", "0", "at least 1"),
    ] {
        let (code, said) = Fixture::new().env(name, value).refuses();
        assert!(code == 1 && said.contains(expected), "{name}={value}: {said}");
    }
    for (args, expected) in [
        (["--http", "nowhere"], "--http"),
        (["--no-such-option", "x"], "--no-such-option"),
        (["--allow-host", "a b"], "host name"),
        (["--allow-origin", "app.example.com"], "origin"),
    ] {
        let fixture = Fixture::new().arg(args[0]).arg(args[1]);
        let fixture = if args[0].starts_with("--allow") { fixture.arg("--http").arg("127.0.0.1:0") } else { fixture };
        let (code, said) = fixture.refuses();
        assert!(code == 1 && said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn s28_stdout_carries_the_protocol_and_nothing_else() {
    for era in [Era::Session, Era::Modern] {
        let mut alice = Fixture::new().caller(Door::Stdio(era), Cast::ALICE);
        for _ in 0..3 {
            // `Lines` fails on anything that is no JSON; a forged answer would be taken for this one's.
            assert_eq!(alice.call("chatty", json!({})).text(), "quiet");
        }
        let lines = alice.lines();
        let said = lines.process.stderr();
        assert!(said.contains("this must not be where the protocol is"), "{said}");
        lines.close();
        assert!(lines.rest().is_empty());
        assert_eq!(lines.process.ended().code(), Some(0), "the end of the input is no failure");
    }
    // Before the first message, too: warnings, development mode, what is wrong.
    let mut lines = Fixture::bare().env("FIXTURE_DEV", "1").env("DOORMAN_LOG", "trace").lines();
    lines.close();
    assert!(lines.rest().is_empty());
}

#[test]
fn s28_files_are_private() {
    let mode = |path: String| std::fs::metadata(&path).expect("it was made").permissions().mode() & 0o7777;
    let fixture = Fixture::new();
    // Whatever the mask of the process is: `sh` sets the loosest.
    let mut command = std::process::Command::new("sh");
    let loose = fixture.clone().launched_by(Cast::BOB).command();
    command.arg("-c").arg("umask 0; exec \"$0\" \"$@\"").arg(loose.get_program()).args(loose.get_args());
    command.env_clear();
    for (name, value) in loose.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let mut lines = crate::harness::Lines::start(command);
    lines.line(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#);
    lines.answer(&json!(1));
    lines.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    lines.line(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"work_write","arguments":{"path":"a/b.txt","text":"c"}}}"#);
    assert!(!lines.answer(&json!(2)).is_error());
    assert_eq!(mode(fixture.path("audit.jsonl")), 0o600);
    for directory in ["base/work/agents", "base/work/agents/bob", "base/work/agents/bob/a"] {
        assert_eq!(mode(fixture.path(directory)), 0o700, "{directory}");
    }
    assert_eq!(mode(fixture.path("base/work/agents/bob/a/b.txt")), 0o600);
}

#[test]
fn sigterm_ends_it_gracefully() {
    // On stdio, and over HTTP with nothing running, at once.
    let mut alice = Fixture::new().caller(Door::Stdio(Era::Session), Cast::ALICE);
    alice.lines().process.terminate();
    assert_eq!(alice.lines().process.ended().code(), Some(0));

    // A call that runs is let to its end.
    let fixture = Fixture::new();
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let (_, wire) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 700}}));
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    eventually("the call's beginning", || {
        (bob.call("journal", json!({})).structured()["slow"]["began"] == 1).then_some(())
    });
    server.process.terminate();
    let answer = wire.expect("a connection").receive().expect("the call's answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "slept");
    drop((alice, bob));
    assert_eq!(server.process.ended().code(), Some(0));
}
