//! Audit: what happened.
