//! Who calls: principals, the agents they act as, and what verifies them.
//!
//! In come a bearer token or the operator's launch configuration; out goes a [`Principal`], which only a verifier can mark
//! as verified, with the [`Agent`] that it acts as. An agent's names are safe wherever they end up: as directory and file
//! names, in keys, in logs.

mod agent;
#[cfg(feature = "oauth")]
mod auth;
mod digest;
mod principal;
mod recent;
mod resource;
mod tokens;
mod verifier;

pub use agent::{Agent, InvalidAgent};
#[cfg(feature = "oauth")]
pub(crate) use auth::Written;
#[cfg(feature = "oauth")]
pub use auth::{Algorithm, Auth, InvalidAuth, Issuers};
pub(crate) use digest::TokenHash;
#[cfg(feature = "http")]
pub(crate) use digest::hash as token_hash;
pub(crate) use principal::Voucher;
pub use principal::{Identity, Principal};
pub(crate) use recent::Recent;
pub use resource::ProtectedResource;
pub use tokens::Tokens;
pub use verifier::{Bearer, TokenVerifier, Unverified};
