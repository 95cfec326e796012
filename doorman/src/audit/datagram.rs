//! Datagrams to a log daemon of this machine: syslog and the journal.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the daemon may take to read, before the line counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the daemon's socket, made anew when the daemon was started again.
#[derive(Debug)]
pub(super) struct Datagrams {
    path: PathBuf,
    socket: Mutex<UnixDatagram>,
}

impl Datagrams {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), socket: Mutex::new(connect(path)?) })
    }

    /// Sends one datagram, over a new connection if the old one's daemon is gone.
    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match socket.send(datagram) {
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotConnected) => {
                *socket = connect(&self.path)?;
                socket.send(datagram)
            }
            sent => sent,
        };
        match sent? == datagram.len() {
            true => Ok(()),
            false => Err(ErrorKind::WriteZero.into()),
        }
    }

    pub(super) fn recover(&self) -> io::Result<()> {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = connect(&self.path)?;
        Ok(())
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect(path)?;
    Ok(socket)
}
