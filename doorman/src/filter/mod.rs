//! Filters: patterns that the operator or the application looks for in what callers send and in what leaves.
//!
//! A [`Filter`] says what is looked for, where, and what becomes of it; `table` compiles those that apply to each
//! capability into a screen, once. In go JSON values and texts; out comes a refusal, or the text with masks, and what was
//! found goes to the audit record, as names and places of ours and never as a value.
//!
//! A screen looks at every text as it is written and at all that it may be read as (`forms`): in Unicode's compatibility form
//! without characters that nobody sees (`normal`), without escapes of URLs, HTML and JSON (`escapes`), out of base64 wherever
//! it stands (`runs`), and all of these within each other to a stated depth. What can't be looked at to its end is refused.
//! A text that is parted over several values is several texts.

mod declared;
mod escapes;
mod fields;
mod forms;
mod found;
mod locate;
mod mask;
mod normal;
mod origin;
mod pattern;
mod rule;
mod runs;
mod screen;
mod table;
mod walk;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod vectors;

pub(crate) use forms::Unscannable;
pub(crate) use found::{Findings, Place};
pub(crate) use rule::{Action, Direction, Part, Rule};
pub use rule::{Filter, InvalidFilter};
pub(crate) use screen::{Refused, Screen};
pub(crate) use table::{Screens, Table};
pub(crate) use walk::Keys;
