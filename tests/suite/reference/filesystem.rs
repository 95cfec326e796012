//! An agent's files, through the wire: the predecessor's cases, and what its users were attacked with.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use rustix::fs::{CWD, FileType, Mode, RenameFlags};
use serde_json::{Value, json};

use super::{Case, cases};
use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply};

const WRITER: &str = "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n";

/// A server for `agent-a`, with another agent's files beside and something outside.
pub(super) fn neighbours() -> (Fixture, Cast, String) {
    let fixture = Fixture::reference().manifest_of("writer", WRITER);
    let base = fixture.path("data/files");
    for (path, text) in [
        ("agents/agent-a/own.txt", "a-own"),
        ("agents/agent-a/sub/in.txt", "a-in"),
        ("agents/agent-b/notes.txt", "b-private"),
        ("outside/secret.txt", "nobody's"),
    ] {
        let path = Path::new(&base).join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("writes");
    }
    let agent = Cast { id: "agent-a", kind: "writer" };
    (fixture.tokens(&[agent]), agent, base)
}

/// Everything beneath a folder: paths, kinds, contents.
fn everything(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let kind = entry.file_type().expect("a kind");
            let text = match kind {
                kind if kind.is_symlink() => format!("-> {:?}", fs::read_link(entry.path())),
                kind if kind.is_dir() => {
                    waiting.push(entry.path());
                    "folder".to_owned()
                }
                kind if kind.is_file() => fs::read_to_string(entry.path()).unwrap_or_default(),
                _ => "special".to_owned(),
            };
            found.push((entry.path().display().to_string(), text));
        }
    }
    found.sort();
    found
}

/// What isn't the agent's: all that is beneath the base but not in its folder.
pub(super) fn others(base: &str) -> Vec<(String, String)> {
    let own = format!("{base}/agents/agent-a/");
    everything(Path::new(base)).into_iter().filter(|(path, _)| !path.starts_with(&own)).collect()
}

fn call(caller: &mut Caller, tool: &str, path: &str) -> Reply {
    let mut arguments = json!({ "path": path });
    if tool == "write_file" {
        arguments["content"] = "planted".into();
    }
    caller.call(&format!("filesystem_{tool}"), arguments)
}

#[test]
fn s13_every_case_of_the_path_table() {
    for door in Door::ALL {
        let (fixture, agent, base) = neighbours();
        let before = others(&base);
        let mut caller = fixture.caller(door, agent);
        for Case { input, expect } in cases("filesystem_paths") {
            let path = input["path"].as_str().expect("a path").replace("{BASE}", &base);
            let reply = call(&mut caller, input["tool"].as_str().expect("a tool"), &path);
            assert_eq!(!reply.is_error(), expect == "allow", "{door:?} {input}: {reply:?}");
            assert_eq!(others(&base), before, "{door:?} {input}");
            let said = reply.everything();
            assert!(!said.contains("b-private") && !said.contains("nobody's"), "{said}");
        }
    }
}

#[test]
fn s13_every_case_of_the_symlink_table() {
    for Case { input, expect } in cases("filesystem_symlinks") {
        let (fixture, agent, base) = neighbours();
        let target = input["setup"]["target"].as_str().expect("a target").replace("{BASE}", &base);
        let link = input["setup"]["link"].as_str().expect("a link");
        symlink(target, format!("{base}/agents/agent-a/{link}")).expect("a link");
        let before = others(&base);
        let mut caller = fixture.caller(Door::Stdio(Era::Modern), agent);
        let reply = call(&mut caller, input["tool"].as_str().expect("a tool"), input["path"].as_str().expect("a path"));
        assert_eq!(!reply.is_error(), expect == "allow", "{input}: {reply:?}");
        assert_eq!(others(&base), before, "{input}");
    }
}

