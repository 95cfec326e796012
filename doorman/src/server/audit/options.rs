//! What the operator says about the log of a server.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};

use super::super::{Error, log::tell};
use crate::audit::{
    Audit, Chaining, Durability, Journald, OnFailure, RotatingFile, Settings, SigningKey, Sink, Stderr, Syslog,
};

/// A file's size before it is rotated, and how many old ones are kept.
const FILE: (u64, u32) = (64 << 20, 8);

/// What the command line says; what it doesn't say, the application does.
#[derive(Debug, Default)]
pub(in super::super) struct AuditOptions {
    to: Option<Destination>,
    chain: bool,
    key: Option<PathBuf>,
    durability: Option<Durability>,
    on_failure: Option<OnFailure>,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    Stderr,
    File(PathBuf),
    Syslog(PathBuf),
    Journald(PathBuf),
}

impl Destination {
    /// `stderr`, `syslog[:SOCKET]`, `journald[:SOCKET]`; all else is a file.
    fn parse(text: OsString) -> Result<Self, String> {
        let Some(said) = text.to_str() else { return Ok(Self::File(text.into())) };
        let (word, socket) = said.split_once(':').map_or((said, None), |(word, socket)| (word, Some(socket)));
        let socket = |otherwise: &str| match socket {
            Some("") => Err("expected a socket's path after the colon, or no colon".to_owned()),
            socket => Ok(PathBuf::from(socket.unwrap_or(otherwise))),
        };
        match word {
            "stderr" if said == word => Ok(Self::Stderr),
            "syslog" => socket(Syslog::SOCKET).map(Self::Syslog),
            "journald" => socket(Journald::SOCKET).map(Self::Journald),
            "" if said.is_empty() => Err("expected a file, stderr, syslog or journald".to_owned()),
            _ => Ok(Self::File(text.into())),
        }
    }

    fn open(self, application: &str) -> std::io::Result<Box<dyn Sink>> {
        let (bytes, keep) = FILE;
        Ok(match self {
            Self::Stderr => Box::new(Stderr),
            Self::File(path) => Box::new(RotatingFile::open(path, bytes, keep)?),
            Self::Syslog(socket) => Box::new(Syslog::open(socket, application)?),
            Self::Journald(socket) => Box::new(Journald::open(socket, application)?),
        })
    }
}

impl AuditOptions {
    pub(in super::super) fn of(matches: &mut ArgMatches) -> Result<Self, Error> {
        let to = matches.remove_one("audit-log").map(Destination::parse).transpose();
        let word = |it: Option<String>| it.unwrap_or_default();
        Ok(Self {
            to: to.map_err(|error| Error::Usage(format!("--audit-log: {error}")))?,
            chain: matches.get_flag("audit-chain"),
            key: matches.remove_one("audit-key"),
            durability: match &*word(matches.remove_one("audit-durability")) {
                "flushed" => Some(Durability::Flushed),
                "fsync" => Some(Durability::Fsync),
                _ => None,
            },
            on_failure: match &*word(matches.remove_one("audit-on-failure")) {
                "deny" => Some(OnFailure::Deny),
                "warn" => Some(OnFailure::Warn),
                _ => None,
            },
        })
    }

    /// Opens the log: as the command line says, else as the application does, else on stderr.
    pub(in super::super) fn open(
        self,
        application: &str,
        sink: Option<Box<dyn Sink>>,
        mut settings: Settings,
    ) -> Result<Audit, Error> {
        settings.durability = self.durability.unwrap_or(settings.durability);
        settings.on_failure = self.on_failure.unwrap_or(settings.on_failure);
        if let Some(path) = self.key {
            let wrong = |error| Error::Setting(format!("the key {} can't be used: {error}", path.display()));
            settings.chaining = Chaining::Signed(SigningKey::read(&path).map_err(wrong)?);
        } else if self.chain && matches!(settings.chaining, Chaining::Off) {
            settings.chaining = Chaining::Chained;
        }
        if settings.on_failure == OnFailure::Warn {
            tell("WARNING: audit records may be lost: calls go on when they can't be written (on failure: warn)");
        }
        let sink = match (self.to, sink) {
            (Some(destination), _) => destination.open(application).map_err(Error::Audit)?,
            (None, Some(sink)) => sink,
            (None, None) => Box::new(Stderr),
        };
        Audit::open(sink, settings).map_err(Error::Audit)
    }
}

/// The options of a command that serves.
pub(in super::super) fn arguments(command: Command) -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    command
        .arg(
            option(
                "audit-log",
                "DEST",
                "Write audit records to this FILE (0600, rotated), to stderr (the default), syslog[:SOCKET] or \
                 journald[:SOCKET]",
            )
            .value_parser(value_parser!(OsString)),
        )
        .arg(
            Arg::new("audit-chain")
                .long("audit-chain")
                .action(clap::ArgAction::SetTrue)
                .help("Chain audit records by their hashes"),
        )
        .arg(
            option("audit-key", "FILE", "Sign the chain with this Ed25519 key (0600; `audit keygen` makes one)")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            option("audit-durability", "WHEN", "A record counts as written when it is flushed (the default) or fsync")
                .value_parser(["flushed", "fsync"]),
        )
        .arg(
            option("audit-on-failure", "WHAT", "When a record can't be written: deny the call (the default) or warn")
                .value_parser(["deny", "warn"]),
        )
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn destinations() {
        let parse = |text: &str| Destination::parse(text.into());
        for (text, expected) in [
            ("stderr", Destination::Stderr),
            ("syslog", Destination::Syslog("/dev/log".into())),
            ("syslog:/run/log", Destination::Syslog("/run/log".into())),
            ("journald", Destination::Journald("/run/systemd/journal/socket".into())),
            ("./syslog", Destination::File("./syslog".into())),
            ("audit.jsonl", Destination::File("audit.jsonl".into())),
            ("C:/x", Destination::File("C:/x".into())),
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
        }
        for wrong in ["", "syslog:", "journald:"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
