//! OAuth: bearer tokens that issuers elsewhere sign, or answer for.
//!
//! In comes a token; out goes its [`Bearer`](super::Bearer), or a word for why there is none. A token is taken apart ([`jws`]), what it says
//! is compared with what the operator said ([`claims`]), and its signature is checked with the issuer's keys ([`keys`],
//! [`keyring`]); or its issuer is asked ([`introspection`]). What was found out is remembered by the token's SHA-256
//! ([`Recent`](super::Recent)). Requests to issuers go through [`fetch`], and nowhere else.

mod algorithm;
mod claims;
mod discovery;
mod engine;
mod fetch;
mod file;
mod flight;
mod introspection;
mod issuers;
mod json;
mod jws;
mod keyring;
mod keys;
mod mapping;
mod settings;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub(crate) use file::Written;
pub use issuers::Issuers;
pub use settings::{Auth, InvalidAuth};
