//! Redaction: what may leave.
//!
//! A [`Redactor`] is compiled once from key rules, value detectors and the credentials that the process holds; every tool
//! gets one compiled [`Plan`] out of it. In go JSON values and texts that authors, modules and upstreams wrote; out comes the
//! same with masks such as `«redacted:email»` in place of what must not leave, and byte-identical elsewhere.
//! What is too deep or too large to be looked at entirely is [`Blocked`], never forwarded.
//!
//! ```
//! use doorman::redact::{Counts, Redactor};
//! use serde_json::json;
//!
//! let redactor = Redactor::builder().build()?;
//! let plan = redactor.plan(&["iban"], &[])?;
//! let mut result = json!({"id": "INV-1", "iban": "DE02…", "note": "ask alice@example.com"});
//! let mut counts = Counts::default();
//! plan.value(&mut result, &mut counts)?;
//! assert_eq!(result, json!({"id": "INV-1", "iban": "«redacted:key»", "note": "ask «redacted:email»"}));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where what is looked for is known: `keys`, `rules` and `memo` (what keys say), `scrub` (credentials by value), `patterns`
//! (the application's own), `more` (what tools and manifests add), `tokens` and `credential` (credentials by form), `scan` (everything else, one pass over
//! `marks`): `email`; `number` with `card`, `ssn`, `phone` and `context`; `iban`; `url`; `address`; `pairs` with `entropy`.
//! `escaped` and `runs` find what is written in escapes and base64, `walk` goes through values, `splice` writes JSON,
//! `widen` keeps schemas true.
//!
//! Credentials by value come first, then those by form, then the scan. Each stage sees what the one before left, so a mask
//! is a boundary like any other punctuation and redaction is idempotent. Nothing is dropped for speed: what can't be
//! anything is passed over many bytes at a time, and what may be something is looked at once, within bounds.

mod address;
mod card;
mod chars;
mod context;
mod credential;
mod email;
mod embedded;
mod encoded;
mod entropy;
mod escaped;
mod iban;
mod idle;
mod keys;
mod kind;
mod knowledge;
mod marks;
mod memo;
mod more;
mod number;
mod pairs;
mod patterns;
mod phone;
mod plan;
mod redactor;
mod rules;
mod runs;
mod scan;
mod scrub;
mod sep;
mod spans;
mod splice;
mod ssn;
mod tokens;
mod url;
mod walk;
mod widen;

#[cfg(test)]
mod accuracy;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod laws;

pub(crate) use embedded::{Parsed, may_be_json, parse as parse_json};
pub(crate) use encoded::{Decoded, decode as decode_base64};
#[cfg(any(test, fuzzing))]
pub(crate) use escaped::Unescaped;
pub(crate) use escaped::resolve as resolve_escape;
pub use keys::InvalidGlob;
pub(crate) use kind::masks;
pub use kind::{Counts, Kind};
pub(crate) use knowledge::Knowledge;
pub(crate) use more::More;
pub use more::ToolRules;
pub use patterns::InvalidPattern;
pub use plan::{Blocked, Plan};
pub use redactor::{InvalidRules, Redactor, RedactorBuilder};
pub use spans::Span;
pub(crate) use widen::Masked;
