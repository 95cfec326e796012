//! The reference server: manifests, the built-in modules, and the command line, as an operator has them.

mod commands;
mod filesystem;
mod lifecycle;
mod manifests;
mod records;
mod secrets;
mod sqlite;
mod worlds;
