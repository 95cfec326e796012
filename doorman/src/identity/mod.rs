//! Who calls: principals, the agents they act as, and what verifies them.
mod principal;
pub use principal::Principal;
/// An agent.
#[derive(Debug, Clone)]
pub struct Agent {
    id: String,
    kind: String,
}
impl Agent {
    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// The type.
    pub fn kind(&self) -> &str {
        &self.kind
    }
}
