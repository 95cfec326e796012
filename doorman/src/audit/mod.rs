//! Audit: what was called, by whom, and how it ended; one JSON object a line, never with a value that somebody sent.
//!
//! In come finished calls ([`CallRecord`]) and what was refused before it became one ([`Audit::rejected`]); out go
//! lines to a [`Sink`], written before the caller gets its reply. While the sink fails, [`Audit::ready`] says so, and
//! nothing may run until it works again; that takes no restart.
//!
//! ```
//! use doorman::audit::{Audit, CallRecord, Stderr, Transport, Verdict, shape};
//!
//! let audit = Audit::new(Stderr);
//! audit.ready()?;
//! let shape = shape(&serde_json::json!({"pin": "4711"}));
//! let record = CallRecord::new(Transport::Stdio, "get_invoice", Verdict::Ok, "ok", &shape);
//! audit.call(&CallRecord { principal: Some("alice"), cost: Some(1), ..record })?;
//! # Ok::<(), doorman::audit::SinkError>(())
//! ```

mod checkpoint;
mod file;
mod keys;
mod line;
mod links;
mod record;
mod rejected;
mod settings;
mod shape;
mod sink;
mod tail;
mod trail;
mod verify;

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod tests;

pub use file::RotatingFile;
pub use keys::{PublicKey, SigningKey};
pub use record::{CallRecord, SessionTag, Transport, Verdict};
pub use settings::{Chaining, Durability, OnFailure, Settings};
pub use shape::{Shape, shape};
pub use sink::{Segments, Sink, SinkError, Stderr, Stopped, Tail};
pub use trail::Audit;
pub use verify::{Finding, Report, Verifier};
