//! What the macros make of functions, types and `impl` blocks: specs, values, and functions that stay functions. What
//! they refuse is in `ui`; what becomes of it on the wire is tested there.

mod arguments;
mod functions;
mod kinds;
mod modules;

use std::fmt::Debug;

/// A spec as text, on one line.
fn shown(spec: impl Debug) -> String {
    format!("{spec:?}")
}

#[track_caller]
fn assert_says(spec: impl Debug, what: &[&str]) {
    let shown = shown(spec);
    for what in what {
        assert!(shown.contains(what), "{what:?} is not in {shown}");
    }
}