#[test]
fn s13_the_predecessors_hole_is_not_here() {
    let (fixture, agent, base) = neighbours();
    let before = others(&base);
    let mut caller = fixture.caller(Door::Http(Era::Modern), agent);
    for path in ["nope/../../victim/x", "nope/../../agent-b/notes.txt", "nope/../../../outside/x", "nope/../nope/../x"]
    {
        for tool in ["read_file", "write_file", "delete_file", "stat", "list_dir", "search_files"] {
            let mut arguments = json!({ "path": path });
            match tool {
                "write_file" => arguments["content"] = "planted".into(),
                "search_files" => arguments["pattern"] = "*".into(),
                _ => {}
            }
            let reply = caller.call(&format!("filesystem_{tool}"), arguments);
            assert_eq!(reply.verdict(), "denied", "{tool} {path}: {reply:?}");
        }
        for (source, destination) in [(path, "x"), ("own.txt", path)] {
            let reply = caller.call("filesystem_move_file", json!({"source": source, "destination": destination}));
            assert_eq!(reply.verdict(), "denied", "{source} {destination}: {reply:?}");
        }
    }
    assert_eq!(others(&base), before);
    assert!(!fs::exists(format!("{base}/agents/agent-a/nope")).expect("looks"), "nothing was made on the way");
}

#[test]
fn s13_s21_links_and_special_files() {
    let (fixture, agent, base) = neighbours();
    let own = |name: &str| format!("{base}/agents/agent-a/{name}");
    symlink(format!("{base}/agents/agent-b"), own("neighbour")).expect("a link");
    symlink("../agent-b/notes.txt", own("notes")).expect("a link");
    symlink("/proc/self/environ", own("environ")).expect("a link");
    symlink("/proc/self/root", own("root")).expect("a link");
    symlink("/dev/zero", own("zero")).expect("a link");
    symlink("loop", own("loop")).expect("a link");
    fs::hard_link(format!("{base}/agents/agent-b/notes.txt"), own("hard")).expect("a link");
    rustix::fs::mknodat(CWD, own("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    let before = others(&base);
    let began = Instant::now();
    let mut caller = fixture.caller(Door::Stdio(Era::Session), agent);
    for path in ["neighbour/notes.txt", "notes", "environ", "root/etc/passwd", "zero", "loop", "hard", "pipe"] {
        for tool in ["read_file", "write_file"] {
            let reply = call(&mut caller, tool, path);
            assert!(reply.is_error(), "{tool} {path}: {reply:?}");
            let said = reply.everything();
            assert!(!said.contains("b-private") && !said.contains("root:"), "{tool} {path}: {said}");
            assert!(!said.contains(&base) && !said.contains("/proc"), "{tool} {path}: {said}");
        }
    }
    let found = caller.call("filesystem_search_files", json!({"text": "private"}));
    assert_eq!(found.structured()["matches"], json!([]), "links aren't followed");
    assert_eq!(others(&base), before);
    assert!(began.elapsed().as_secs() < 20, "nothing waits for a pipe");
}

#[test]
fn s13_a_folder_that_becomes_a_link_while_it_is_used() {
    let (fixture, agent, base) = neighbours();
    let before = others(&base);
    let (folder, link) = (format!("{base}/agents/agent-a/swap"), format!("{base}/agents/agent-a/link"));
    fs::create_dir(&folder).expect("a folder");
    symlink(format!("{base}/agents/agent-b"), &link).expect("a link");
    fs::write(format!("{folder}/notes.txt"), "a-own").expect("writes");
    let server = fixture.serve();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // In one step, so that one of the two always has the name.
                rustix::fs::renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).expect("swaps");
                thread::yield_now();
            }
        });
        let lanes: Vec<_> = (0..3)
            .map(|lane| {
                let server = server.clone();
                scope.spawn(move || {
                    let mut caller = server.caller(agent, Era::Modern);
                    let mut reads = 0;
                    for round in 0..500 {
                        let reply = match (lane + round) % 3 {
                            0 => call(&mut caller, "write_file", "swap/planted.txt"),
                            1 => call(&mut caller, "delete_file", "swap/planted.txt"),
                            _ => call(&mut caller, "read_file", "swap/notes.txt"),
                        };
                        assert!(!reply.everything().contains("b-private"), "{reply:?}");
                        reads += usize::from(reply.text() == "a-own");
                    }
                    reads
                })
            })
            .collect();
        let reads: usize = lanes.into_iter().map(|lane| lane.join().expect("a lane")).sum();
        done.store(true, Ordering::Relaxed);
        assert!(reads > 0, "some reads met the folder");
    });
    assert_eq!(others(&base), before, "nothing outside was read, written or removed");
}

