//! Spans and metrics, as collectors of all kinds get them.

mod collectors;
mod metrics;
mod prometheus;
mod spans;
mod traces;
