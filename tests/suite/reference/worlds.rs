//! Several manifests in one process: each agent in its own world.

use std::{fs, thread};

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture};

/// Two types of agents whose manifests use the same names for different things.
fn two_worlds() -> Fixture {
    let fixture = Fixture::reference();
    for folder in ["red", "blue"] {
        fs::create_dir(fixture.path(&format!("data/{folder}"))).expect("a folder");
    }
    let module = |folder: &str, mode: &str| {
        format!(
            "modules:\n  files: {{type: filesystem, mode: {mode}, config: {{base_path: \"${{DOORMAN_DATA}}/{folder}\"}}}}\n"
        )
    };
    fixture.manifest_of("reader", &module("red", "read")).manifest_of("writer", &module("blue", "write")).tokens(&[
        Cast::ALICE,
        Cast::CAROL,
        Cast::BOB,
        Cast::STRAY,
    ])
}

#[test]
fn s01_s03_a_token_opens_its_own_manifest_and_nothing_else() {
    let server = two_worlds().serve();
    for era in [Era::Session, Era::Modern] {
        let mut alice = server.caller(Cast::ALICE, era);
        let mut bob = server.caller(Cast::BOB, era);
        let mut stray = server.caller(Cast::STRAY, era);
        assert_eq!(
            alice.names(),
            ["doorman_status", "files_list_dir", "files_read_file", "files_search_files", "files_stat"]
        );
        assert_eq!(bob.names().len(), 8);
        assert_eq!(stray.names(), [""; 0], "no manifest, nothing");
        // Not granted is not there: the same bytes as for what never was.
        let hidden = alice.call("files_write_file", json!({"path": "x", "content": "x"}));
        let unknown = alice.call("files_writ_file", json!({"path": "x", "content": "x"}));
        assert_eq!(hidden.code(), -32602);
        assert_eq!(
            hidden.everything().replace("files_write_file", "files_writ_file").len(),
            unknown.everything().len()
        );
        assert_eq!(stray.call("files_read_file", json!({"path": "x"})).code(), -32602);
        assert_eq!(stray.call("doorman_status", json!({})).code(), -32602);
    }
}

#[test]
fn s05_one_name_in_two_manifests_is_two_instances() {
    let fixture = two_worlds();
    let server = fixture.serve();
    let path = |name: &str| fixture.path(&format!("data/{name}"));
    fs::create_dir_all(path("red/agents/alice")).expect("a folder");
    fs::write(path("red/agents/alice/note.txt"), "red").expect("writes");
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(!bob.call("files_write_file", json!({"path": "note.txt", "content": "blue"})).is_error());
    assert_eq!(fs::read_to_string(path("blue/agents/bob/note.txt")).expect("there"), "blue");
    assert!(!fs::exists(path("red/agents/bob")).expect("looks"));
    assert_eq!(alice.call("files_read_file", json!({"path": "note.txt"})).text(), "red");
    assert_eq!(bob.call("files_read_file", json!({"path": "note.txt"})).text(), "blue");
}

#[test]
fn s05_two_instances_of_one_type_in_different_modes() {
    for door in Door::ALL {
        let fixture = Fixture::reference();
        for folder in ["docs", "work"] {
            fs::create_dir(fixture.path(&format!("data/{folder}"))).expect("a folder");
        }
        let fixture = fixture
            .manifest_of(
                "reader",
                "modules:\n  docs: {type: filesystem, mode: read, config: {base_path: \"${DOORMAN_DATA}/docs\"}}\n  work: \
                 {type: filesystem, mode: write, config: {base_path: \"${DOORMAN_DATA}/work\"}}\n",
            )
            .tokens(&[Cast::ALICE]);
        let mut alice = fixture.caller(door, Cast::ALICE);
        let names = alice.names();
        for (tool, there) in
            [("docs_read_file", true), ("work_read_file", true), ("work_write_file", true), ("docs_write_file", false)]
        {
            assert_eq!(names.iter().any(|name| name == tool), there, "{door:?} {tool}");
        }
        assert_eq!(alice.call("docs_write_file", json!({"path": "x", "content": "x"})).code(), -32602);
        assert_eq!(alice.call("docs_delete_file", json!({"path": "x"})).code(), -32602);
        assert!(!alice.call("work_write_file", json!({"path": "x", "content": "x"})).is_error());
        assert!(alice.call("docs_read_file", json!({"path": "x"})).is_error(), "what is written is elsewhere");
        assert_eq!(fs::read_dir(fixture.path("data/docs/agents")).expect("made at start").count(), 0);
        assert_eq!(fixture.calls("docs_write_file")[0]["reason"], "unknown_capability");
    }
}

