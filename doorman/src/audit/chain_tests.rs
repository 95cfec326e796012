//! The chain as a whole: what is written verifies, and what is changed doesn't.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::FutureExt;

use super::{
    Audit, CallRecord, Capability, Chaining, Finding, PublicKey, Report, RotatingFile, Segments, Settings, Shape,
    SigningKey, Sink, Stopped, Tail, Transport, Verdict, Verifier,
};

fn now<T>(done: impl Future<Output = T>) -> T {
    done.now_or_never().expect("nobody waits")
}

fn open(path: &Path, bytes: u64, key: &SigningKey) -> Audit {
    let settings = Settings { chaining: Chaining::Signed(key.clone()), ..Settings::default() };
    Audit::open(RotatingFile::open(path, bytes, 9).expect("opens"), settings).expect("a chain")
}

fn call(audit: &Audit, times: usize) {
    let shape = Shape::default();
    for _ in 0..times {
        now(audit.call(&CallRecord::new(
            "tools/call",
            Transport::Http,
            Capability::Named("get_invoice"),
            Verdict::Ok,
            "ok",
            &shape,
        )))
        .expect("writes");
    }
}

fn verify(key: &SigningKey, files: &[&[u8]]) -> (Report, Vec<Finding>) {
    let keys = [PublicKey::parse(key.public_pem().as_bytes()).expect("a key")];
    let mut findings = Vec::new();
    let mut verifier = Verifier::new(&keys, |finding| findings.push(finding));
    for file in files {
        verifier.file("log", *file).expect("reads");
    }
    (verifier.end(), findings)
}

/// Two starts of a server, and their log.
fn log(key: &SigningKey) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    for _ in 0..2 {
        let audit = open(&path, 1 << 20, key);
        call(&audit, 2);
        now(audit.finish()).expect("a checkpoint");
    }
    fs::read(path).expect("reads")
}

#[test]
fn s20_any_changed_byte_is_found() {
    let (key, _) = SigningKey::generate().expect("a key");
    let log = log(&key);
    let (report, findings) = verify(&key, &[&log]);
    assert_eq!((report.lines, report.first, report.checkpoints, findings), (9, Some(1), 3, vec![]));
    assert!(report.head.is_some_and(|head| head.to_string().starts_with("9:")));
    for at in 0..log.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = log.clone();
            changed[at] ^= bit;
            assert!(verify(&key, &[&changed]).0.findings > 0, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn s20_any_line_deleted_repeated_or_moved_is_found() {
    let (key, _) = SigningKey::generate().expect("a key");
    let log = log(&key);
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() {
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at]);
        assert!(verify(&key, &[&repeated.concat()]).0.findings > 0, "{at} twice");
        if at + 1 < lines.len() {
            let (mut deleted, mut swapped) = (lines.clone(), lines.clone());
            deleted.remove(at);
            swapped.swap(at, at + 1);
            assert!(verify(&key, &[&deleted.concat()]).0.findings > 0, "without {at}");
            assert!(verify(&key, &[&swapped.concat()]).0.findings > 0, "{at} later");
        }
    }
    // The very last line is what can't be missed; what is after the last checkpoint is counted.
    let (report, findings) = verify(&key, &[&lines[..8].concat()]);
    assert_eq!((report.unsigned, findings), (3, vec![]));
}

#[test]
fn s24_the_chain_goes_on_over_files_starts_and_torn_lines() {
    let (key, _) = SigningKey::generate().expect("a key");
    let (other, _) = SigningKey::generate().expect("a key");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let audit = open(&path, 4_000, &key);
    call(&audit, 20);
    now(audit.finish()).expect("a checkpoint");
    drop(audit);
    let mut torn = fs::read(&path).expect("reads");
    torn.extend_from_slice(b"{\"ts\":");
    fs::write(&path, torn).expect("writes");
    let audit = open(&path, 4_000, &key);
    call(&audit, 1);
    now(audit.finish()).expect("a checkpoint");
    let numbered = (1..9).rev().map(|n| dir.path().join(format!("log.{n}")));
    let files: Vec<Vec<u8>> = numbered.chain([path]).filter_map(|path| fs::read(path).ok()).collect();
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    assert!(files.len() > 2, "{}", files.len());
    let (report, findings) = verify(&key, &files);
    assert_eq!((report.unsigned, findings), (0, vec![]));
    assert!(verify(&other, &files).0.findings > 0, "another key");
    let gap = [&files[..1], &files[2..]].concat();
    assert!(verify(&key, &gap).1[0].what.contains("are missing"));
    let fork = [&files[..2], &files[1..]].concat();
    assert!(verify(&key, &fork).1[0].what.contains("a second time"));
    let spliced = log(&key);
    let spliced = [files[0], &spliced].concat();
    assert!(verify(&key, &[&spliced]).0.findings > 0, "another chain");
}

