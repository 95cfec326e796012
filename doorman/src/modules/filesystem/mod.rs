//! An agent's files.

/// An agent's files.
pub struct Filesystem;
