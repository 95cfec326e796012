//! Why an application can't be served.

use std::fmt;

use thiserror::Error as Derive;

use crate::{
    exposure::{CatalogError, ModuleError},
    filter::InvalidFilter,
    limits::LimitError,
    manifest::{FileError, FileErrors},
    redact::{InvalidRules, Redactor},
};

/// Why an application can't be served. Its `Debug` is its `Display`, so that `main` can return it and the operator reads
/// one line for each thing that is wrong.
#[derive(Derive)]
pub enum Error {
    /// What is exposed doesn't fit together.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A limit that can't hold.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A redaction rule that can't be used.
    #[error(transparent)]
    Redaction(#[from] InvalidRules),
    /// A filter of the application's that can't be used.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// Files of the operator's that can't be used: manifests, tokens.
    #[error("{0}")]
    Files(FileErrors),
    /// Who calls on stdio, or whose token `DOORMAN_BEARER_TOKEN` is, was said wrong.
    #[error("{0}")]
    Launch(String),
    /// The command line.
    #[error("{0}")]
    Usage(String),
    /// An address that must not be served this way.
    #[cfg(feature = "http")]
    #[error("refusing to serve {address}: {reason}")]
    Unsafe {
        /// The address.
        address: String,
        /// What is missing.
        reason: &'static str,
    },
    /// A module that can't be configured or started.
    #[error("the module `{instance}` can't start: {reason}")]
    Module {
        /// The module's instance.
        instance: String,
        /// Its own words.
        reason: ModuleError,
    },
    /// A setting of the application's that can't be used.
    #[error("{0}")]
    Setting(String),
    /// The state store can't be opened.
    #[error("the state store {store} can't be opened: {error}")]
    State {
        /// Which.
        store: String,
        /// Why.
        error: std::io::Error,
    },
    /// The audit log can't be opened.
    #[error("the audit log can't be opened: {0}")]
    Audit(std::io::Error),
    /// An audit log isn't as it was written.
    #[error("{0} findings: this log isn't as it was written")]
    Findings(u64),
    /// Lines that `redact` couldn't redact.
    #[error("{0} lines can't be redacted; nothing of them is in the output")]
    Unredacted(u64),
    /// The server's own log can't be opened.
    #[error("the ops log can't be opened: {0}")]
    OpsLog(std::io::Error),
    /// The network or a standard stream.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's error.
        error: std::io::Error,
    },
}

impl Error {
    /// Without credentials, which a module's own words may hold (S18).
    pub(crate) fn scrubbed(self, redactor: &Redactor) -> Self {
        match self {
            Self::Module { instance, reason } => {
                Self::Module { instance, reason: redactor.scrub(&reason.to_string()).into_owned().into() }
            }
            Self::Files(errors) => Self::Files(errors.reworded(|text| redactor.scrub(text).into_owned())),
            other => other,
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        Self::Files(error.into())
    }
}

impl From<Vec<FileError>> for Error {
    fn from(errors: Vec<FileError>) -> Self {
        Self::Files(errors.into())
    }
}

impl From<FileErrors> for Error {
    fn from(errors: FileErrors) -> Self {
        Self::Files(errors)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
