//! Reading the operator's files again while serving (S26): by signal, by watching, with everything that can be in flight.

mod modules;
mod told;
mod watch;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::harness::{Caller, Cast, Door, Era, Fixture, Request, Wire, digest};

/// Longer than it takes to tell a client; too short for a test to wait for in vain often.
const A_WHILE: Duration = Duration::from_secs(5);

/// A manifest of files in this mode.
fn files(mode: &str) -> String {
    format!(
        "modules: {{files: {{type: filesystem, mode: {mode}, config: {{base_path: '${{DOORMAN_DATA}}/files'}}}}}}\n"
    )
}

/// The text of a manifest for a type.
fn manifest(kind: &str, text: &str) -> String {
    format!("agent_type: {kind}\n{text}")
}

fn reader(fixture: &Fixture, text: &str) {
    fixture.file("reader.yaml", &manifest("reader", text));
}

fn can_write(caller: &mut Caller) -> bool {
    let listed = caller.names().iter().any(|name| name == "files_write_file");
    let reply = caller.call("files_write_file", json!({"path": "x", "content": "x"}));
    let called = reply.message.get("error").is_none();
    assert_eq!(listed, called, "what is listed is what can be called: {reply:?}");
    called
}

#[test]
fn s26_a_revoked_grant_holds_from_the_next_call() {
    for door in Door::ALL {
        let fixture = Fixture::reference().manifest_of("reader", &files("write"));
        let (mut alice, process) = match door {
            Door::Http(era) => {
                let server = fixture.clone().tokens(&[Cast::ALICE]).serve();
                (server.caller(Cast::ALICE, era), Some(server.process))
            }
            Door::Stdio(era) => (fixture.clone().launched_by(Cast::ALICE).unnamed(era), None),
        };
        let reload = |alice: &mut Caller| match &process {
            Some(process) => process.reload(),
            None => alice.lines().process.reload(),
        };
        assert!(can_write(&mut alice), "{door:?}");
        reader(&fixture, &files("read"));
        assert!(reload(&mut alice).contains("reloaded"), "{door:?}");
        assert!(!can_write(&mut alice), "{door:?}");
        let read = alice.call("files_read_file", json!({"path": "x"}));
        assert_eq!(
            read.message["result"]["content"][0]["text"], "x",
            "{door:?}: what is granted still works, on the same connection"
        );
        reader(&fixture, &files("write"));
        reload(&mut alice);
        assert!(can_write(&mut alice), "{door:?}: a grant that is given again");
    }
}