#[test]
fn s28_what_is_written_is_private_and_atomic() {
    let (fixture, agent, base) = neighbours();
    let mut caller = fixture.caller(Door::Stdio(Era::Modern), agent);
    assert!(!call(&mut caller, "write_file", "new/deep/file.txt").is_error());
    for (path, mode) in [("new", 0o700), ("new/deep", 0o700), ("new/deep/file.txt", 0o600)] {
        let status = fs::metadata(format!("{base}/agents/agent-a/{path}")).expect("there");
        assert_eq!(status.permissions().mode() & 0o777, mode, "{path}");
    }
    let names: Vec<_> = fs::read_dir(format!("{base}/agents/agent-a/new/deep")).expect("reads").flatten().collect();
    assert_eq!(names.len(), 1, "nothing is left of the way there");
}

#[test]
fn every_tool_does_its_work() {
    let (fixture, agent, base) = neighbours();
    let mut caller = fixture.caller(Door::Http(Era::Session), agent);
    let mut structured =
        |tool: &str, arguments: Value| caller.call(&format!("filesystem_{tool}"), arguments).structured().clone();
    let bytes = json!({"path": "b.bin", "content": "AP/+AQ==", "encoding": "base64"});
    assert_eq!(structured("write_file", bytes)["size"], 4);
    assert_eq!(fs::read(format!("{base}/agents/agent-a/b.bin")).expect("there"), [0, 255, 254, 1]);
    assert_eq!(structured("write_file", json!({"path": "log", "content": "one\n"}))["size"], 4);
    assert_eq!(structured("write_file", json!({"path": "log", "content": "two\n", "append": true}))["size"], 8);
    let listed = structured("list_dir", json!({}));
    let names: Vec<&str> =
        listed["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["name"].as_str()).collect();
    assert_eq!(names, ["b.bin", "log", "own.txt", "sub"]);
    assert_eq!(structured("stat", json!({"path": "log"}))["size"], 8);
    let _ = structured("move_file", json!({"source": "log", "destination": "sub/log.txt"}));
    let found = structured("search_files", json!({"pattern": "*.txt", "text": "two"}));
    assert_eq!((&found["matches"][0]["path"], &found["matches"][0]["line"]), (&"sub/log.txt".into(), &2.into()));
    let _ = structured("delete_file", json!({"path": "sub/log.txt"}));

    let read = caller.call("filesystem_read_file", json!({"path": "b.bin"}));
    assert_eq!(read.text(), "AP/+AQ==");
    let part = caller.call("filesystem_read_file", json!({"path": "own.txt", "offset": 2, "length": 2}));
    assert_eq!(part.text(), "ow");
    assert!(caller.call("filesystem_read_file", json!({"path": "sub/log.txt"})).is_error());
    assert!(caller.call("filesystem_move_file", json!({"source": "b.bin", "destination": "own.txt"})).is_error());
}

#[test]
fn s23_a_quota_holds_under_many_hands() {
    let fixture = Fixture::reference().manifest_of(
        "writer",
        "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\", quota_bytes: 10000, quota_files: \
         12}}\n",
    );
    let agent = Cast { id: "agent-a", kind: "writer" };
    let server = fixture.clone().tokens(&[agent]).serve();
    thread::scope(|scope| {
        for lane in 0..8 {
            let server = server.clone();
            scope.spawn(move || {
                let mut caller = server.caller(agent, Era::Modern);
                for round in 0..10 {
                    let arguments = json!({"path": format!("f{lane}-{round}"), "content": "x".repeat(1500)});
                    let reply = caller.call("filesystem_write_file", arguments);
                    assert!(!reply.is_error() || reply.text().contains("nothing was changed"), "{reply:?}");
                }
            });
        }
    });
    let files = everything(Path::new(&fixture.path("data/files/agents/agent-a")));
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes <= 10_000 && files.len() <= 12, "{bytes} bytes in {} files", files.len());
    assert_eq!(files.len(), 6, "as many as fit");
}
