//! What the wire tests share: the fixture as a process, clients of each transport and generation, raw requests, and the
//! audit log as it was written.
//!
//! A [`Fixture`] says how the fixture is started; [`Fixture::caller`] gives a [`Caller`] through one [`Door`], and
//! [`Fixture::serve`] a [`Server`] that several callers and raw requests share.

mod authority;
mod caller;
mod collector;
mod fixture;
mod http;
mod listening;
mod numbers;
mod process;
mod reply;
mod stdio;
mod talk;

pub(crate) use authority::{Authority, INTROSPECTOR, RESOURCE, installed};
pub(crate) use caller::{Caller, Door, Era, completing};
pub(crate) use collector::{Collector, Manners, Rotel, Span, exporting_to};
pub(crate) use fixture::{Cast, Fixture, Server, Tail, digest};
pub(crate) use http::{Request, Response, Wire};
pub(crate) use numbers::Numbers;
pub(crate) use process::{Process, Reading, eventually};
pub(crate) use reply::Reply;
pub(crate) use stdio::Lines;
pub(crate) use talk::{Question, Talk, Turn, able, able_of_tasks, accept, going_on, say};

/// The secret that the fixture holds: its forms (raw, base64, URL- and JSON-escaped) all differ.
pub(crate) const SECRET: &str = "hunter2/\"held\"+secret&=";

/// The forms in which [`SECRET`] could leave.
pub(crate) fn secret_forms() -> [String; 5] {
    use base64::{Engine, engine::general_purpose};
    [
        SECRET.to_owned(),
        general_purpose::STANDARD.encode(SECRET),
        general_purpose::URL_SAFE_NO_PAD.encode(SECRET),
        "hunter2%2F%22held%22%2Bsecret%26%3D".to_owned(),
        r#"hunter2/\"held\"+secret&="#.to_owned(),
    ]
}

/// Fails if a text holds the held secret in any form.
#[track_caller]
pub(crate) fn assert_no_secret(what: &str, text: &str) {
    for form in secret_forms() {
        assert!(!text.contains(&form), "{what} holds the secret as {form}: {text}");
    }
}
