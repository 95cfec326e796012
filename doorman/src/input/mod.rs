//! What a call asks of its client: forms and pages for the user, its model, where it works; and what the client carries for
//! it meanwhile.
//!
//! In come questions by type; out come answers by type, whether the protocol has the server ask (up to 2025-11-25) or ends a
//! round and begins another (2026-07-28). `form` makes the form of an elicitation out of a Rust type, and the type out of
//! an answer. `seal` keeps what a client carries between two requests (a call's state, a list's cursor) from being read,
//! changed or used elsewhere. That a state is used only once is up to the state store
//! ([`Limits::take_once`](crate::limits::Limits)).

mod asking;
mod form;
mod question;
mod seal;

pub use asking::{Elicit, ElicitUrl, Root, Roots, Sample, Sampled, Sampling};
pub use question::{Ability, InputError, Level};

pub(crate) use form::Form;
pub(crate) use question::{Outlet, Question, Silent};
pub(crate) use seal::Sealer;
