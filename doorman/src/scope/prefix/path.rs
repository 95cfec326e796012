//! Which paths are looked up at all. Decided by the text alone, so the answer says nothing about what exists.

use std::sync::Arc;

use super::ScopeViolation;

/// The longest path, in bytes: `PATH_MAX`.
const LONGEST: usize = 4096;
/// The longest component, in bytes: `NAME_MAX`.
const LONGEST_NAME: usize = 255;
/// The deepest path.
const DEEPEST: usize = 64;

/// Components joined by single slashes, none of them empty, `.` or `..`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RelativePath(Arc<str>);

impl RelativePath {
    pub(super) fn parse(raw: &str) -> Result<Self, ScopeViolation> {
        let refuse = |expected| Err(ScopeViolation::new(raw, expected));
        if raw.len() > LONGEST {
            return refuse("a path of at most 4096 bytes");
        }
        if raw.contains('\0') {
            return refuse("a path without NUL");
        }
        if raw.starts_with('/') || raw.contains('\\') || has_drive(raw) {
            return refuse("a path relative to your root directory, with forward slashes");
        }
        let names = || raw.split('/').filter(|name| !matches!(*name, "" | "."));
        if names().any(|name| name == "..") {
            return refuse("a path without `..`");
        }
        if names().any(|name| name.len() > LONGEST_NAME) {
            return refuse("a path whose components have at most 255 bytes each");
        }
        if names().count() > DEEPEST {
            return refuse("a path of at most 64 components");
        }
        Ok(Self(names().collect::<Vec<_>>().join("/").into()))
    }

    pub(super) fn root() -> Self {
        Self("".into())
    }

    /// What stands beneath this path. Absolute is refused here, since behind a slash it would no longer look so.
    pub(super) fn join(&self, raw: &str) -> Result<Self, ScopeViolation> {
        if self.0.is_empty() || raw.starts_with('/') {
            Self::parse(raw)
        } else {
            Self::parse(&[&self.0, "/", raw].concat())
        }
    }

    /// Without the last component; `None` for the root.
    pub(super) fn parent(&self) -> Option<Self> {
        let (parent, _) = self.split()?;
        Some(Self(if parent == lookup("") { "".into() } else { parent.into() }))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As the system calls want it: the root is `.`.
    pub(super) fn lookup(&self) -> &str {
        lookup(&self.0)
    }

    /// The parent, as the system calls want it, and the last component; `None` for the root.
    pub(super) fn split(&self) -> Option<(&str, &str)> {
        match self.0.rsplit_once('/') {
            _ if self.0.is_empty() => None,
            Some((parent, name)) => Some((parent, name)),
            None => Some((lookup(""), &self.0)),
        }
    }
}

fn lookup(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// `C:` and its like, which mean a place of their own on some systems.
fn has_drive(raw: &str) -> bool {
    matches!(raw.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Option<String> {
        RelativePath::parse(raw).ok().map(|path| path.as_str().to_owned())
    }

    #[test]
    fn s13_what_is_never_looked_up() {
        for raw in [
            "..",
            "../",
            "../x",
            "a/..",
            "a/../b",
            "nope/../../victim/x",
            "./..",
            "a/b/../../..",
            "/",
            "/etc/passwd",
            "//x",
            "///",
            "C:",
            "C:x",
            "c:/x",
            "C:\\x",
            "\\",
            "\\\\server\\share",
            "\\\\?\\C:\\x",
            "//server/share",
            "a\\b",
            "..\\x",
            "a/..\\..\\b",
            "a\0",
            "\0",
            "a/\0/b",
            "a\0/../b",
        ] {
            assert_eq!(parse(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn what_is_looked_up_is_canonical() {
        for (raw, canonical) in [
            ("", ""),
            (".", ""),
            ("./", ""),
            ("././.", ""),
            ("a", "a"),
            ("a/", "a"),
            ("./a//b/./c", "a/b/c"),
            ("...", "..."),
            ("..a", "..a"),
            ("a..", "a.."),
            ("~", "~"),
            ("%2e%2e/x", "%2e%2e/x"),
            ("．．/x", "．．/x"),
            ("ab:c", "ab:c"),
            ("x/C:", "x/C:"),
            ("cafe\u{301}", "cafe\u{301}"),
        ] {
            assert_eq!(parse(raw).as_deref(), Some(canonical), "{raw:?}");
        }
    }

    #[test]
    fn s13_joined_paths_stay_beneath() {
        let join = |path: &str, raw: &str| {
            let path = RelativePath::parse(path).expect("legal");
            path.join(raw).ok().map(|joined| joined.as_str().to_owned())
        };
        for (path, raw, joined) in
            [("", "", ""), ("", "a", "a"), ("a", "", "a"), ("a/b", "./c//d", "a/b/c/d"), ("a", "C:", "a/C:")]
        {
            assert_eq!(join(path, raw).as_deref(), Some(joined), "{path} {raw}");
        }
        for raw in ["..", "../b", "b/..", "/", "/etc", "b\\c", "b\0", &["x"; 64].join("/")] {
            assert_eq!(join("a", raw), None, "{raw:?}");
        }
        let parent = |path: &str| RelativePath::parse(path).expect("legal").parent().map(|it| it.as_str().to_owned());
        assert_eq!((parent("a/b"), parent("a"), parent("")), (Some("a".into()), Some(String::new()), None));
    }

    #[test]
    fn paths_are_bounded() {
        assert!(parse(&"x".repeat(255)).is_some() && parse(&"x".repeat(256)).is_none());
        assert!(parse(&"é".repeat(127)).is_some() && parse(&"é".repeat(128)).is_none());
        assert!(parse(&["x"; 64].join("/")).is_some() && parse(&["x"; 65].join("/")).is_none());
        let long = [["x".repeat(255).as_str(); 16].join("/"), "/".into()].concat();
        assert!(long.len() == 4096 && parse(&long).is_some() && parse(&format!("{long}/")).is_none());
        let violation = RelativePath::parse(&"../".repeat(22_000)).err().map(|violation| violation.to_string());
        assert!(violation.is_some_and(|text| text.len() < 300));
    }
}
