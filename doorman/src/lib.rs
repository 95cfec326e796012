//! `doorman`: deny-by-default MCP servers out of annotated functions.

pub mod audit;
pub mod credentials;
pub mod limits;
pub mod redact;
pub mod scope;
mod server;
