//! Audit: what was called, by whom, and how it ended; one JSON object a line, never with a value that somebody sent.
//!
//! In come finished calls ([`CallRecord`]) and what was refused before it became one ([`Audit::rejected`]); out go
//! lines to a [`Sink`], written before the caller gets its reply. While the sink fails, [`Audit::ready`] says so, and
//! nothing may run until it works again; that takes no restart.
//!
//! ```
//! use doorman::audit::{Audit, CallRecord, Capability, Stderr, Transport, Verdict, shape};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
//! # runtime.block_on(async {
//! let audit = Audit::new(Stderr);
//! audit.ready().await?;
//! let shape = shape(&serde_json::json!({"pin": "4711"}));
//! let called = Capability::Named("get_invoice");
//! let record = CallRecord::new("tools/call", Transport::Stdio, called, Verdict::Ok, "ok", &shape);
//! audit.call(&CallRecord { principal: Some("alice"), cost: Some(1), ..record }).await?;
//! audit.finish().await
//! # })?;
//! # Ok::<(), doorman::audit::SinkError>(())
//! ```

mod checkpoint;
mod datagram;
mod file;
mod journald;
mod keys;
mod line;
mod links;
mod log;
mod queue;
mod reading;
mod record;
mod rejected;
mod settings;
mod shape;
mod shared;
mod sink;
mod stderr;
mod syslog;
mod tail;
mod trail;
mod verify;
mod writer;

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer_tests;

pub use file::RotatingFile;
pub use journald::Journald;
pub use keys::{PublicKey, SigningKey};
pub(crate) use line::{Line, time_text};
pub(crate) use reading::{Entry, Filter, Follow, Stats, last, log_files, open_regular, visible, visible_json};
pub use record::{CallRecord, Capability, Filtered, SessionTag, Transport, Verdict};
pub use settings::{Chaining, Durability, OnFailure, Settings};
pub use shape::{Shape, shape};
pub use sink::{Segments, Sink, SinkError, Stopped, Tail};
pub use stderr::Stderr;
pub use syslog::Syslog;
pub use trail::Audit;
pub use verify::{Finding, Head, Report, Verifier};