#[test]
fn s13_agents_stay_apart_under_load() {
    let fixture = Fixture::reference()
        .manifest_of(
            "writer",
            "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n",
        )
        .manifest_of(
            "reader",
            "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n",
        )
        .tokens(&[Cast::ALICE, Cast::BOB]);
    let server = fixture.serve();
    thread::scope(|scope| {
        for lane in 0..4 {
            for cast in [Cast::ALICE, Cast::BOB] {
                let server = server.clone();
                scope.spawn(move || {
                    let era = if lane % 2 == 0 { Era::Modern } else { Era::Session };
                    let mut caller = server.caller(cast, era);
                    for round in 0..50 {
                        let path = format!("lane{lane}/f{}.txt", round % 5);
                        let content = format!("{} {lane} {round}", cast.id);
                        let wrote = caller.call("filesystem_write_file", json!({"path": path, "content": content}));
                        assert!(!wrote.is_error(), "{wrote:?}");
                        assert_eq!(caller.call("filesystem_read_file", json!({"path": path})).text(), content);
                        let other = if cast.id == "bob" { "alice" } else { "bob" };
                        let stolen = format!("../{other}/lane{lane}/f0.txt");
                        let refused = caller.call("filesystem_read_file", json!({"path": stolen}));
                        assert_eq!(refused.verdict(), "denied");
                    }
                });
            }
        }
    });
    for cast in ["alice", "bob"] {
        for lane in 0..4 {
            for file in 0..5 {
                let path = fixture.path(&format!("data/files/agents/{cast}/lane{lane}/f{file}.txt"));
                assert!(fs::read_to_string(path).expect("there").starts_with(cast));
            }
        }
    }
}

#[test]
fn s23_the_tools_under_one_glob_share_a_count_and_agents_do_not() {
    let fixture = Fixture::reference()
        .manifest_of(
            "reader",
            "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\nrate_limits:\n  per_tool:\n    \
             filesystem_*_file: 2/hour\n    filesystem_stat: 100/hour\n",
        )
        .tokens(&[Cast::ALICE, Cast::CAROL]);
    let server = fixture.serve();
    for cast in [Cast::ALICE, Cast::CAROL] {
        let mut caller = server.caller(cast, Era::Modern);
        let write = json!({"path": "a", "content": "x"});
        assert!(!caller.call("filesystem_write_file", write.clone()).is_error());
        assert!(!caller.call("filesystem_read_file", json!({"path": "a"})).is_error());
        let refused = caller.call("filesystem_delete_file", json!({"path": "a"}));
        assert_eq!(refused.verdict(), "rate_limited");
        assert_eq!(refused.message["result"]["_meta"]["doorman/rule"], "2/h per_caller");
        assert!(!caller.call("filesystem_stat", json!({"path": "a"})).is_error());
    }
}

#[test]
fn s23_a_manifests_global_rule_counts_every_attempt_of_an_agent() {
    let fixture = Fixture::reference()
        .manifest_of(
            "reader",
            "modules:\n  filesystem: {mode: read, config: {base_path: \"${DOORMAN_DATA}/files\"}}\nrate_limits: {global: 3/hour}\n",
        )
        .tokens(&[Cast::ALICE, Cast::CAROL]);
    let server = fixture.serve();
    for cast in [Cast::ALICE, Cast::CAROL] {
        let mut caller = server.caller(cast, Era::Modern);
        assert_eq!(caller.call("no_such_tool", json!({})).code(), -32602);
        assert!(caller.call("filesystem_stat", json!({"nope": 1})).is_error());
        assert!(!caller.call("filesystem_stat", json!({"path": ""})).is_error());
        assert_eq!(caller.call("filesystem_stat", json!({"path": ""})).verdict(), "rate_limited");
        assert_eq!(caller.call("no_such_tool", json!({})).verdict(), "rate_limited");
    }
}
