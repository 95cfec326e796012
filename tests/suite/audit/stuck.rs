//! Sinks that are slow, stuck, full or closed: what needs a record is refused in time, all else goes on, and nothing is
//! to be restarted.

use std::{
    fs, io,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Reading, Reply, Request, eventually};

const PATIENCE: Duration = Duration::from_millis(700);

fn fixture() -> Fixture {
    Fixture::new().env("FIXTURE_AUDIT_PATIENCE_MS", PATIENCE.as_millis().to_string())
}

fn timed(call: impl FnOnce() -> Reply) -> (Reply, Duration) {
    let began = Instant::now();
    let reply = call();
    (reply, began.elapsed())
}

/// Calls until there is an error, which must say that there is no record.
fn until_refused(caller: &mut Caller, most: usize) -> Duration {
    for _ in 0..most {
        let (reply, took) = timed(|| caller.call("hello", json!({})));
        if reply.is_error() {
            assert!(reply.text().contains("audit record"), "{reply:?}");
            return took;
        }
    }
    panic!("the sink took all records");
}

fn back(caller: &mut Caller) {
    eventually("calls again", || (!caller.call("hello", json!({})).is_error()).then_some(()));
}

#[test]
fn s24_a_stderr_that_nobody_reads_holds_up_calls_for_the_stated_time_and_nothing_else() {
    let fixture = fixture().audit_log("stderr");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(!alice.call("hello", json!({})).is_error());
    server.process.read_stderr(Reading::Off);
    let took = until_refused(&mut alice, 2_000);
    assert!(took >= PATIENCE / 2 && took < PATIENCE * 4, "{took:?}");
    // Everything else goes on, for everybody, and who needs a record waits no more.
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(Request::new("GET", "/health").send(server.address).status, 200);
        assert!(!alice.names().is_empty());
        assert_eq!(Request::post("{}").bearer("wrong").send(server.address).status, 401);
        let (refused, took) = timed(|| alice.call("limited", json!({})));
        assert!(refused.is_error() && took < PATIENCE / 2, "{took:?}");
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }
    server.process.read_stderr(Reading::On);
    back(&mut alice);
    let journal = alice.call("journal", json!({}));
    assert_eq!(journal.structured()["limited"]["began"], Value::Null, "nothing ran without a record");
    let mut seqs: Vec<u64> = Vec::new();
    eventually("the last record", || {
        let said = server.process.stderr();
        let records = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let records: Vec<Value> = records.filter(|it| it["kind"].is_string()).collect();
        seqs = records.iter().filter_map(|it| it["seq"].as_u64()).collect();
        records.iter().any(|it| it["capability"] == "journal").then_some(())
    });
    assert!(seqs.iter().zip(1..).all(|(seq, expected)| *seq == expected), "each once and in order: {seqs:?}");
}

#[test]
fn s24_a_closed_pipe_refuses_calls() {
    let fixture = fixture().audit_log("stderr");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    server.process.read_stderr(Reading::Closed);
    let took = until_refused(&mut alice, 10);
    assert!(took < PATIENCE, "it is told, not waited for: {took:?}");
    assert!(alice.call("limited", json!({})).is_error());
    assert_eq!(Request::new("GET", "/health").send(server.address).status, 200);
}

#[test]
fn s24_an_own_sink_that_hangs_holds_up_nothing_else() {
    for door in [Door::Http(Era::Modern), Door::Stdio(Era::Session)] {
        let fixture = fixture();
        let pipe = fixture.path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
        // To open a pipe waits for a reader, and there is none.
        let mut alice = fixture.audit_to(&pipe).caller(door, Cast::ALICE);
        let (stuck, took) = timed(|| alice.call("hello", json!({})));
        assert!(stuck.is_error() && took >= PATIENCE && took < PATIENCE * 4, "{took:?}");
        let (refused, took) = timed(|| alice.call("hello", json!({})));
        assert!(refused.is_error() && took < PATIENCE / 2, "{took:?}");
        assert!(!alice.names().is_empty());
        // Read until the end of the test, whoever writes.
        let mut reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("opens");
        thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        back(&mut alice);
    }
}

