//! Files as resources: what a URI names, as text or as bytes, and which names go on from what has been typed.

use std::path::Path;

use super::{list::Listing, read::whole};
use crate::{
    prelude::*,
    scope::{Prefix, ScopedPath, prefix::Kind},
};

/// How many entries of a directory are looked at for names that go on.
const MOST: usize = 10_000;

/// What a path names: a file's text or bytes, or a directory's entries as JSON.
pub(super) fn contents(path: &ScopedPath, max: u64) -> ToolResult<Contents> {
    if path.is_root() || path.metadata()?.kind == Kind::Directory {
        let listing = serde_json::to_string(&Listing::of(path)?).map_err(ToolError::internal)?;
        return Ok(Contents::text(listing).mime("application/json"));
    }
    let bytes = whole(path, max)?;
    let guessed = mime_guess::from_path(Path::new(path.as_str())).first_raw();
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Contents::text(text).mime(guessed.unwrap_or("text/plain")),
        Err(error) => Contents::blob(error.into_bytes()).mime(guessed.unwrap_or("application/octet-stream")),
    })
}

/// The paths that begin with what has been typed; those of directories end in `/`.
pub(super) fn paths(prefix: &Prefix, typed: &str, call: &Call) -> ToolResult<Vec<String>> {
    let agent = call.agent().ok_or_else(|| ToolError::denied("this needs a verified agent"))?;
    let (directory, begun) = typed.rsplit_once('/').map_or(("", typed), |(directory, begun)| (directory, begun));
    let directory = Scoped::check(prefix, &directory.to_owned(), agent)?;
    let before = &typed[..typed.len() - begun.len()];
    let mut paths = Vec::new();
    for entry in directory.read_dir()?.take(MOST) {
        let entry = entry?;
        if entry.name.starts_with(begun) {
            let end = if entry.kind == Kind::Directory { "/" } else { "" };
            paths.push(format!("{before}{}{end}", entry.name));
        }
    }
    paths.sort_unstable();
    Ok(paths)
}
