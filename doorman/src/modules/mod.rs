//! Built-in tool modules, each behind a feature. They know only the public API that an application's author has.

#[cfg(feature = "filesystem")]
mod filesystem;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "filesystem")]
pub use filesystem::Filesystem;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
