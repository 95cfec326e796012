//! What holds at any moment and for any path: nothing outside of the agent's root is read or changed.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::fs::{CWD, RenameFlags};

use super::{
    Agent, ResourceScope,
    tests::{Ground, read},
};

/// A directory and a symlink that leads out change places all the time, as fast as the kernel can.
#[test]
fn s13_swapping_directories_for_symlinks_wins_no_race() {
    let ground = Ground::new();
    ground.link("../agent-a2", "link");
    fs::write(ground.host("dir/secret"), "mine").expect("written");
    let stop = AtomicBool::new(false);
    /// Ends the other thread when this one ends, by a failed assertion too.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (mut inside, mut refused) = (0, 0);
    std::thread::scope(|threads| {
        let _stop = Stop(&stop);
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, ground.host("dir"), CWD, ground.host("link"), RenameFlags::EXCHANGE)
                    .expect("exchanged");
            }
        });
        for round in 0..1_500 {
            match ground.read("dir/secret") {
                Ok(text) => {
                    inside += 1;
                    assert_eq!(text, "mine");
                }
                Err(_) => refused += 1,
            }
            // Whether these succeed depends on the moment; where they act must not.
            let new = format!("dir/new{round}");
            let _ = ground.path(&new).create(b"x");
            let _ = ground.path("dir/secret").replace(b"mine");
            let _ = ground.path("dir/log").append(b"x");
            let _ = ground.path(&new).rename_to(&ground.path("dir/moved"));
            let _ = ground.path("dir/moved").remove_file();
            let _ = ground.path("dir/deep/er").create_dir_all();
            let listed = ground.path("dir").read_dir().into_iter().flatten().filter_map(Result::ok);
            let listed: Vec<_> = listed.map(|entry| entry.name).collect();
            assert!(listed.is_empty() || listed.iter().any(|name| name == "own"), "{listed:?}");
        }
    });
    assert!(inside > 0 && refused > 0, "{inside} inside, {refused} refused");
    ground.assert_untouched();
}

/// Paths put together at random, out of what paths are attacked with.
#[test]
fn s13_no_path_leaves_the_root() {
    const PARTS: [&str; 20] = [
        "..", ".", "/", "/", "/", "/", "a", "dir", "own", "out", "up", "new", "\\", "\0", "C:", "agent-a2", "secret",
        "agents", "%2e%2e", "．．",
    ];
    let ground = Ground::new();
    let agent = Agent::new("a", "t").expect("legal");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let mut resolved = 0;
    for round in 0..6_000 {
        if round % 50 == 0 {
            for (to, name) in [("../agent-a2", "out"), ("..", "up")] {
                let _ = fs::remove_dir_all(ground.host(name)).or_else(|_| fs::remove_file(ground.host(name)));
                ground.link(to, name);
            }
        }
        let raw: String = (0..=roll(8)).map(|_| PARTS[roll(PARTS.len())]).collect();
        let Ok(path) = ground.prefix.resolve(&raw, &agent) else { continue };
        resolved += 1;
        assert!(!path.as_str().starts_with('/') && path.as_str().split('/').all(|name| name != ".."), "{raw:?}");
        if let Ok(text) = read(&path) {
            assert_ne!(text, "secret", "{raw:?}");
        }
        drop((path.create(b"x"), path.replace(b"x"), path.append(b"x"), path.rename_to(&ground.path("moved"))));
        drop((ground.path("own").rename_to(&path), path.create_dir_all(), path.remove_file()));
    }
    assert!(resolved > 1_000, "{resolved}");
    ground.assert_untouched();
}
