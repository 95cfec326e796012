//! Module instances over a reload: which go on, which begin, and when the others end.

use std::{fs, thread, time::Duration};

use serde_json::json;

use super::reader;
use crate::harness::{Cast, Era, Fixture, eventually};

#[test]
fn s26_a_reload_that_is_refused_leaves_no_new_module_running() {
    let fixture = with_notes("{label: first}", "");
    let server = fixture.serve();
    reader(
        &fixture,
        &notes("{label: second}", ", broken: {type: notes, mode: read, config: {base: /x, label: b, broken: true}}"),
    );
    assert!(server.process.reload().contains("RELOAD REFUSED"));
    let life = eventually("the new instance's end", || {
        let life = lifecycle(&fixture);
        life.contains("stopped second").then_some(life)
    });
    assert!(!life.contains("stopped first"), "{life}");
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(alice.names().contains(&"mine_list".to_owned()));
}

/// A manifest with an instance of the fixture's module, and perhaps more modules.
fn notes(config: &str, more: &str) -> String {
    let config = config.replace('{', "{base: '${FIXTURE_BASE}/docs', ");
    format!(
        "scopes: [misc:use, invoices:read]\nmodules: {{mine: {{type: notes, mode: read, config: {config}}}{more}}}\ncredentials: {{source: file, path: '${{KEYS}}'}}\n"
    )
}

fn with_notes(config: &str, more: &str) -> Fixture {
    let fixture = Fixture::bare();
    let keys = fixture.private("keys.yaml", "key: the-key-of-mine-4711\n");
    let life = fixture.path("life");
    let fixture = fixture.env("KEYS", keys).env("FIXTURE_LIFECYCLE", life).env("DOORMAN_LOG", "info");
    fixture.manifest_of("reader", &notes(config, more)).tokens(&[Cast::ALICE])
}

fn lifecycle(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.path("life")).unwrap_or_default()
}

#[test]
fn s26_calls_that_run_end_as_they_began_and_their_module_waits_for_them() {
    let fixture = with_notes("{label: first}", "");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let (_, wire) = alice.begin("tools/call", json!({"name": "mine_wait", "arguments": {"ms": 2500}}));
    thread::sleep(Duration::from_millis(300));
    // Nothing of it is granted any more.
    reader(&fixture, "scopes: [misc:use]\n");
    assert!(server.process.reload().contains("reloaded"));
    assert_eq!(alice.call("mine_wait", json!({"ms": 1})).code(), -32602);
    let answer = wire.expect("a connection").receive().expect("an answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "waited", "{answer}");
    let life = eventually("the module's end", || {
        let life = lifecycle(&fixture);
        life.contains("stopped first").then_some(life)
    });
    let order: Vec<&str> = life.lines().filter(|line| line.contains("first")).collect();
    assert_eq!(order, ["started first", "waited first", "stopped first"]);
    let verdicts: Vec<_> = fixture.calls("mine_wait").iter().map(|record| record["verdict"].clone()).collect();
    assert_eq!(verdicts, ["denied", "ok"], "one record each (S22)");
}

#[test]
fn an_instance_that_a_call_still_uses_is_stopped_with_the_server() {
    let fixture = with_notes("{label: first}", "");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let (_, _wire) = alice.begin("tools/call", json!({"name": "mine_wait", "arguments": {"ms": 60_000}}));
    thread::sleep(Duration::from_millis(300));
    reader(&fixture, "scopes: [misc:use]\n");
    server.process.reload();
    assert!(!lifecycle(&fixture).contains("stopped first"));
    server.process.terminate();
    assert_eq!(server.process.ended().code(), Some(0));
    assert!(lifecycle(&fixture).contains("stopped first"));
}

#[test]
fn an_instance_whose_configuration_is_the_same_goes_on() {
    let fixture = with_notes("{label: first}", "");
    let server = fixture.serve();
    let started = |label: &str| lifecycle(&fixture).matches(&format!("started {label}")).count();
    reader(
        &fixture,
        &notes(
            "{label: first}",
            ", other: {type: notes, mode: write, config: {base: '${FIXTURE_BASE}/work', label: other}}",
        ),
    );
    server.process.reload();
    assert_eq!((started("first"), started("other")), (1, 1));
    // Another credential makes another instance, and neither leaves any more.
    fixture.private("keys.yaml", "key: the-key-of-mine-0815\n");
    server.process.reload();
    assert_eq!((started("first"), started("other")), (2, 2));
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let log = server.process.stderr();
    assert_eq!(log.matches("has its key").count(), 2 + 4, "what the fixture mounts itself, and each start here: {log}");
    for key in ["the-key-of-mine-4711", "the-key-of-mine-0815"] {
        assert!(!log.contains(key), "a module that starts may log (S18): {log}");
        let reply = alice.call("echo_text", json!({"text": format!("it is {key}")}));
        assert!(!reply.is_error() && !reply.everything().contains(key), "{reply:?}");
    }
    eventually("the ends", || (lifecycle(&fixture).matches("stopped").count() == 2).then_some(()));
}

#[test]
fn an_instance_waits_for_calls_of_every_generation_that_it_went_through() {
    let fixture = with_notes("{label: first}", "");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let (_, wire) = alice.begin("tools/call", json!({"name": "mine_wait", "arguments": {"ms": 2500}}));
    thread::sleep(Duration::from_millis(300));
    server.process.reload();
    reader(&fixture, &notes("{label: second}", ""));
    server.process.reload();
    drop(wire.expect("a connection").receive());
    let life = eventually("the module's end", || {
        let life = lifecycle(&fixture);
        life.contains("stopped first").then_some(life)
    });
    let order: Vec<&str> = life.lines().filter(|line| line.contains("first")).collect();
    assert_eq!(order, ["started first", "waited first", "stopped first"]);
}
