//! An agent's database.

/// An agent's database.
pub struct Sqlite;
