//! Resource scopes: which resources a call may touch.
mod scoped;
use crate::identity::Agent;
pub(crate) use scoped::sealed;
pub use scoped::{Confined, Scoped};
/// A resource scope.
pub trait ResourceScope: Send + Sync + 'static {
    /// What the model sends.
    type Raw: serde::de::DeserializeOwned + schemars::JsonSchema + Send + 'static;
    /// What the function gets.
    type Resource: Send + 'static;
    /// Checks.
    fn resolve(&self, raw: &Self::Raw, agent: &Agent) -> Result<Self::Resource, ScopeViolation>;
}
/// A violation.
#[derive(Debug)]
pub struct ScopeViolation(String);
impl ScopeViolation {
    /// New.
    pub fn new(m: impl Into<String>) -> Self {
        Self(m.into())
    }
}
impl std::fmt::Display for ScopeViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
