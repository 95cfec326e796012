//! Calls that ask their client, tell it, and go on as tasks.

mod after_input;
mod answers;
mod floods;
mod keys;
mod once;
mod owners;
mod questions;
mod records;
mod state;
mod takeover;
mod tasks;
mod telling;
mod time;
