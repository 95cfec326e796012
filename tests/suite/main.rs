//! Tests.
mod macros;
