//! Reading the operator's files again while serving (S26): by signal, by watching, with everything that can be in flight.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::harness::{Caller, Cast, Door, Era, Fixture, Request, Server, digest, eventually};

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
    for key in ["the-key-of-mine-4711", "the-key-of-mine-0815"] {
        let reply = alice.call("echo_text", json!({"text": format!("it is {key}")}));
        assert!(!reply.is_error() && !reply.everything().contains(key), "{reply:?}");
    }
    eventually("the ends", || (lifecycle(&fixture).matches("stopped").count() == 2).then_some(()));
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
    let mut begun: Vec<_> = (0..2).map(|_| crate::harness::Wire::connect(server.address)).collect();
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

/// Something that is told when its list of tools changes.
enum Told {
    Stdio(Box<Caller>),
    Http(crate::harness::Wire),
}

impl Told {
    /// Listens as its generation does.
    fn listening(caller: &mut Caller, server: &Server, era: Era, token: &str) -> Self {
        let mut wire = crate::harness::Wire::connect(server.address);
        let request = match era {
            Era::Session => Request::new("GET", "/mcp")
                .header("Accept", "text/event-stream")
                .header("MCP-Protocol-Version", "2025-11-25")
                .header("Mcp-Session-Id", caller.session().expect("a session"))
                .bearer(token),
            Era::Modern => {
                let message =
                    caller.message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
                caller.http_request(&message)
            }
        };
        wire.send(&request.bytes(server.address)).expect("the server reads");
        wire.stream();
        if era == Era::Modern {
            let first = wire.event(A_WHILE).expect("an acknowledgment");
            assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        }
        Self::Http(wire)
    }

    fn is_told(&mut self) -> bool {
        let told = match self {
            Self::Stdio(caller) => Some(caller.lines().next()),
            Self::Http(wire) => wire.event(A_WHILE),
        };
        told.is_some_and(|it| it["method"] == "notifications/tools/list_changed")
    }
}

#[test]
fn those_whose_tools_change_are_told_and_nobody_else() {
    let fixture = Fixture::reference()
        .manifest_of("reader", &files("read"))
        .manifest_of("writer", &files("write"))
        .tokens(&[Cast::ALICE, Cast::BOB]);
    for era in [Era::Session, Era::Modern] {
        reader(&fixture, &files("read"));
        let server = fixture.serve();
        let (mut alice, mut bob) = (server.caller(Cast::ALICE, era), server.caller(Cast::BOB, era));
        let mut hers = Told::listening(&mut alice, &server, era, &Cast::ALICE.token());
        let mut his = Told::listening(&mut bob, &server, era, &Cast::BOB.token());
        reader(&fixture, &files("write"));
        server.process.reload();
        assert!(hers.is_told(), "{era:?}");
        assert!(!his.is_told(), "{era:?}: nothing of his has changed");
        assert!(can_write(&mut alice), "{era:?}");
        // Who bears no token any more isn't told of anything.
        fixture.private("tokens.yaml", &format!("tokens:\n{}", token(Cast::BOB)));
        server.process.reload();
        reader(&fixture, &files("read"));
        server.process.reload();
        assert!(!hers.is_told(), "{era:?}");
        fixture.private("tokens.yaml", &format!("tokens:\n{}{}", token(Cast::ALICE), token(Cast::BOB)));
    }
    reader(&fixture, &files("read"));
    let mut caller = Fixture::reference()
        .arg("--manifest")
        .arg(fixture.path("reader.yaml"))
        .env("DOORMAN_DATA", fixture.path("data"))
        .launched_by(Cast::ALICE)
        .unnamed(Era::Session);
    assert!(!caller.names().is_empty());
    reader(&fixture, &files("write"));
    caller.lines().process.reload();
    assert!(Told::Stdio(Box::new(caller)).is_told());
}