#[test]
fn s26_an_invalid_file_keeps_the_old_policy_and_says_why() {
    let fixture = Fixture::reference()
        .manifest_of("reader", &files("read"))
        .manifest_of("writer", &files("write"))
        .tokens(&[Cast::ALICE, Cast::BOB]);
    let server = fixture.serve();
    let (mut alice, mut bob) = (server.caller(Cast::ALICE, Era::Session), server.caller(Cast::BOB, Era::Modern));
    let broken = [
        ("modules: {files: {type: filesystem, mode: write", "reader.yaml:"),
        ("modles: {}\n", "reader.yaml:2:1: unknown key"),
        ("modules: {files: {type: filesystem, config: {base_path: /s3cret}}}\n", "reader.yaml:2:"),
        ("scopes: [no:such]\n", "no capability of this server asks for this scope"),
        ("scopes: ['${NOT_SET_ANYWHERE}']\n", "NOT_SET_ANYWHERE"),
        ("modules: {files: {type: filesystem, mode: write, config: {base_path: /not/there}}}\n", "can't start"),
        ("", "reader.yaml"),
    ];
    for (text, why) in broken {
        reader(&fixture, text);
        // Bob's is sound, and would take something from him: nothing of it may hold.
        fixture.file("writer.yaml", &manifest("writer", &files("read")));
        let said = server.process.reload();
        assert!(said.contains("RELOAD REFUSED") && said.contains(why), "{text}: {said}");
        assert!(!said.contains("s3cret"), "no value is repeated: {said}");
        assert!(!can_write(&mut alice) && can_write(&mut bob), "{text}: as it was");
        assert!(!alice.call("files_stat", json!({"path": ""})).is_error(), "{text}");
        let status = |caller: &mut Caller| caller.call("doorman_status", json!({})).structured().clone();
        let (hers, his) = (status(&mut alice), status(&mut bob));
        assert!(hers["stale"] == true && his["stale"] == true, "{text}");
        if !why.contains("can't start") {
            assert!(hers["mistakes"][0].as_str().is_some_and(|it| it.starts_with("reader.yaml")), "{text}: {hers}");
        }
        assert_eq!(his["mistakes"], json!([]), "{text}: another's manifest is none of his business");
        let health = Request::new("GET", "/health").send(server.address);
        assert!(health.status == 200 && health.body.contains(r#""stale":true"#), "{}", health.body);
    }
    reader(&fixture, &files("write"));
    assert!(server.process.reload().contains("reloaded"));
    assert!(can_write(&mut alice) && !can_write(&mut bob));
    assert_eq!(alice.call("doorman_status", json!({})).structured()["stale"], false);
    assert!(!Request::new("GET", "/health").send(server.address).body.contains("stale"));
}

/// A line of a tokens file.
fn token(cast: Cast) -> String {
    format!("  - {{sha256: {}, agent_id: {}, agent_type: {}}}\n", digest(&cast.token()), cast.id, cast.kind)
}

#[test]
fn s26_tokens_are_revoked_and_given_without_a_restart() {
    let fixture = Fixture::reference().manifest_of("reader", &files("read")).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    assert!(!alice.names().is_empty());
    fixture.private("tokens.yaml", &format!("tokens:\n{}", token(Cast::CAROL)));
    assert!(server.process.reload().contains("reloaded"));
    let message = alice.message("tools/list", json!({}));
    assert_eq!(alice.exchange(&message).status, 401, "in the session that she had, too");
    assert!(!server.caller(Cast::CAROL, Era::Modern).names().is_empty());
    // What can't be read revokes nothing and grants nothing.
    fixture.private("tokens.yaml", "tokens: [{sha256: x}]\n");
    assert!(server.process.reload().contains("RELOAD REFUSED"));
    assert!(!server.caller(Cast::CAROL, Era::Modern).names().is_empty());
}

#[test]
fn s23_s26_counts_go_on_and_new_limits_hold_from_the_next_call() {
    let limited = |rule: &str| format!("{}rate_limits: {{global: '{rule}'}}\n", files("read"));
    let fixture = Fixture::reference().manifest_of("reader", &limited("3/hour")).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let mut stat = || !alice.call("files_stat", json!({"path": ""})).is_error();
    assert!(stat() && stat());
    reader(&fixture, &format!("description: another word\n{}", limited("3/hour")));
    server.process.reload();
    assert!(stat() && !stat(), "what was used up stays used up");
    reader(&fixture, &limited("1000/hour"));
    server.process.reload();
    assert!(stat());
    reader(&fixture, &limited("3/hour"));
    server.process.reload();
    assert!(!stat(), "changing to and fro gives nothing back");
}

#[test]
fn s26_where_counts_are_kept_stays() {
    let fixture = Fixture::reference().manifest_of("reader", &files("read")).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let store = fixture.path("counts");
    reader(&fixture, &format!("{}state_backend: {{type: file, path: '{store}'}}\n", files("write")));
    let said = server.process.reload();
    assert!(said.contains("RELOAD REFUSED") && said.contains("reader.yaml:3:1") && said.contains("restart"), "{said}");
    assert!(!Path::new(&store).exists() && !can_write(&mut server.caller(Cast::ALICE, Era::Modern)));
}

#[test]
fn s07_s26_what_counts_is_what_holds_when_a_request_is_whole() {
    let fixture = Fixture::reference().manifest_of("reader", &files("write")).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let arguments = json!({"name": "files_write_file", "arguments": {"path": "late", "content": "x"}});
    let message = alice.message("tools/call", arguments);
    let bytes = alice.http_request(&message).bytes(server.address);
    let (most, last) = bytes.split_at(bytes.len() - 1);
    let mut begun: Vec<_> = (0..2).map(|_| Wire::connect(server.address)).collect();
    for wire in &mut begun {
        wire.send(most).expect("the server reads");
    }
    thread::sleep(Duration::from_millis(200));
    reader(&fixture, &files("read"));
    server.process.reload();
    begun[0].send(last).expect("the server reads");
    assert_eq!(begun[0].receive().expect("an answer").code(), -32602, "the grant is gone");
    fixture.private("tokens.yaml", &format!("tokens:\n{}", token(Cast::CAROL)));
    assert!(server.process.reload().contains("reloaded"));
    begun[1].send(last).expect("the server reads");
    assert_eq!(begun[1].receive().expect("an answer").status, 401, "the token is gone");
    assert!(!Path::new(&fixture.path("data/files/agents/alice/late")).exists());
}

#[test]
fn s26_under_load_nothing_is_lost_between_two_policies() {
    let fixture = Fixture::reference().manifest_of("reader", &files("write")).tokens(&[Cast::ALICE]);
    let server = fixture.serve();
    let done = AtomicBool::new(false);
    let calls: usize = thread::scope(|scope| {
        let callers: Vec<_> = [Era::Session, Era::Modern, Era::Session, Era::Modern]
            .into_iter()
            .map(|era| {
                let (server, done) = (&server, &done);
                scope.spawn(move || {
                    let mut alice = server.caller(Cast::ALICE, era);
                    let mut calls = 0;
                    while !done.load(Ordering::Relaxed) {
                        let reply = alice.call("files_stat", json!({"path": ""}));
                        assert!(!reply.is_error(), "{reply:?}");
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        for round in 0..40 {
            reader(&fixture, &files(if round % 2 == 0 { "read" } else { "write" }));
            assert!(server.process.reload().contains("reloaded"));
        }
        done.store(true, Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().expect("a caller")).sum()
    });
    assert!(calls > 100);
    assert_eq!(fixture.calls("files_stat").len(), calls, "one record each (S22)");
}
