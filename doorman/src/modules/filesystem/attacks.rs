//! What an agent, or another process that writes to its files, may try: nothing outside is read or changed, and nothing
//! takes longer or more than it may.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rustix::fs::{CWD, FileType, Mode, RenameFlags};
use serde_json::{Value, json};

use super::tests::{Ground, Refusal};

/// Every tool, with a path in every argument that takes one.
fn everywhere(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("read_file", json!({ "path": path })),
        ("read_file", json!({ "path": path, "length": 10, "encoding": "base64" })),
        ("list_dir", json!({ "path": path })),
        ("stat", json!({ "path": path })),
        ("search_files", json!({ "path": path, "text": "secret" })),
        ("write_file", json!({ "path": path, "content": "x" })),
        ("write_file", json!({ "path": path, "content": "x", "append": true })),
        ("delete_file", json!({ "path": path })),
        ("move_file", json!({ "source": path, "destination": "stolen" })),
        ("move_file", json!({ "source": "own", "destination": path })),
    ]
}

#[test]
fn s13_paths_that_lead_out_are_denied_by_every_tool() {
    // With a quota too: counting must not look elsewhere either.
    for settings in [json!({}), json!({ "quota_bytes": 1000, "quota_files": 100 })] {
        let ground = Ground::with(settings);
        ground.write("own", "mine");
        for path in [
            "nope/../../victim/x",
            "nope/../../../secret",
            "../victim/x",
            "own/../../victim/x",
            "..",
            "/etc/passwd",
            "//x",
            "C:/x",
            "..\\victim\\x",
            "own\0",
        ] {
            for (tool, arguments) in everywhere(path) {
                let refusal = ground.call(tool, arguments.clone()).expect_err(tool);
                assert!(matches!(refusal, Refusal::Denied(_)), "{tool} {arguments}: {refusal:?}");
            }
        }
        assert!(!ground.host("nope").exists());
        assert_eq!(ground.ok("read_file", json!({ "path": "own" })), json!(["mine"]));
        ground.assert_untouched();
    }
}

#[test]
fn s13_links_that_lead_out_are_stopped_at_and_errors_name_no_host_path() {
    for settings in [json!({}), json!({ "quota_bytes": 1000, "quota_files": 100 })] {
        let ground = Ground::with(settings);
        ground.write("own", "mine");
        let links = [
            (ground.base().join("secret"), "absolute"),
            ("../victim/x".into(), "sibling"),
            ("../victim".into(), "directory"),
            ("/proc/self/root".into(), "proc"),
            ("/dev/zero".into(), "device"),
            ("nowhere".into(), "dangling"),
            ("loop".into(), "loop"),
        ];
        for (to, name) in &links {
            ground.link(to, name);
        }
        let host = ground.base().to_str().expect("UTF-8").to_owned();
        for (_, name) in &links {
            for path in [(*name).to_owned(), format!("{name}/x"), format!("{name}/new/x")] {
                for (tool, arguments) in everywhere(&path) {
                    let refusal = ground.call(tool, arguments.clone()).expect_err(tool);
                    let text = refusal.text();
                    assert!(!matches!(refusal, Refusal::Internal(_)), "{tool} {arguments}: {text}");
                    assert!(!text.contains(&host) && !text.contains("agents") && !text.contains("os error"), "{text}");
                }
            }
        }
        // Shown as what they are, and not entered.
        let listed = ground.ok("list_dir", json!({}));
        let kinds = listed["entries"].as_array().expect("a list").iter().filter(|entry| entry["kind"] == "symlink");
        assert_eq!(kinds.count(), links.len());
        let found = ground.ok("search_files", json!({ "text": "secret" }));
        assert_eq!(found["matches"], json!([]));
        let found = ground.ok("search_files", json!({ "pattern": "{x,passwd,zero}" }));
        assert_eq!(found["matches"], json!([]));
        ground.assert_untouched();
    }
}

#[test]
fn s13_hard_links_are_neither_read_written_nor_searched_unless_allowed() {
    for allowed in [false, true] {
        let ground = if allowed { Ground::with(json!({ "allow_hard_links": true })) } else { Ground::new() };
        ground.write("own", "mine");
        fs::hard_link(ground.base().join("secret"), ground.host("hard")).expect("linked");
        let found = ground.ok("search_files", json!({ "text": "secret" }));
        let read = ground.call("read_file", json!({ "path": "hard" }));
        if allowed {
            assert_eq!((read, &found["matches"][0]["path"]), (Ok(json!(["secret"])), &"hard".into()));
            // Replaced, and not written into.
            ground.write("hard", "x");
        } else {
            assert_eq!((&found["matches"], &found["skipped"]), (&json!([]), &1.into()));
            for append in [false, true] {
                let write = json!({ "path": "hard", "content": "x", "append": append });
                assert!(matches!(ground.call("write_file", write), Err(Refusal::Denied(_))));
            }
            assert!(matches!(read, Err(Refusal::Denied(text)) if text.contains("hard link")));
        }
        ground.assert_untouched();
    }
}