#[test]
fn s22_an_intent_says_what_is_about_to_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let audit = Audit::new(RotatingFile::open(&path, 4_000, 1).expect("opens"));
    let shape = Shape::default();
    let record = CallRecord::new("tools/call", Transport::Http, Capability::Named("purge"), Verdict::Ok, "ok", &shape);
    let record = CallRecord { call: Some("0123456789abcdef"), ..record };
    now(audit.intent(&record)).expect("writes");
    now(audit.call(&record)).expect("writes");
    let text = fs::read_to_string(path).expect("reads");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["kind"], &lines[1]["kind"]), (&"intent".into(), &"call".into()));
    assert_eq!((&lines[0]["call"], &lines[0]["verdict"]), (&lines[1]["call"], &serde_json::Value::Null));
}

/// A log in memory that leaves half a line when it has no room.
#[derive(Clone, Default)]
struct Small(Arc<Mutex<(Vec<u8>, bool)>>);

impl Sink for Small {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.append(&[line]).map_err(|stopped| stopped.error)
    }

    fn never_waits(&self) -> bool {
        true
    }

    fn segments(&self) -> Option<&dyn Segments> {
        Some(self)
    }
}

impl Segments for Small {
    fn tail(&self) -> io::Result<Tail> {
        let text = &self.0.lock().expect("lock").0;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<&[u8]> = text[..whole].split(|byte| *byte == b'\n').collect();
        let [first, last] = [lines[0], lines[lines.len().saturating_sub(2)]].map(<[u8]>::to_vec);
        Ok(Tail { first, last, torn: text[whole..].to_vec(), rotated: text.is_empty() })
    }

    fn recent(&self, _: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().expect("lock").0.clone())
    }

    fn is_full(&self, _: usize) -> bool {
        false
    }

    fn rotate(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn append(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        let (text, full) = &mut *self.0.lock().expect("lock");
        let torn = text.last().is_some_and(|byte| *byte != b'\n');
        if *full {
            if !torn {
                text.extend_from_slice(&lines[0][..20]);
            }
            return Err(Stopped { written: 0, error: io::ErrorKind::StorageFull.into() });
        }
        if torn {
            text.push(b'\n');
        }
        lines.iter().for_each(|line| text.extend_from_slice(line));
        Ok(())
    }
}

#[test]
fn s24_a_torn_line_is_told_of_once_however_often_recovery_fails() {
    let (key, _) = SigningKey::generate().expect("a key");
    let small = Small::default();
    let settings = Settings { chaining: Chaining::Signed(key.clone()), ..Settings::default() };
    let audit = Audit::open(small.clone(), settings).expect("a chain");
    call(&audit, 3);
    small.0.lock().expect("lock").1 = true;
    let shape = Shape::default();
    let record =
        CallRecord::new("tools/call", Transport::Http, Capability::Named("get_invoice"), Verdict::Ok, "ok", &shape);
    for _ in 0..4 {
        assert!(now(audit.call(&record)).is_err() && now(audit.ready()).is_err());
    }
    small.0.lock().expect("lock").1 = false;
    now(audit.ready()).expect("recovers");
    call(&audit, 3);
    now(audit.finish()).expect("a checkpoint");
    let text = small.0.lock().expect("lock").0.clone();
    let (report, findings) = verify(&key, &[&text]);
    assert_eq!((report.unsigned, findings), (0, vec![]));
    assert!(String::from_utf8(text).expect("text").contains("\"lost\":4,\"torn\":20,"));
}

/// Signed lines as somebody without the key can rewrite them: hashes anew, numbers in order, no checkpoints.
fn forged(log: &str) -> String {
    let (mut prev, mut forged) = ("0".repeat(64), String::new());
    let kept = log.lines().filter(|line| !line.contains("\"kind\":\"checkpoint\""));
    for (pos, line) in kept.enumerate() {
        let members = line.rsplit_once(",\"pos\":").expect("a chained line").0.replace("get_invoice", "nothing");
        let line = format!("{members},\"pos\":{},\"prev\":\"{prev}\"}}", pos + 1);
        prev = super::checkpoint::hex(&super::checkpoint::hash(line.as_bytes()));
        forged += &(line + "\n");
    }
    forged
}

#[test]
fn s20_a_forged_history_is_never_signed() {
    let (key, _) = SigningKey::generate().expect("a key");
    let (other, _) = SigningKey::generate().expect("a key");
    let honest = String::from_utf8(log(&key)).expect("text");
    let alien = String::from_utf8(log(&other)).expect("text");
    // A signed beginning, and behind it what follows from nothing.
    let lines: Vec<&str> = honest.lines().collect();
    let cut = [lines[0], lines[1], lines[3], ""].join("\n");
    let far = lines[3].replace(",\"pos\":4,", ",\"pos\":18446744073709551615,");
    let far = [lines[0], lines[1], lines[2], &far, ""].join("\n");
    for (name, text) in [("forged", forged(&honest)), ("alien", alien), ("cut", cut), ("far", far)] {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
        fs::write(&path, &text).expect("writes");
        let audit = open(&path, 1 << 20, &key);
        call(&audit, 1);
        now(audit.finish()).expect("a checkpoint");
        assert_eq!(fs::read_to_string(&old).expect("the old file"), text, "{name}: nothing is added");
        let new = fs::read(&path).expect("reads");
        assert_eq!(verify(&key, &[&new]).1, [], "{name}");
        assert!(verify(&key, &[text.as_bytes(), &new]).0.findings > 0, "{name}");
        let first = String::from_utf8(new).expect("text").lines().next().expect("a line").to_owned();
        assert!(first.contains("\"cause\":\"the log's "), "{name}: {first}");
    }
}