#[test]
fn s10_who_is_not_known_subscribes_to_nothing() {
    let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
    let mut stranger = server.stranger(Era::Modern);
    let message = stranger.message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut wire = crate::harness::Wire::connect(server.address);
    wire.send(&stranger.http_request(&message).bytes(server.address)).expect("the server reads");
    wire.stream();
    // The acknowledgment is the SDK's; the stream ends with the refusal.
    let ending = std::iter::from_fn(|| wire.event(A_WHILE)).find(|it| it.get("error").is_some());
    assert!(
        ending.is_some_and(|it| it["error"]["message"].as_str().is_some_and(|text| text.contains("subscriptions")))
    );
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

/// A server that watches, on a folder of manifests.
struct Watched {
    server: Server,
    folder: String,
}

impl Watched {
    fn new(lay: impl FnOnce(&Path)) -> Self {
        let fixture = Fixture::reference().tokens(&[Cast::ALICE, Cast::BOB]);
        let folder = fixture.path("manifests");
        fs::create_dir(&folder).expect("a folder");
        lay(Path::new(&folder));
        let fixture = fixture.arg("--watch").arg("--manifest").arg(&folder);
        let server = fixture.serve();
        Self { server, folder }
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Whether she can write after what is done here has been noticed.
    fn after(&self, change: impl FnOnce()) -> bool {
        let before = self.server.process.written();
        change();
        self.server.process.reloads_after(before);
        can_write(&mut self.server.caller(Cast::ALICE, Era::Modern))
    }
}

#[test]
fn a_watched_file_is_read_again_however_it_is_replaced() {
    let text = |mode: &str| manifest("reader", &files(mode));
    let write = |path: &str, text: &str| fs::write(path, text).expect("writes");
    let watched = Watched::new(|folder| fs::write(folder.join("a.yaml"), text("read")).expect("writes"));
    let file = watched.file("a.yaml");
    assert!(watched.after(|| write(&file, &text("write"))), "written in place");
    let renamed = watched.file(".a.yaml.new");
    assert!(
        !watched.after(|| {
            write(&renamed, &text("read"));
            fs::rename(&renamed, &file).expect("renames");
        }),
        "renamed over"
    );
    let before = watched.server.process.written();
    fs::remove_file(&file).expect("removes");
    assert!(
        watched.server.process.reloads_after(before).contains("RELOAD REFUSED"),
        "an empty folder grants nothing new"
    );
    assert!(!can_write(&mut watched.server.caller(Cast::ALICE, Era::Modern)));
    assert!(watched.after(|| write(&file, &text("write"))), "made again");
    // Another type's, and then not any more: who is of it is nobody.
    let bob = || watched.server.caller(Cast::BOB, Era::Modern).names().len();
    watched.after(|| write(&watched.file("b.yaml"), &manifest("writer", &files("write"))));
    assert!(bob() > 5);
    watched.after(|| fs::remove_file(watched.file("b.yaml")).expect("removes"));
    assert_eq!(bob(), 0);
    // In pieces, each of which would be taken for the whole.
    let whole = format!("{}rate_limits: {{global: '1/hour'}}\n", text("read"));
    let (first, rest) = whole.split_at(text("read").len());
    let still = watched.after(|| {
        for end in [first.len() / 2, first.len()] {
            write(&file, &first[..end]);
            thread::sleep(Duration::from_millis(700));
        }
        write(&file, &format!("{first}{rest}"));
    });
    assert!(!still);
    let mut alice = watched.server.caller(Cast::ALICE, Era::Modern);
    assert!(alice.call("files_stat", json!({"path": ""})).is_error(), "the call before was the hour's");
}

#[test]
fn a_mounted_folder_is_read_again_when_its_symlink_is_swapped() {
    let text = |mode: &str| manifest("reader", &files(mode));
    // As Kubernetes lays out a ConfigMap: `a.yaml` → `..data/a.yaml`, `..data` → a folder with a time in its name.
    let lay = |folder: &Path, version: &str, mode: &str| {
        fs::create_dir(folder.join(version)).expect("a folder");
        fs::write(folder.join(version).join("a.yaml"), text(mode)).expect("writes");
        symlink(version, folder.join("..data_tmp")).expect("links");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renames");
    };
    let watched = Watched::new(|folder| {
        lay(folder, "..2026_01", "read");
        symlink("..data/a.yaml", folder.join("a.yaml")).expect("links");
    });
    let folder = Path::new(&watched.folder).to_owned();
    assert!(watched.after(|| lay(&folder, "..2026_02", "write")));
    assert!(!watched.after(|| lay(&folder, "..2026_03", "read")));
}

#[test]
fn a_log_in_the_watched_folder_does_not_feed_the_watch() {
    let text = manifest("reader", &files("read"));
    let fixture = Fixture::reference().tokens(&[Cast::ALICE]);
    let folder = fixture.path("manifests");
    fs::create_dir(&folder).expect("a folder");
    fs::write(format!("{folder}/a.yaml"), text).expect("writes");
    let fixture =
        fixture.arg("--watch").arg("--manifest").arg(&folder).arg("--ops-log").arg(format!("{folder}/ops.log"));
    let server = fixture.env("DOORMAN_LOG", "info").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(!alice.call("files_stat", json!({"path": ""})).is_error());
    server.process.reload();
    // Long enough for the watch to see a file that has changed and is still.
    thread::sleep(Duration::from_secs(5));
    assert!(fs::metadata(format!("{folder}/ops.log")).expect("the log").len() > 0);
    let told = server.process.stderr().matches(" reloaded ").count();
    assert_eq!(told, 1, "only what was asked for");
}