#[test]
fn s27_special_files_block_nothing() {
    let ground = Ground::with(json!({ "quota_bytes": 1000 }));
    ground.write("own", "mine");
    rustix::fs::mknodat(CWD, ground.host("fifo"), FileType::Fifo, Mode::RWXU, 0).expect("made");
    let _socket = std::os::unix::net::UnixListener::bind(ground.host("socket")).expect("bound");
    let (done, results) = mpsc::channel();
    // On a thread of its own: what blocks would block for ever.
    std::thread::spawn(move || {
        for name in ["fifo", "socket"] {
            for (tool, arguments) in everywhere(name) {
                if tool != "delete_file" && arguments.get("source") != Some(&name.into()) {
                    done.send((tool, ground.call(tool, arguments))).expect("awaited");
                }
            }
        }
        done.send(("search_files", ground.call("search_files", json!({ "text": "mine" })))).expect("awaited");
    });
    let mut answers = Vec::new();
    while let Ok(answer) = results.recv_timeout(Duration::from_secs(20)) {
        answers.push(answer);
    }
    let (_, last) = answers.pop().expect("the search ends");
    assert_eq!(last.expect("searched")["matches"][0]["path"], "own");
    assert_eq!(answers.len(), 16);
    for (tool, answer) in answers {
        match answer {
            Ok(facts) => assert_eq!((tool, &facts["kind"]), ("stat", &"other".into())),
            Err(refusal) => assert!(!matches!(refusal, Refusal::Internal(_)), "{tool}: {refusal:?}"),
        }
    }
}

/// A directory and a symlink that leads to the neighbour's change places all the time.
#[test]
fn s13_a_directory_swapped_for_a_link_wins_no_race() {
    /// Ends the other thread when this one ends, by a failed assertion too.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let ground = Ground::with(json!({ "quota_bytes": 1_000_000, "quota_files": 10_000 }));
    ground.write("dir/x", "mine");
    ground.link("../victim", "link");
    let (dir, link) = (ground.host("dir"), ground.host("link"));
    let stop = AtomicBool::new(false);
    let mut inside = 0;
    std::thread::scope(|threads| {
        let _stop = Stop(&stop);
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).expect("exchanged");
            }
        });
        for round in 0..400 {
            if let Ok(content) = ground.call("read_file", json!({ "path": "dir/x" })) {
                assert_eq!(content[0], "mine");
                inside += 1;
            }
            let found = ground.ok("search_files", json!({ "text": "secret" }));
            assert_eq!(found["matches"], json!([]));
            // Whether these succeed depends on the moment; where they act must not.
            let new = format!("dir/new{round}");
            for (tool, arguments) in [
                ("write_file", json!({ "path": "dir/x", "content": "mine" })),
                ("write_file", json!({ "path": new, "content": "mine" })),
                ("write_file", json!({ "path": "dir/deep/log", "content": "+", "append": true })),
                ("move_file", json!({ "source": new, "destination": "dir/moved" })),
                ("move_file", json!({ "source": "dir/x", "destination": "dir/y" })),
                ("move_file", json!({ "source": "dir/y", "destination": "dir/x" })),
                ("delete_file", json!({ "path": "dir/moved" })),
                ("list_dir", json!({ "path": "dir" })),
                ("stat", json!({ "path": "dir/x" })),
            ] {
                let answer = ground.call(tool, arguments);
                assert!(!matches!(answer, Err(Refusal::Internal(_))), "{tool}: {answer:?}");
            }
        }
    });
    assert!(inside > 0);
    ground.assert_untouched();
}

/// Paths put together at random, out of what paths are attacked with, for every tool.
#[test]
fn s13_nothing_is_changed_outside_of_the_root_whatever_the_path() {
    const PARTS: [&str; 16] =
        ["..", ".", "/", "/", "/", "a", "own", "out", "up", "new", "\\", "C:", "victim", "x", "agents", "%2e%2e"];
    let ground = Ground::with(json!({ "quota_bytes": 100_000 }));
    ground.write("own", "mine");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let mut done = 0;
    for round in 0..1_000 {
        if round % 50 == 0 {
            for (to, name) in [("../victim", "out"), ("..", "up")] {
                let _ = fs::remove_dir_all(ground.host(name)).or_else(|_| fs::remove_file(ground.host(name)));
                ground.link(to, name);
            }
        }
        let path: String = (0..=roll(8)).map(|_| PARTS[roll(PARTS.len())]).collect();
        for (tool, arguments) in everywhere(&path) {
            let Ok(answer) = ground.call(tool, arguments) else { continue };
            done += 1;
            assert!(tool != "read_file" || answer[0] != "secret", "{path:?}");
            assert!(tool != "search_files" || answer["matches"] == json!([]), "{path:?}");
        }
    }
    assert!(done > 500, "{done}");
    ground.assert_untouched();
}