/// A file system of so many bytes. `tests/run` leaves these tests out, loudly, where mounting isn't allowed.
struct Disk(String);

impl Disk {
    fn of(fixture: &Fixture, bytes: u32) -> Self {
        let path = fixture.path("disk");
        fs::create_dir(&path).expect("a directory");
        let options = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs", &path]).output();
        assert!(mounted.is_ok_and(|it| it.status.success()), "a tmpfs can be mounted");
        Self(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy", &self.0]).status();
    }
}

#[test]
fn s24_a_full_tmpfs_refuses_calls_until_there_is_room() {
    for options in [&[][..], &["--audit-chain"], &["--audit-chain", "--audit-durability", "fsync"]] {
        let fixture = options.iter().fold(fixture(), |fixture, option| fixture.arg(*option));
        let disk = Disk::of(&fixture, 256 << 10);
        let (log, filler) = (format!("{}/log", disk.0), format!("{}/filler", disk.0));
        let fixture = fixture.audit_log(&log);
        let server = fixture.serve();
        let mut alice = server.caller(Cast::ALICE, Era::Modern);
        assert!(!alice.call("hello", json!({})).is_error());
        fs::write(&filler, vec![0; 240 << 10]).expect("writes");
        let _ = fs::OpenOptions::new()
            .append(true)
            .open(&filler)
            .map(|mut it| while io::Write::write(&mut it, &[0; 512]).is_ok_and(|written| written > 0) {});
        until_refused(&mut alice, 100);
        for _ in 0..5 {
            assert!(alice.call("limited", json!({})).is_error());
        }
        fs::remove_file(&filler).expect("removes");
        back(&mut alice);
        let journal = alice.call("journal", json!({}));
        assert_eq!(journal.structured()["limited"]["began"], Value::Null, "nothing ran without a record");
        let text = fs::read_to_string(&log).expect("reads");
        let recovered = text.lines().find(|line| line.contains("\"kind\":\"recovered\"")).expect("says so");
        assert!(serde_json::from_str::<Value>(recovered).expect("JSON")["lost"].as_u64() >= Some(6), "{recovered}");
        if !options.is_empty() {
            server.process.terminate();
            server.process.ended();
            let (code, out, err) = fixture.says(&["audit", "verify", &log]);
            assert_eq!(code, 0, "{out}{err}");
        }
    }
}

#[test]
fn s24_what_cannot_be_written_to_is_refused_at_start() {
    let fixture = Fixture::new();
    for (destination, said) in [
        ("/proc/nothing", "audit log"),
        ("/dev/full", "audit log"),
        ("/nowhere/log", "audit log"),
        ("syslog:/nowhere/log", "audit log"),
        ("journald:/nowhere/log", "audit log"),
        ("syslog:", "--audit-log"),
    ] {
        let (code, err) = fixture.clone().audit_log(destination).launched_by(Cast::ALICE).refuses();
        assert!(code != 0 && err.contains(said), "{destination}: {code} {err}");
        assert!(!Path::new(destination).starts_with("/nowhere") || !Path::new("/nowhere").exists());
    }
    // A sink that knows no disk can't wait for it.
    let (code, err) =
        fixture.audit_log("stderr").arg("--audit-durability").arg("fsync").launched_by(Cast::ALICE).refuses();
    assert!(code != 0 && err.contains("disk"), "{err}");
}

#[test]
fn s24_whoever_chooses_warn_is_told_at_each_start_and_keeps_calls() {
    let fixture = Fixture::new().audit_to("/dev/full").arg("--audit-on-failure").arg("warn");
    let server = fixture.env("DOORMAN_LOG", "warn").serve();
    let said = server.process.stderr();
    assert!(said.contains("WARNING: audit records may be lost"), "{said}");
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    for _ in 0..3 {
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
    eventually("the log's warning", || server.process.stderr().contains("AUDIT RECORDS ARE BEING LOST").then_some(()));
}
