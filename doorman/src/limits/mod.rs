//! Limits: how often a caller may call, how much that may cost, and how many calls run at once.
//!
//! In come rules (the application's, and each tool's own), a clock, and for every attempt who calls and what was found;
//! out goes an [`Admission`], or an [`Exceeded`] that says which rule refused and when to come back. The store
//! (`crate::state`) probes every rule that applies and commits all of them or none.
//!
//! ```
//! use doorman::limits::{Caller, Limits, Monotonic, Quotas};
//!
//! let limits = Limits::new(Monotonic::start(), &Quotas::parse(Some("60/min per_caller"), Some("500/day"))?);
//! let refund = limits.tool("refund", Some("5/min"), 25)?;
//! let caller = Caller::Verified { tenant: None, subject: "alice" }.key();
//!
//! assert!(limits.admit(caller, Some(&refund)).is_ok());
//! assert_eq!(limits.remaining(caller, &refund), Some(475));
//! # Ok::<(), doorman::limits::LimitError>(())
//! ```

mod bucket;
mod caller;
mod clock;
mod concurrency;
mod error;
mod quotas;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod vectors;

pub use caller::{Caller, CallerKey, Counted};
pub(crate) use clock::nanos;
pub use clock::{Clock, Manual, Monotonic};
pub use concurrency::{Concurrency, Permit, Running};
pub use error::{Exceeded, Kind, LimitError};
pub use quotas::{Admission, DEFAULT_MAX_CELLS, GrantLimits, Limits, Quotas, ToolLimits};
