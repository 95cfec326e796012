//! Starting, failing to start, stopping.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::harness::{Cast, Era, Fixture, Request};

const FILES: &str = "modules:\n  filesystem: {mode: read, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n";
const LATE: &str = "modules:\n  files: {type: filesystem, mode: read, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n  \
                    late: {type: filesystem, mode: write, optional: true, config: {base_path: \"${DOORMAN_DATA}/s3cret-late\"}}\n";

#[test]
fn s24_an_optional_module_that_cannot_start_is_reported_and_is_not_there() {
    let fixture = Fixture::reference().manifest_of("reader", LATE).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    assert!(alice.names().iter().all(|name| !name.starts_with("late_")));
    assert_eq!(alice.call("late_stat", json!({"path": ""})).code(), -32602);
    let status = alice.call("doorman_status", json!({}));
    let expected = json!({
        "healthy": true,
        "failed_count": 1,
        "total_count": 2,
        "modules": {
            "files": {"status": "running", "optional": false},
            "late": {"status": "failed", "optional": true},
        },
        "stale": false,
        "mistakes": [],
    });
    assert_eq!(*status.structured(), expected);
    let health = Request::new("GET", "/health").send(server.address);
    assert_eq!(
        (health.status, health.body.as_str()),
        (200, r#"{"status":"ok","modules":{"total_count":2,"failed_count":1}}"#)
    );
    assert!(!status.everything().contains("s3cret"), "the reason is the operator's");
    assert!(server.process.stderr().contains("the module `reader/late` can't start"));
}

#[test]
fn s24_a_module_comes_back_without_a_restart() {
    let fixture = Fixture::reference().manifest_of("reader", LATE).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(alice.call("late_stat", json!({"path": ""})).is_error());
    fs::create_dir(fixture.path("data/s3cret-late")).expect("a folder");
    // The first new attempt is after five seconds.
    crate::harness::eventually("the module", || {
        alice.names().iter().any(|name| name == "late_write_file").then_some(())
    });
    assert!(!alice.call("late_write_file", json!({"path": "x", "content": "x"})).is_error());
}

#[test]
fn a_required_module_that_cannot_start_stops_the_server() {
    let fixture = Fixture::reference().manifest_of("reader", &LATE.replace("optional: true", "optional: false"));
    let (code, said) = fixture.launched_by(Cast::ALICE).refuses();
    assert_eq!(code, 1);
    assert!(said.contains("the module `reader/late` can't start"), "{said}");
}

#[test]
fn the_end_of_input_and_sigterm_end_it_well() {
    let fixture = Fixture::reference().manifest_of("reader", FILES).launched_by(Cast::ALICE);
    let mut lines = fixture.lines();
    lines.close();
    assert_eq!(lines.process.ended().code(), Some(0));

    let mut caller = fixture.unnamed(Era::Session);
    assert!(!caller.call("doorman_status", json!({})).is_error());
    caller.lines().process.terminate();
    assert_eq!(caller.lines().process.ended().code(), Some(0));

    let server = fixture.tokens(&[Cast::ALICE]).serve();
    server.process.terminate();
    assert_eq!(server.process.ended().code(), Some(0));
}

#[test]
fn s03_the_launched_agent_must_be_of_the_manifests_type() {
    let fixture = Fixture::reference().manifest_of("reader", FILES).launched_by(Cast::BOB);
    let (code, said) = fixture.refuses();
    assert!(code == 1 && said.contains("AGENT_TYPE is not the manifest's agent_type"), "{said}");
}

#[test]
fn s06_without_a_launched_agent_nothing_is_there() {
    let fixture = Fixture::reference().manifest_of("reader", FILES);
    let mut nobody = fixture.unnamed(Era::Session);
    assert_eq!(nobody.names(), [""; 0]);
    assert_eq!(nobody.call("filesystem_list_dir", json!({})).code(), -32602);
    assert_eq!(nobody.call("doorman_status", json!({})).code(), -32602);
}

#[test]
fn s28_logs_are_private_and_stdout_is_the_protocols() {
    let fixture = Fixture::reference().manifest_of("reader", FILES);
    let ops = fixture.path("ops.jsonl");
    let fixture =
        fixture.arg("--ops-log").arg(&ops).env("MY_SECRET", "hunter2-hunter2-hunter2").env("DOORMAN_LOG", "info");
    let mut caller = fixture.launched_by(Cast::ALICE).unnamed(Era::Modern);
    assert!(!caller.call("doorman_status", json!({})).is_error());
    caller.lines().process.terminate();
    caller.lines().process.ended();
    let log = fs::read_to_string(&ops).expect("the log");
    assert!(log.lines().count() > 0, "something was logged");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    assert_eq!(fs::metadata(&ops).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(caller.lines().rest(), [""; 0]);
}

#[test]
fn s18_credentials_of_the_environment_do_not_leave() {
    let secret = "correct-horse-battery";
    let fixture = Fixture::reference()
        .manifest_of("reader", &format!("{FILES}description: 'uses ${{UPSTREAM_HEADER}}'\n"))
        .env("DEPLOY_TOKEN", secret)
        .env("PASSWORD", "hunter2-is-the-password")
        .env("UPSTREAM_HEADER", "dk-Q7wLmZ2pXv9RtYc")
        .env("PLAIN_SETTING", "an-ordinary-setting");
    let folder = fixture.path("data/files/agents/alice");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(
        format!("{folder}/leak.txt"),
        format!("{secret} dk-Q7wLmZ2pXv9RtYc hunter2-is-the-password an-ordinary-setting"),
    )
    .expect("writes");
    let mut alice = fixture.launched_by(Cast::ALICE).unnamed(Era::Modern);
    let text = alice.call("filesystem_read_file", json!({"path": "leak.txt"})).everything();
    assert!(!text.contains(secret) && !text.contains("hunter2") && !text.contains("dk-Q7wLmZ2pXv9RtYc"), "{text}");
    assert!(text.contains("an-ordinary-setting"), "{text}");
}

#[test]
fn http_is_served_where_the_command_line_says() {
    let fixture = Fixture::reference().manifest_of("reader", FILES).tokens(&[Cast::ALICE]);
    let (code, _, said) = fixture.says_with_args(&["--transport", "http", "--host", "0.0.0.0", "--port", "0"]);
    assert!(code == 1 && said.contains("refusing to serve"), "{said}");
    let server = fixture.arg("--path").arg("/agents/mcp").serve();
    assert!(server.process.stderr().contains("/agents/mcp"));
    let request = Request::post("{}").bearer(&Cast::ALICE.token());
    assert_eq!(request.clone().send(server.address).status, 404);
    assert_eq!(request.target("/agents/mcp").send(server.address).status, 400);
}
