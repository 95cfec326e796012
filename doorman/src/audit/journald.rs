//! The systemd journal.

use std::io;
use std::path::Path;

use super::datagram::Datagrams;
use super::sink::Sink;

/// Sends each record to the systemd journal, in its own protocol: `MESSAGE` is the record's JSON, and
/// `SYSLOG_IDENTIFIER` the application (`journalctl -t NAME -o cat` gives the lines).
///
/// A datagram that the journal has taken counts as written. A chain begins anew at each start.
#[derive(Debug)]
pub struct Journald {
    daemon: Datagrams,
    /// The fields that all records have.
    fields: String,
}

impl Journald {
    /// Where the journal listens.
    pub const SOCKET: &'static str = "/run/systemd/journal/socket";

    /// Connects to the journal's socket, in the name of an application.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(socket: impl AsRef<Path>, application: &str) -> io::Result<Self> {
        // A field ends with its line.
        let application: String = application.chars().filter(|c| !c.is_control()).collect();
        let fields = format!("\nPRIORITY=6\nSYSLOG_FACILITY=13\nSYSLOG_IDENTIFIER={application}\n");
        Ok(Self { daemon: Datagrams::open(socket.as_ref())?, fields })
    }
}

impl Sink for Journald {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        // In a record all line breaks are escaped, so that it can't end this field and begin another.
        let record = line.strip_suffix(b"\n").unwrap_or(line);
        self.daemon.send(&[b"MESSAGE=", record, self.fields.as_bytes()].concat())
    }

    fn recover(&self) -> io::Result<()> {
        self.daemon.recover()
    }
}
