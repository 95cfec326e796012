//! `audit verify`, `tail` and `stats`, on logs that the reference server wrote and somebody changed.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use crate::harness::{Cast, Era, Fixture};

const DATA: &str = "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n";

/// A signed log of two starts, its public key, and a server to read it with.
struct Written {
    fixture: Fixture,
    public: String,
    lines: Vec<String>,
}

impl Written {
    fn new() -> Self {
        let fixture = Fixture::reference().manifest_of("writer", DATA).tokens(&[Cast::BOB]);
        let key = fixture.path("audit.key");
        assert_eq!(fixture.says(&["audit", "keygen", &key]).0, 0);
        let fixture = fixture.arg("--audit-key").arg(&key);
        for start in 0..2 {
            let server = fixture.serve();
            let mut bob = server.caller(Cast::BOB, Era::Modern);
            for n in 0..4 {
                bob.call("filesystem_write_file", json!({"path": format!("{start}{n}.txt"), "content": "x"}));
            }
            bob.call("no_such_tool", json!({}));
            bob.call("filesystem_delete_file", json!({"path": "00.txt"}));
            drop(bob);
            server.process.terminate();
            server.process.ended();
        }
        let lines = fixture.audit_text().split_inclusive('\n').map(str::to_owned).collect();
        Self { fixture, public: key + ".pub", lines }
    }

    /// What `verify` says of other files; code and output.
    fn verify(&self, files: &[String], args: &[&str]) -> (i32, String) {
        let paths: Vec<String> = files
            .iter()
            .enumerate()
            .map(|(n, text)| {
                let path = self.fixture.path(&format!("changed-{n}"));
                fs::write(&path, text).expect("writes");
                path
            })
            .collect();
        let args: Vec<&str> = ["audit", "verify"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(paths.iter().map(String::as_str))
            .collect();
        let (code, out, err) = self.fixture.says(&args);
        (code, out + &err)
    }
}

#[test]
fn s20_verify_finds_what_was_done_to_a_log() {
    let log = Written::new();
    let key = ["--key", &*log.public];
    let whole = log.lines.concat();
    let (code, said) = log.verify(std::slice::from_ref(&whole), &key);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 checkpoints; 0 lines after the last") && said.contains("from the beginning"), "{said}");
    let head = said.lines().find_map(|line| line.strip_prefix("head ")).expect("the head").to_owned();

    let mut edited = log.lines.clone();
    edited[3] = edited[3].replace("\"verdict\":\"ok\"", "\"verdict\":\"no\"");
    let mut deleted = log.lines.clone();
    deleted.remove(3);
    let mut moved = log.lines.clone();
    moved.swap(2, 3);
    let mut forked = log.lines.clone();
    forked.extend_from_slice(&log.lines[4..]);
    let other = Written::new();
    let spliced = [&log.lines[..4], &other.lines[4..]].concat();
    let half = log.lines.len() / 2;
    let halves = [log.lines[..half].concat(), log.lines[half..].concat()];
    let long = format!("{}\n{}", "x".repeat(3 << 20), whole);
    for (what, files, expected) in [
        ("edited", vec![edited.concat()], "changed-0:5: "),
        ("deleted", vec![deleted.concat()], "changed-0:4: lines 4 to 4 are missing"),
        ("moved", vec![moved.concat()], "changed-0:3: "),
        ("repeated", vec![forked.concat()], "repeated, moved, or of another chain"),
        ("spliced", vec![spliced.concat()], "changed-0:5: "),
        ("swapped", vec![halves[1].clone(), halves[0].clone()], "changed-1:1: the chain goes on from line 0 a second"),
        ("torn", vec![whole.trim_end().to_owned()], "the line is torn"),
        ("long", vec![long], "changed-0:1: a line of 3145728 bytes"),
        ("unchained", vec!["{\"ts\":\"x\",\"seq\":1,\"kind\":\"call\"}\n".to_owned()], "isn't chained"),
    ] {
        let (code, said) = log.verify(&files, &key);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(expected), "{what}: {said}");
    }
    // Another key, no key, and one of several.
    let (code, said) = log.verify(std::slice::from_ref(&whole), &["--key", &other.public]);
    assert!(code == 1 && said.contains("a checkpoint by another key"), "{said}");
    let (code, said) = log.verify(std::slice::from_ref(&whole), &[]);
    assert!(code == 0 && said.contains("3 checkpoints not verified: no --key"), "{said}");
    let (code, said) = log.verify(std::slice::from_ref(&whole), &["--key", &other.public, "--key", &log.public]);
    assert_eq!(code, 0, "{said}");

