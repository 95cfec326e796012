//! Resource scopes: which resources a call may touch.
//!
//! In come the address that a model sent and the agent that the call is made for; out goes a resource that can only be
//! the agent's own, or a [`ScopeViolation`]. Checking and applying are one step, so there is no second call to forget.
//! [`Prefix`] confines paths, [`Namespace`] keys, [`AgentFile`] gives each agent a file, [`Allowlist`] names what is open
//! to all; an application's own scope implements [`ResourceScope`].

mod agent_file;
mod allowlist;
mod host;
mod namespace;
pub mod prefix;
mod scoped;
mod violation;

pub use agent_file::{AgentFile, InvalidExtension, OwnFile};
pub use allowlist::{Allowed, Allowlist};
pub use namespace::{Namespace, NamespacedKey};
pub use prefix::{Prefix, ScopedPath};
pub(crate) use scoped::sealed;
pub use scoped::{Confined, Scoped};
pub use violation::ScopeViolation;

use crate::identity::Agent;

/// A rule that turns what a model sent into a resource of the agent's own.
///
/// ```
/// use doorman::{
///     identity::Agent,
///     scope::{ResourceScope, ScopeViolation},
/// };
///
/// /// Ledger accounts are numbered, and an agent's begin with its own number.
/// struct Ledger;
///
/// impl ResourceScope for Ledger {
///     type Raw = u64;
///     type Resource = u64;
///
///     fn resolve(&self, raw: &u64, agent: &Agent) -> Result<u64, ScopeViolation> {
///         let own = raw.to_string().starts_with(agent.id());
///         own.then_some(*raw).ok_or_else(|| ScopeViolation::new(&raw.to_string(), "an account of your own"))
///     }
/// }
///
/// let agent = Agent::new("17", "bookkeeper")?;
/// assert_eq!(Ledger.resolve(&17_001, &agent), Ok(17_001));
/// let violation = Ledger.resolve(&18_001, &agent).unwrap_err();
/// assert_eq!(violation.to_string(), r#""18001" is out of scope; expected an account of your own"#);
/// # Ok::<(), doorman::identity::InvalidAgent>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no resource scope",
    label = "expected a type that implements `ResourceScope`",
    note = "the built-in scopes are `Prefix`, `Namespace`, `AgentFile` and `Allowlist`; for addresses of your own, \
            implement `ResourceScope`"
)]
pub trait ResourceScope: Send + Sync + 'static {
    /// The address as the model sends it, and as it is published in the tool's schema.
    type Raw: serde::de::DeserializeOwned + schemars::JsonSchema + Send + 'static;
    /// What an address becomes: something that can't lead to another agent's resources, whatever is done with it.
    type Resource: Send + 'static;

    /// The agent's resource at that address. Decides by the address alone: no I/O, and the same answer whether or not
    /// anything exists there.
    fn resolve(&self, raw: &Self::Raw, agent: &Agent) -> Result<Self::Resource, ScopeViolation>;
}
