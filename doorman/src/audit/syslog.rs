//! The machine's syslog.

use std::io;
use std::path::Path;

use super::datagram::Datagrams;
use super::line::TIME;
use super::sink::Sink;

/// Sends each record as a message of RFC 5424 to a local socket, `/dev/log` by default.
///
/// Facility 13 (log audit), severity 6; `MSGID` is `audit`, the message is the record's JSON. A datagram that the daemon
/// has taken counts as written: what becomes of it there, syslog doesn't say. The daemon must read RFC 5424 from its
/// local socket and take messages of 64 KiB whole; rsyslog does so with `UseSpecialParser="off"` for its `imuxsock`, and
/// `maxMessageSize="64k"`. A chain begins anew at each start, for what was sent can't be read again.
#[derive(Debug)]
pub struct Syslog {
    daemon: Datagrams,
    /// What stands between a message's time and its text.
    origin: String,
}

impl Syslog {
    /// Where syslog listens.
    pub const SOCKET: &'static str = "/dev/log";

    /// Connects to the daemon's socket, in the name of an application.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(socket: impl AsRef<Path>, application: &str) -> io::Result<Self> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let (host, application) = (word(host.trim(), 255), word(application, 48));
        let origin = format!(" {host} {application} {} audit - ", std::process::id());
        Ok(Self { daemon: Datagrams::open(socket.as_ref())?, origin })
    }
}

impl Sink for Syslog {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let record = line.strip_suffix(b"\n").unwrap_or(line);
        // The record's own time: `{"ts":"` stands before it.
        let time = record.get(7..7 + TIME).unwrap_or(b"-");
        self.daemon.send(&[b"<110>1 ", time, self.origin.as_bytes(), record].concat())
    }

    fn recover(&self) -> io::Result<()> {
        self.daemon.recover()
    }
}

/// A field of a message's header: visible ASCII, or `-` for none.
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}