#[test]
fn s28_what_is_made_is_private() {
    let ground = Ground::new();
    ground.write("new/dir/file", "x");
    ground.ok("write_file", json!({ "path": "other/log", "content": "x", "append": true }));
    ground.ok("move_file", json!({ "source": "other/log", "destination": "made/on/the/way" }));
    // What was open to all isn't when it has been replaced.
    fs::write(ground.host("open"), "x").expect("written");
    fs::set_permissions(ground.host("open"), fs::Permissions::from_mode(0o666)).expect("set");
    ground.write("open", "y");
    for (path, mode) in [
        ("", 0o700),
        ("new", 0o700),
        ("new/dir", 0o700),
        ("new/dir/file", 0o600),
        ("other", 0o700),
        ("made/on/the", 0o700),
        ("made/on/the/way", 0o600),
        ("open", 0o600),
    ] {
        let found = fs::metadata(ground.host(path)).expect(path).permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}: {found:o}");
    }
    ground.assert_untouched();
}

#[test]
fn s27_searches_and_listings_end() {
    let ground = Ground::with(json!({ "max_file_bytes": "1GiB" }));
    ground.write("own", "mine");
    let many = ground.host("many");
    fs::create_dir(&many).expect("made");
    // One more than is looked at, the directory itself and `own` counted.
    for number in 0..100_000 {
        rustix::fs::mknodat(CWD, many.join(number.to_string()), FileType::RegularFile, Mode::RUSR, 0).expect("made");
    }
    let started = Instant::now();
    let found = ground.ok("search_files", json!({ "pattern": "nothing" }));
    assert_eq!((&found["matches"], &found["truncated"]), (&json!([]), &true.into()));
    let listed = ground.ok("list_dir", json!({ "path": "many" }));
    assert_eq!((listed["entries"].as_array().map(Vec::len), &listed["truncated"]), (Some(10_000), &true.into()));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());

    fs::remove_dir_all(&many).expect("removed");
    // A gigabyte that takes no space on disk.
    fs::File::create(ground.host("huge")).and_then(|file| file.set_len(1 << 30)).expect("made");
    let started = Instant::now();
    let found = ground.ok("search_files", json!({ "text": "nothing" }));
    assert_eq!((&found["matches"], &found["truncated"]), (&json!([]), &true.into()));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(ground.refused("read_file", json!({ "path": "huge" })).contains("1073741824 bytes"));

    ground.call.cancelled.cancel();
    assert_eq!(ground.refused("search_files", json!({ "text": "nothing" })), "cancelled");
    assert!(ground.refused("write_file", json!({ "path": "late", "content": "" })).contains("nothing was changed"));
    assert!(!ground.host("late").exists());
}

#[test]
fn s27_a_deep_tree_and_names_that_cannot_be_addressed_end_the_walk_and_nothing_else() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::with(json!({ "quota_files": 200 }));
    ground.write(&format!("{}x", "d/".repeat(63)), "needle");
    let mut deep = ground.host(&"d/".repeat(63));
    for _ in 0..20 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("made");
    fs::create_dir(ground.host("").join(std::ffi::OsStr::from_bytes(b"\xff"))).expect("made");
    let found = ground.ok("search_files", json!({ "text": "needle" }));
    assert_eq!(found["matches"].as_array().map(Vec::len), Some(1));
    // The name that isn't UTF-8, and the directory below the deepest path.
    assert_eq!((&found["skipped"], &found["truncated"]), (&2.into(), &false.into()));
    ground.write("own", "counted");
}

#[test]
fn s27_a_quota_is_held_by_every_way_to_write() {
    let ground = Ground::with(json!({ "quota_bytes": 100, "quota_files": 4 }));
    ground.write("dir/a", &"x".repeat(60));
    for arguments in [
        json!({ "path": "b", "content": "x".repeat(41) }),
        json!({ "path": "dir/a", "content": "x".repeat(101) }),
        json!({ "path": "dir/a", "content": "x".repeat(41), "append": true }),
        json!({ "path": "b", "content": "x".repeat(41), "append": true }),
    ] {
        let refusal = ground.refused("write_file", arguments);
        assert!(refusal.contains("60 of 100 bytes are in use"), "{refusal}");
    }
    for arguments in
        [json!({ "path": "1/2/3", "content": "" }), json!({ "path": "1/2/3", "content": "", "append": true })]
    {
        let refusal = ground.refused("write_file", arguments);
        assert!(refusal.contains("2 of 4 files and directories are in use"), "{refusal}");
    }
    let refusal = ground.refused("move_file", json!({ "source": "dir/a", "destination": "1/2/3/4" }));
    assert!(refusal.contains("this needs 3 more"), "{refusal}");
    assert!(!ground.host("b").exists() && !ground.host("1").exists());
    ground.ok("write_file", json!({ "path": "dir/a", "content": "x".repeat(40), "append": true }));
    ground.ok("move_file", json!({ "source": "dir/a", "destination": "1/2" }));
    ground.ok("delete_file", json!({ "path": "1/2" }));
    ground.write("b", &"x".repeat(100));
}
