//! Where records go: the same records everywhere, and nothing of what was sent.

use std::{
    fs,
    net::Shutdown,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{CANARY, send_canaries};
use crate::harness::{Cast, Door, Era, Fixture, eventually};

/// A log daemon's socket, in the fixture's directory.
struct Daemon {
    socket: UnixDatagram,
    messages: Receiver<String>,
}

impl Daemon {
    fn listen(path: &str) -> Self {
        let socket = UnixDatagram::bind(path).expect("binds");
        let reader = socket.try_clone().expect("clones");
        let (found, messages) = channel();
        // All the time: a socket keeps few datagrams.
        thread::spawn(move || {
            let mut datagram = vec![0; 1 << 17];
            while let Ok(len @ 1..) = reader.recv(&mut datagram) {
                drop(found.send(String::from_utf8(datagram[..len].to_vec()).expect("UTF-8")));
            }
        });
        Self { socket, messages }
    }

    fn next(&self) -> String {
        self.messages.recv_timeout(Duration::from_secs(20)).expect("a datagram")
    }

    /// All up to the record of a call.
    fn until(&self, capability: &str) -> Vec<String> {
        let needle = format!("\"capability\":\"{capability}\"");
        let mut seen = vec![self.next()];
        while !seen.last().is_some_and(|last| last.contains(&needle)) {
            seen.push(self.next());
        }
        seen
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn assert_records(what: &str, lines: &[&str]) {
    assert!(lines.len() >= 11, "{what}: {lines:?}");
    for line in lines {
        assert!(!line.contains(CANARY), "{what}: {line}");
        assert!(!line.chars().any(char::is_control), "{what}: {line}");
        let record: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{what}: {line}"));
        assert!(record["seq"].is_u64(), "{line}");
    }
}

#[test]
fn s20_nothing_that_a_caller_sends_is_in_syslog() {
    let fixture = Fixture::new();
    let socket = fixture.path("log");
    let daemon = Daemon::listen(&socket);
    let fixture = fixture.audit_log(&format!("syslog:{socket}"));
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    send_canaries(&mut alice);
    alice.call("hello", json!({}));
    let messages = daemon.until("hello");
    let mut records = Vec::new();
    for message in &messages {
        let parts: Vec<&str> = message.splitn(8, ' ').collect();
        assert!(matches!(*parts, ["<110>1", _, _, "fixture", _, "audit", "-", _]), "{message}");
        let record: Value = serde_json::from_str(parts[7]).expect("JSON");
        assert_eq!(record["ts"], parts[1], "the record's own time");
        assert!(parts[4].parse::<u32>().is_ok());
        records.push(parts[7]);
    }
    assert_records("syslog", &records);
}

#[test]
fn s20_nothing_that_a_caller_sends_is_in_the_journal() {
    let fixture = Fixture::new();
    let socket = fixture.path("journal");
    let daemon = Daemon::listen(&socket);
    let fixture = fixture.audit_log(&format!("journald:{socket}"));
    let mut alice = fixture.caller(Door::Stdio(Era::Session), Cast::ALICE);
    send_canaries(&mut alice);
    alice.call("hello", json!({}));
    let messages = daemon.until("hello");
    let records: Vec<&str> = messages
        .iter()
        .map(|message| {
            let fields: Vec<&str> = message.lines().collect();
            let [message, "PRIORITY=6", "SYSLOG_FACILITY=13", "SYSLOG_IDENTIFIER=fixture"] = *fields else {
                panic!("{fields:?}")
            };
            message.strip_prefix("MESSAGE=").expect("a message")
        })
        .collect();
    assert_records("journald", &records);
}

#[test]
fn s20_nothing_that_a_caller_sends_is_on_stderr() {
    let fixture = Fixture::new().audit_log("stderr").env("DOORMAN_LOG", "off");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    send_canaries(&mut alice);
    alice.call("hello", json!({}));
    let said = eventually("the last record", || {
        Some(server.process.stderr()).filter(|said| said.contains("\"capability\":\"hello\""))
    });
    assert_records("stderr", &said.lines().filter(|line| line.starts_with('{')).collect::<Vec<_>>());
}

#[test]
fn s24_a_log_daemon_may_be_started_again() {
    let fixture = Fixture::new();
    let socket = fixture.path("log");
    let daemon = Daemon::listen(&socket);
    let fixture = fixture.audit_log(&format!("syslog:{socket}"));
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    assert!(!alice.call("hello", json!({})).is_error());
    drop(daemon);
    for _ in 0..3 {
        assert!(alice.call("limited", json!({})).is_error(), "nobody takes records");
    }
    fs::remove_file(&socket).expect("removes");
    let daemon = Daemon::listen(&socket);
    let journal = alice.call("journal", json!({}));
    assert_eq!(journal.structured()["limited"]["began"], 1, "only the first one ran");
    let seen = daemon.until("journal");
    assert!(seen[0].contains("\"kind\":\"recovered\"") && seen[0].contains("\"lost\":3"), "{seen:?}");

    // Started again between two calls, it costs none.
    drop(daemon);
    fs::remove_file(&socket).expect("removes");
    let daemon = Daemon::listen(&socket);
    assert!(!alice.call("hello", json!({})).is_error());
    assert_eq!(daemon.until("hello").len(), 1);
}

/// rsyslog with one socket and one file.
struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn s20_rsyslogd_keeps_the_records_whole() {
    let fixture = Fixture::new();
    let [socket, file, pid] = ["log", "syslog.txt", "pid"].map(|name| fixture.path(name));
    let config = fixture.file("rsyslog.conf", &format!(
        "global(maxMessageSize=\"64k\" workDirectory=\"{}\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{socket}\" UseSpecialParser=\"off\" RateLimit.Interval=\"0\" CreatePath=\"on\")\n\
         template(name=\"raw\" type=\"string\" string=\"%app-name%|%msgid%|%syslogfacility-text%|%msg%\\n\")\n\
         action(type=\"omfile\" file=\"{file}\" template=\"raw\")\n", fixture.path("")
    ));
    let daemon = Command::new("rsyslogd").args(["-n", "-f", &config, "-i", &pid]).spawn();
    let _daemon = Rsyslog(daemon.expect("rsyslogd is installed: `tests/run` does it"));
    eventually("the daemon's socket", || fs::exists(&socket).unwrap_or(false).then_some(()));
    let fixture = fixture.audit_log(&format!("syslog:{socket}"));
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    send_canaries(&mut alice);
    alice.call("hello", json!({}));
    let text = eventually("the last record", || {
        fs::read_to_string(&file).ok().filter(|text| text.contains("\"capability\":\"hello\""))
    });
    let records: Vec<&str> = text
        .lines()
        .map(|line| {
            let line = line.strip_prefix("fixture|audit|").unwrap_or_else(|| panic!("{line}"));
            line.split_once('|').expect("a facility").1.trim_start()
        })
        .collect();
    assert_records("rsyslog", &records);
}

#[test]
fn s28_the_key_and_the_log_are_private() {
    let fixture = Fixture::new();
    let key = fixture.path("audit.key");
    let mode = |path: &str| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(fixture.says(&["audit", "keygen", &key]).0, 0);
    assert_eq!(mode(&key), 0o600);
    let public = format!("{key}.pub");
    fs::remove_file(&public).expect("the public key");
    let (again, _, err) = fixture.says(&["audit", "keygen", &key]);
    assert!(fs::metadata(&public).is_err(), "no public key without its private one");
    assert_eq!(again, 1, "the fixture's main returns an error: {err}");
    assert!(err.contains("exists"), "a key is never written over: {err}");
    let fixture = fixture.arg("--audit-key").arg(&key);
    let mut alice = fixture.caller(Door::Http(Era::Modern), Cast::ALICE);
    assert!(!alice.call("hello", json!({})).is_error());
    assert_eq!(mode(&fixture.log().display().to_string()), 0o600);
    assert_eq!(fixture.audit("chain").len(), 1, "a key implies the chain");
    drop(alice);
    fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).expect("changes");
    let (code, err) = fixture.launched_by(Cast::ALICE).refuses();
    assert!(code != 0 && err.contains("only its owner"), "{err}");
}
