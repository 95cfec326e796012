//! Reading a log that was written: offline, a line at a time, in bounded memory whatever the files hold.

mod entry;
mod files;
mod follow;
mod stats;

pub(crate) use entry::{Entry, Filter, visible, visible_json};
pub(crate) use files::{log_files, open_regular};
pub(crate) use follow::{Follow, last};
pub(crate) use stats::Stats;

#[cfg(test)]
mod tests;
