//! Who calls: principals, the agents they act as, and what verifies them.
//!
//! In come a bearer token or the operator's launch configuration; out goes a [`Principal`], which only a verifier can mark
//! as verified, with the [`Agent`] that it acts as. An agent's names are safe wherever they end up: as directory and file
//! names, in keys, in logs.

mod agent;
mod principal;
mod tokens;

pub use agent::{Agent, InvalidAgent};
pub use principal::Principal;
pub use tokens::Tokens;

pub(crate) use principal::Identity;