    // What is cut off at the end is seen by whoever has kept the head.
    let cut = log.lines[..half].concat();
    let (code, said) = log.verify(std::slice::from_ref(&cut), &[]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = log.verify(&[cut], &["--expect-head", &head]);
    assert!(code == 1 && said.contains("the line that was pinned isn't there"), "{said}");
    assert_eq!(log.verify(std::slice::from_ref(&whole), &["--expect-head", &head]).0, 0);
    // And by whoever has kept it, that the log has grown since.
    let (_, said) = log.verify(&[log.lines[..half].concat()], &[]);
    let early = said.lines().find_map(|line| line.strip_prefix("head ")).expect("the head");
    assert_eq!(log.verify(std::slice::from_ref(&whole), &["--expect-head", early]).0, 0);

    for (wrong, args) in [
        ("no file", vec!["audit", "verify", "/nowhere"]),
        ("no key", vec!["audit", "verify", "--key", "/nowhere", &log.public]),
        ("no public key", vec!["audit", "verify", "--key", "/proc/version", &log.public]),
        ("no head", vec!["audit", "verify", "--expect-head", "1:2", &log.public]),
        ("no command", vec!["audit"]),
    ] {
        assert_eq!(log.fixture.says(&args).0, 2, "{wrong}");
    }
}

#[test]
fn verify_says_it_as_json() {
    let log = Written::new();
    let mut deleted = log.lines.clone();
    deleted.remove(3);
    let (code, said) = log.verify(&[deleted.concat()], &["--json", "--key", &log.public]);
    let json = said.split_once("\n}").expect("an object").0.to_owned() + "}";
    let report: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (code, &report["findings_count"], &report["findings"][0]["line"]),
        (1, &json!(1), &json!(4)),
        "{report}"
    );
}

/// Goes on until the test ends.
struct Follows(Child);

impl Drop for Follows {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tail_shows_and_follows() {
    let log = Written::new();
    let path = log.fixture.log().display().to_string();
    let says = |args: &[&str]| {
        let (code, out, err) = log.fixture.says(&[&["audit", "tail"], args, &[&*path]].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    let last = says(&["-n", "3"]);
    assert!(last.lines().count() == 3 && last.contains("checkpoint"), "{last}");
    let denied = says(&["--agent", "bob", "--verdict", "denied", "--capability", "no_such_tool", "--kind", "call"]);
    assert_eq!(denied.lines().count(), 2, "{denied}");
    assert!(denied.contains("bob/writer") && denied.contains("unknown_capability"), "{denied}");
    assert_eq!(says(&["--agent", "nobody"]), "");
    let records = says(&["--json", "--kind", "intent", "-n", "1"]);
    assert_eq!(serde_json::from_str::<Value>(&records).expect("JSON")["capability"], "filesystem_delete_file");

    let mut command = log.fixture.command_alone(&["audit", "tail", "-f", "-n", "0", "--kind", "call", &path]);
    let mut follows = Follows(command.stdout(Stdio::piped()).spawn().expect("starts"));
    let mut shown = BufReader::new(follows.0.stdout.take().expect("a pipe")).lines();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let evil = "{\"ts\":\"\\u001b[2J\",\"kind\":\"call\",\"capability\":\"\\u0007\u{9b}1m\",\"verdict\":\"\\r\"}\n";
    fs::rename(&path, format!("{path}.1")).expect("renames");
    let call = log.lines.iter().find(|line| line.contains("\"kind\":\"call\"")).expect("a call");
    fs::write(&path, format!("{call}{evil}")).expect("writes");
    let first = shown.next().expect("a line").expect("text");
    assert!(first.contains("filesystem_write_file"), "{first}");
    let second = shown.next().expect("a line").expect("text");
    assert!(!second.chars().any(char::is_control) && second.contains("\\u{1b}[2J"), "{second:?}");
}

#[test]
fn stats_count() {
    let log = Written::new();
    let path = log.fixture.log().display().to_string();
    let (code, out, _) = log.fixture.says(&["audit", "stats", "--json", &path]);
    let stats: Value = serde_json::from_str(&out).expect("JSON");
    let row = |capability: &str| {
        let rows = stats["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["capability"] == capability).unwrap_or_else(|| panic!("{stats}")).clone()
    };
    let writes = row("filesystem_write_file");
    assert_eq!((code, &writes["calls"], &writes["agent"]), (0, &json!(8), &json!("bob/writer")));
    assert_eq!(writes["verdicts"], json!({"ok": 8}));
    assert!(
        writes["p50_us"].as_u64() <= writes["p99_us"].as_u64()
            && writes["p99_us"].as_u64() <= writes["max_us"].as_u64()
    );
    assert_eq!(row("no_such_tool")["verdicts"], json!({"denied": 2}));
    assert_eq!(stats["intents_without_call"], 0);
    let (_, out, _) = log.fixture.says(&["audit", "stats", &path]);
    assert!(
        out.lines().any(|line| line.starts_with("bob/writer  filesystem_write_file") && line.ends_with("ok 8")),
        "{out}"
    );
    let (_, out, _) = log.fixture.says(&["audit", "stats", "--json", "--since", "2100-01-01T00:00:00Z", &path]);
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON")["rows"], json!([]));
    let (_, out, _) = log.fixture.says(&["audit", "stats", "--json", "--since", "1h", &path]);
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON")["rows"], stats["rows"]);
    assert_eq!(log.fixture.says(&["audit", "stats", "--since", "yesterday", &path]).0, 2);
}
