//! Limits: how often a caller may call, how much that may cost, and how many calls run at once.
//!
//! In come rules (the application's, and each tool's own), a clock, and for every attempt who calls and what was found;
//! out goes an [`Admission`], or an [`Exceeded`] that says which rule refused and when to come back. The store
//! (`crate::state`) probes every rule that applies and commits all of them or none.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use doorman::limits::{Caller, Limits, Monotonic, Quotas};
//!
//! let limits = Limits::new(Monotonic::start(), &Quotas::parse(Some("60/min per_caller"), Some("500/day"))?);
//! let refund = limits.tool("refund", Some("5/min"), 25)?;
//! let caller = Caller::Verified { tenant: None, subject: "alice" }.key();
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! assert!(limits.admit(caller, Some(&refund)).await.is_ok());
//! assert_eq!(limits.remaining(caller, &refund).await?, Some(475));
//! # Ok(())
//! # })
//! # }
//! ```

mod admission;
mod bucket;
mod caller;
mod canonical;
mod clock;
mod concurrency;
mod error;
mod low;
mod once;
mod quotas;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod now;
#[cfg(test)]
mod vectors;

pub use admission::{Admission, Budget};
pub(crate) use caller::digest;
pub use caller::{Caller, CallerKey, Counted};
pub(crate) use canonical::sha256;
pub use clock::{Clock, Manual, Monotonic};
pub(crate) use clock::{SystemWide, nanos};
pub use concurrency::{Concurrency, Permit, Running};
pub use error::{Exceeded, Kind, LimitError, Refusal};
pub(crate) use once::{NotTaken, Taken};
pub use quotas::{DEFAULT_MAX_CELLS, GrantLimits, Limits, Quotas, Round, ToolLimits};

pub use crate::state::Unavailable;
