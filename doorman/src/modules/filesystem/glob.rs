//! Patterns for files, compiled within bounds.

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

use crate::prelude::*;

/// The longest pattern, in bytes. The compiled form grows with it: a glob has no counted repetitions.
const LONGEST: usize = 256;
/// What the compiled form may take.
const COMPILED: usize = 1 << 20;

/// A pattern for names, or for whole paths.
#[derive(Debug)]
pub(super) struct Glob {
    regex: Regex,
    subject: Subject,
}

/// What a pattern is compared with.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Name,
    Path,
}

impl Glob {
    pub(super) fn parse(pattern: &str) -> ToolResult<Self> {
        if pattern.is_empty() || pattern.len() > LONGEST {
            return Err(illegal());
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|_| illegal())?;
        // globset's own matcher panics where the compiled form is larger than it allows.
        let regex = RegexBuilder::new(glob.regex())
            .dot_matches_new_line(true)
            .size_limit(COMPILED)
            .dfa_size_limit(COMPILED)
            .build()
            .map_err(|_| illegal())?;
        let subject = if pattern.contains('/') { Subject::Path } else { Subject::Name };
        Ok(Self { regex, subject })
    }

    /// Whether a path, relative to the directory that is searched, fits.
    pub(super) fn matches(&self, path: &str) -> bool {
        let subject = match self.subject {
            Subject::Path => path,
            Subject::Name => path.rsplit_once('/').map_or(path, |(_, name)| name),
        };
        self.regex.is_match(subject.as_bytes())
    }
}

fn illegal() -> ToolError {
    ToolError::user(format!(
        "pattern: expected a glob of 1 to {LONGEST} bytes: `*` and `?` for anything but `/`, `**` for any directories, \
         `[a-z]`, `[!a-z]`, `{{a,b}}`, and `\\` before a character that is meant literally"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn names_at_any_depth_and_paths_as_a_whole() {
        for (pattern, path, fits) in [
            ("*.rs", "a.rs", true),
            ("*.rs", "deep/er/a.rs", true),
            ("*.rs", "a.rs/x", false),
            ("a?c", "x/abc", true),
            ("[!a]*", "x/abc", false),
            ("{a,b{1,2}}.txt", "x/b2.txt", true),
            ("src/*.rs", "src/a.rs", true),
            ("src/*.rs", "src/deep/a.rs", false),
            ("src/*.rs", "x/src/a.rs", false),
            ("src/**/*.rs", "src/a.rs", true),
            ("src/**/*.rs", "src/deep/er/a.rs", true),
            ("**/x", "x", true),
            ("**/x", "line\nbreak/x", true),
            ("\\*", "x/*", true),
            ("*", "line\nbreak", true),
            ("наряд*", "x/наряд.txt", true),
            ("A*", "abc", false),
        ] {
            assert_eq!(Glob::parse(pattern).expect(pattern).matches(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn s27_patterns_neither_blow_up_nor_take_long() {
        let nested = format!("{}x{}", "{a,".repeat(60), "}".repeat(60));
        let wide = format!("{{{}}}", "[!a-z],".repeat(36));
        let stars = format!("{}b", "*a".repeat(100));
        let started = Instant::now();
        for pattern in [nested.as_str(), &wide, &stars, &"?".repeat(256), &"**/".repeat(85), &"{".repeat(256)] {
            if let Ok(glob) = Glob::parse(pattern) {
                glob.matches(&"a".repeat(4096));
                glob.matches(&"a/".repeat(2048));
            }
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        for pattern in ["", "{a", "[", "[z-a]", &"a".repeat(257)] {
            let error = Glob::parse(pattern).expect_err(pattern);
            assert!(format!("{error:?}").contains("expected a glob"), "{error:?}");
        }
    }
}
