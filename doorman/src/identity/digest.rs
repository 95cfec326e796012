//! Tokens by their SHA-256: the tokens themselves aren't kept.

use aws_lc_rs::digest::{SHA256, digest};

/// A token's SHA-256.
pub(crate) type TokenHash = [u8; 32];

pub(crate) fn hash(token: &[u8]) -> TokenHash {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, token).as_ref());
    out
}
