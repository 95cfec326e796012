//! The rotating file.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{Current, RotatingFile, Sink};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("doorman-audit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn rotates_by_size_and_keeps_so_many_private_files() {
    let dir = Scratch::new();
    let path = dir.file("audit.jsonl");
    let sink = RotatingFile::open(&path, 20, 2).expect("opens");
    for n in 0..9 {
        sink.write_line(format!("line {n}\n").as_bytes()).expect("writes");
    }
    let numbered = |n: u32| dir.file(&format!("audit.jsonl.{n}"));
    assert_eq!(read(&path), "line 8\n");
    assert_eq!(read(&numbered(1)), "line 6\nline 7\n");
    assert_eq!(read(&numbered(2)), "line 4\nline 5\n");
    assert!(!numbered(3).exists());
    assert_eq!([mode(&path), mode(&numbered(1)), mode(&numbered(2))], [0o600; 3]);

    sink.write_line(&[b'x'; 100]).expect("a line larger than a file gets one of its own");
    assert_eq!(read(&path).len(), 100);
    assert_eq!(read(&numbered(1)), "line 8\n");
}

#[test]
fn what_is_no_private_file_of_ours_is_refused() {
    let dir = Scratch::new();
    let target = dir.file("target");
    fs::write(&target, "secret\n").expect("writes");
    symlink(&target, dir.file("symlink")).expect("links");
    symlink(dir.file("nowhere"), dir.file("dangling")).expect("links");
    fs::hard_link(&target, dir.file("hardlink")).expect("links");
    for name in ["symlink", "dangling", "hardlink", "."] {
        assert!(RotatingFile::open(dir.file(name), 100, 1).is_err(), "{name}");
    }
    assert!(RotatingFile::open("/dev/full", 100, 1).is_err());
    assert_eq!(read(&target), "secret\n");
    assert!(!dir.file("nowhere").exists());
    for (max_bytes, keep) in [(0, 1), (1, 0), (1, 1_001)] {
        assert!(RotatingFile::open(dir.file("new"), max_bytes, keep).is_err());
    }
}

#[test]
fn an_existing_file_is_made_private_and_continued() {
    let dir = Scratch::new();
    let path = dir.file("audit");
    fs::write(&path, "old\n").expect("writes");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("changes");
    let sink = RotatingFile::open(&path, 100, 1).expect("opens");
    sink.write_line(b"new\n").expect("writes");
    assert_eq!((mode(&path), read(&path).as_str()), (0o600, "old\nnew\n"));
    let second = RotatingFile::open(&path, 100, 1).expect_err("locked").to_string();
    assert!(second.contains("another process"), "{second}");
    drop(sink);
    assert!(RotatingFile::open(&path, 100, 1).is_ok());
}

#[test]
fn a_torn_line_swallows_no_other() {
    let dir = Scratch::new();
    let path = dir.file("audit");
    fs::write(&path, "whole\n{\"torn\":").expect("writes");
    let sink = RotatingFile::open(&path, 100, 1).expect("opens");
    for line in [b"one\n", b"two\n"] {
        sink.write_line(line).expect("writes");
    }
    assert_eq!(read(&path), "whole\n{\"torn\":\none\ntwo\n");
}

#[test]
fn a_failed_rotation_fails_the_line_until_it_works() {
    let dir = Scratch::new();
    let path = dir.file("audit");
    let sink = RotatingFile::open(&path, 10, 1).expect("opens");
    sink.write_line(b"line 1\n").expect("writes");
    // A directory in the way of the old file's new name, full so that no rename replaces it.
    fs::create_dir_all(dir.file("audit.1/in/the/way")).expect("creates");
    assert!(sink.write_line(b"line 2\n").is_err());
    assert!(sink.write_line(b"line 2\n").is_err(), "not before it is told to recover");
    sink.recover().expect("the file itself opens");
    assert!(sink.write_line(b"line 2\n").is_err());
    fs::remove_dir_all(dir.file("audit.1")).expect("removes");
    sink.recover().expect("opens");
    sink.write_line(b"line 2\n").expect("writes");
    assert_eq!([read(&dir.file("audit.1")), read(&path)], ["line 1\n", "line 2\n"]);
}

#[test]
fn a_full_disk_fails_the_line() {
    let Ok(full) = OpenOptions::new().read(true).write(true).open("/dev/full") else { return };
    let current = Current { file: full, len: 0, torn: false, seen: std::time::Instant::now() };
    let path = Scratch::new().file("unused");
    let synced = AtomicBool::new(false);
    let sink = RotatingFile { path, max_bytes: 100, keep: 1, current: Mutex::new(Some(current)), synced };
    for _ in 0..2 {
        assert_eq!(sink.write_line(b"line\n").expect_err("full").kind(), ErrorKind::StorageFull);
    }
}