#[test]
fn s20_lines_without_a_checkpoint_are_counted_over_crashes() {
    let (key, _) = SigningKey::generate().expect("a key");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    for _ in 0..5 {
        // Dropped, not finished: a crash signs nothing.
        call(&open(&path, 1 << 22, &key), 400);
    }
    let log = fs::read(&path).expect("reads");
    let (report, findings) = verify(&key, &[&log]);
    assert_eq!((report.checkpoints, findings), (3, vec![]));
    assert!(report.unsigned < 1_009 && !dir.path().join("log.1").exists(), "{}", report.unsigned);
}

#[test]
fn s20_too_many_lines_before_a_checkpoint_are_found() {
    let (key, _) = SigningKey::generate().expect("a key");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let settings = Settings { chaining: Chaining::Chained, ..Settings::default() };
    drop(open(&path, 1 << 22, &key));
    let unsigned = Audit::open(RotatingFile::open(&path, 1 << 22, 9).expect("opens"), settings).expect("a chain");
    call(&unsigned, 1_100);
    drop(unsigned);
    let text = fs::read(&path).expect("reads");
    // The server signs on top of no such stretch.
    drop(open(&path, 1 << 22, &key));
    assert_eq!(fs::read(dir.path().join("log.1")).expect("the old file"), text);
    let (_, findings) = verify(&key, &[&text]);
    assert!(findings[0].what.contains("without a checkpoint"), "{findings:?}");
}

#[test]
fn s24_a_log_that_was_taken_away_is_a_failure_and_begins_again() {
    let (key, _) = SigningKey::generate().expect("a key");
    let shape = Shape::default();
    let record =
        CallRecord::new("tools/call", Transport::Http, Capability::Named("get_invoice"), Verdict::Ok, "ok", &shape);
    let deleted = |log: &Path| fs::remove_file(log).expect("deletes");
    let moved = |log: &Path| fs::rename(log, log.with_extension("1")).expect("moves");
    let replaced = |log: &Path| {
        fs::remove_file(log).expect("deletes");
        fs::write(log, "{}\n").expect("writes");
    };
    let folder = |log: &Path| fs::remove_dir_all(log.parent().expect("a folder")).expect("deletes");
    /// What is done, how, and what the server says of it.
    type Way<'w> = (&'w str, &'w dyn Fn(&Path), &'w str);
    let ways: [Way<'_>; 4] = [
        ("deleted", &deleted, "doesn't end where"),
        ("moved", &moved, "recovered"),
        ("replaced", &replaced, "doesn't end where"),
        ("folder", &folder, "doesn't end where"),
    ];
    for (name, take, cause) in ways {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("logs").join("log");
        fs::create_dir(path.parent().expect("a folder")).expect("creates");
        let audit = open(&path, 1 << 20, &key);
        call(&audit, 1);
        take(&path);
        std::thread::sleep(std::time::Duration::from_millis(1_050));
        assert!(name == "moved" || audit.flush().is_err(), "{name}: seen by the timer");
        assert!(now(audit.call(&record)).is_err() || name != "moved", "{name}: seen by a call");
        if name == "folder" {
            assert!(now(audit.ready()).is_err() && now(audit.call(&record)).is_err(), "nothing runs");
            fs::create_dir(path.parent().expect("a folder")).expect("creates");
        }
        now(audit.ready()).expect("opens the path again");
        call(&audit, 1);
        now(audit.finish()).expect("a checkpoint");
        let text = fs::read_to_string(&path).expect("the new file");
        assert!(text.lines().next().expect("a line").contains(cause), "{name}: {text}");
        assert!(text.contains("\"kind\":\"recovered\""), "{name}: {text}");
        assert_eq!(verify(&key, &[text.as_bytes()]).1, [], "{name}");
    }
}

#[test]
fn whatever_numbers_a_log_holds_the_verifier_finds_and_never_panics() {
    let (key, _) = SigningKey::generate().expect("a key");
    let honest = String::from_utf8(log(&key)).expect("text");
    for number in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        for at in 1..10 {
            for member in [format!(",\"pos\":{at},"), format!("\"lines\":{at},")] {
                let name = member.split(':').next().expect("a name");
                let hostile = honest.replace(&member, &format!("{name}:{number},"));
                // Followed by a line of any other number, torn or not.
                for text in [hostile.clone(), hostile.replace("}\n", "}\nx\n")] {
                    let same = text == honest;
                    assert_eq!(verify(&key, &[text.as_bytes()]).0.findings == 0, same, "{member} {number}");
                }
            }
        }
    }
    let lines: Vec<&str> = honest.lines().collect();
    let zero = lines[0].replace(",\"pos\":1,", ",\"pos\":0,") + "\n";
    assert!(verify(&key, &[honest.as_bytes(), zero.as_bytes()]).0.findings > 0);
}
