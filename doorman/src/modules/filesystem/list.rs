//! What stands in a directory, or at a path.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    prelude::*,
    scope::{ScopedPath, prefix},
};

/// How many entries are listed.
const MOST: usize = 10_000;

/// A directory's entries.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// Sorted by name.
    pub(super) entries: Vec<Entry>,
    /// Whether there are more.
    pub(super) truncated: bool,
}

/// One name in a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Of a file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    Other,
}

/// What is known about a path.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// Relative to the agent's root directory.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// In bytes.
    pub(super) size: u64,
    /// RFC 3339, UTC; null where it isn't known.
    pub(super) modified: Option<String>,
}

impl From<prefix::Kind> for Kind {
    fn from(kind: prefix::Kind) -> Self {
        match kind {
            prefix::Kind::File => Self::File,
            prefix::Kind::Directory => Self::Directory,
            prefix::Kind::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

impl Listing {
    pub(super) fn of(path: &ScopedPath) -> ToolResult<Self> {
        let mut listed = path.read_dir()?;
        let mut entries = Vec::new();
        for entry in listed.by_ref().take(MOST) {
            let prefix::Entry { name, kind, len, .. } = entry?;
            entries.push(Entry { name, kind: kind.into(), size: (kind == prefix::Kind::File).then_some(len) });
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { entries, truncated: listed.next().is_some() })
    }
}

impl Facts {
    pub(super) fn of(path: &ScopedPath) -> ToolResult<Self> {
        let facts = path.metadata()?;
        Ok(Self {
            path: path.as_str().to_owned(),
            kind: facts.kind.into(),
            size: facts.len,
            modified: facts.modified.and_then(in_words),
        })
    }
}

/// `None` for times that the format has no words for: whoever may touch a file can say that it is from the year 30,000.
fn in_words(time: SystemTime) -> Option<String> {
    let nanoseconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_utc_and_the_absurd_ones_are_left_out() {
        let at = |seconds| in_words(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(951_782_400).as_deref(), Some("2000-02-29T00:00:00Z"));
        assert_eq!(at(1 << 60), None);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(in_words(before).as_deref(), Some("1969-12-31T23:59:59Z"));
    }
}
