//! What a call asks of its client, and what the client carries for it meanwhile.
//!
//! `form` makes the form of an elicitation out of a Rust type, and the type out of an answer. `seal` keeps what a client
//! carries between two requests (a call's state, a list's cursor) from being read, changed or used elsewhere. That a
//! state is used only once is up to the state store ([`Limits::take_once`](crate::limits::Limits)).

#![cfg_attr(not(test), expect(dead_code, reason = "wired by the guard next"))]

mod form;
mod seal;
