//! The audit log on the command line: where a server writes it, and the commands that read one.

mod commands;
mod options;

pub(super) use commands::{AuditCommand, command};
pub(super) use options::{AuditOptions, arguments};
