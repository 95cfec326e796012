//! Nothing outside of an agent's own resources is read, written, created or probed.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture};

/// Addresses that are nobody's, whatever exists.
fn hostile(base: &str) -> Vec<String> {
    let mut paths: Vec<String> = [
        "..",
        "../bob",
        "../root/secret.txt",
        "a/../../root/secret.txt",
        "a/..",
        "./..",
        "..\\root\\secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "\\etc\\passwd",
        "C:\\windows",
        "c:/windows",
        "\\\\server\\share",
        "a\u{0}b",
        "secret.txt\u{0}.md",
        "~/../x/../../..",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(format!("{base}/work/agents/root/secret.txt"));
    paths.push("x/".repeat(65));
    paths.push("x".repeat(5_000));
    paths.push(format!("a/{}", "y".repeat(256)));
    paths
}

#[test]
fn s13_no_address_leads_out() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let base = fixture.path("base");
        for agent in ["root", "bob"] {
            fs::create_dir_all(format!("{base}/work/agents/{agent}")).expect("a directory");
        }
        fs::write(format!("{base}/work/agents/root/secret.txt"), "of root").expect("writes");
        let mut bob = fixture.caller(door, Cast::BOB);
        for path in hostile(&base) {
            for (tool, arguments) in [
                ("work_read", json!({ "path": path })),
                ("work_list", json!({ "path": path })),
                ("work_write", json!({ "path": path, "text": "x" })),
                ("work_remove", json!({ "path": path })),
                ("work_move", json!({ "path": path, "to": "b" })),
                ("work_move", json!({ "path": "a", "to": path })),
            ] {
                let reply = bob.call(tool, arguments);
                assert_eq!(reply.verdict(), "denied", "{door:?} {tool} {path:?}: {reply:?}");
                assert!(!reply.everything().contains("of root"));
                // S21: what the caller sent is told, escaped, and nothing of this machine.
                assert!(reply.text().len() < 600, "{}", reply.text());
                assert!(path.starts_with(&base) || !reply.text().contains("agents"), "{}", reply.text());
            }
        }
        assert_eq!(fs::read_dir(format!("{base}/work/agents/bob")).expect("reads").count(), 0, "nothing was made");
        assert_eq!(fs::read_to_string(format!("{base}/work/agents/root/secret.txt")).expect("reads"), "of root");
        let records = fixture.audit("call");
        assert!(records.iter().all(|record| record["reason"] == "scope_violation"), "{records:?}");
    }
}

#[test]
fn s13_what_exists_elsewhere_makes_no_difference() {
    let fixture = Fixture::new();
    let base = fixture.path("base");
    fs::create_dir_all(format!("{base}/work/agents/root")).expect("a directory");
    fs::write(format!("{base}/work/agents/root/there"), "x").expect("writes");
    let mut bob = fixture.caller(Door::Http(Era::Modern), Cast::BOB);
    let told = |name: &str, caller: &mut crate::harness::Caller| {
        let path = format!("../root/{name}");
        caller.call("work_read", json!({ "path": path })).message["result"].to_string().replace(&path, "PATH")
    };
    assert_eq!(told("there", &mut bob), told("gone!", &mut bob));
}

#[test]
fn s13_agents_and_instances_are_apart() {
    for door in [Door::Http(Era::Session), Door::Http(Era::Modern)] {
        let fixture = Fixture::new();
        let server = fixture.serve();
        let Door::Http(era) = door else { continue };
        let (mut bob, mut root) = (server.caller(Cast::BOB, era), server.caller(Cast::ROOT, era));
        assert!(!bob.call("work_write", json!({"path": "a/b", "text": "of bob"})).is_error());
        assert!(!root.call("work_write", json!({"path": "a/b", "text": "of root"})).is_error());
        assert_eq!(bob.call("work_read", json!({"path": "a/b"})).text(), "of bob");
        assert_eq!(root.call("work_read", json!({"path": "./a//b"})).text(), "of root");
        assert!(root.call("docs_read", json!({"path": "a/b"})).is_error(), "another instance, another place");
        assert_eq!(bob.call("work_list", json!({"path": ""})).structured()["result"], json!(["a"]));
    }
}

#[test]
fn s13_links_pipes_and_devices_are_no_way_out() {
    let fixture = Fixture::new();
    let base = fixture.path("base");
    let home = format!("{base}/work/agents/bob");
    fs::create_dir_all(&home).expect("a directory");
    let outside = fixture.file("outside", "of nobody's");
    symlink(&outside, format!("{home}/link")).expect("links");
    symlink("/", format!("{home}/slash")).expect("links");
    symlink("../..", format!("{home}/up")).expect("links");
    symlink("inside", format!("{home}/within")).expect("links");
    fs::write(format!("{home}/inside"), "of bob").expect("writes");
    fs::hard_link(&outside, format!("{home}/hard")).expect("links");
    let made = std::process::Command::new("mkfifo").arg(format!("{home}/pipe")).status();
    assert!(made.is_ok_and(|status| status.success()));
    let mut bob = fixture.caller(Door::Http(Era::Modern), Cast::BOB);
    for path in ["link", "slash/etc/passwd", "up/work/agents/bob/inside", "hard", "pipe", "within/x"] {
        let reply = bob.call("work_read", json!({ "path": path }));
        assert!(reply.is_error() && !reply.everything().contains("of nobody's"), "{path}: {reply:?}");
    }
    assert_eq!(bob.call("work_read", json!({"path": "within"})).text(), "of bob");
    for path in ["link", "slash/tmp/doorman-was-here", "hard", "pipe", "within"] {
        let reply = bob.call("work_write", json!({ "path": path, "text": "overwritten" }));
        assert!(reply.is_error(), "{path}: {reply:?}");
    }
    assert_eq!(fs::read_to_string(&outside).expect("reads"), "of nobody's");
    assert_eq!(fs::read_to_string(format!("{home}/inside")).expect("reads"), "of bob");
    assert!(!std::path::Path::new("/tmp/doorman-was-here").exists());
}
