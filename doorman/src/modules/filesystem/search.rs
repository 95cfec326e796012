//! Searching an agent's files by name and content. Every search ends: results, entries and bytes are counted.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
};

use memchr::{memchr, memchr_iter, memmem::Finder};

use super::glob::Glob;
use crate::{
    prelude::*,
    scope::{ScopedPath, prefix},
};

/// How many entries one search looks at.
const MOST_ENTRIES: u64 = 100_000;
/// How many bytes of content one search reads.
const MOST_BYTES: u64 = 64 << 20;
const MOST_RESULTS: u32 = 1_000;
const DEFAULT_RESULTS: u32 = 100;
/// How many characters of a line are shown.
const SHOWN: usize = 200;
/// The longest text that is searched for, in bytes: 1,024 characters.
const LONGEST_TEXT: usize = 4 * 1024;
/// How much is read at once, and between two looks at whether the call was cancelled.
const CHUNK: usize = 64 << 10;

/// What was found.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Results {
    /// Sorted by path and line.
    pub(super) matches: Vec<Match>,
    /// Whether the search ended before everything was looked at.
    pub(super) truncated: bool,
    /// How many files and directories couldn't be looked at: too large, not readable, or not addressable.
    pub(super) skipped: u64,
}

/// A file, or a line of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(super) struct Match {
    /// Relative to the agent's root directory.
    pub(super) path: String,
    /// The line's number, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    /// The beginning of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

/// What is searched for.
pub(super) struct Query<'a> {
    glob: Option<Glob>,
    text: Option<Finder<'a>>,
    max_results: usize,
}

impl<'a> Query<'a> {
    pub(super) fn new(pattern: Option<&str>, text: Option<&'a str>, max_results: Option<u32>) -> ToolResult<Self> {
        if pattern.is_none() && text.is_none() {
            return Err(ToolError::user("say what to search for: `pattern` for names, `text` for contents, or both"));
        }
        if text.is_some_and(|text| text.is_empty() || text.len() > LONGEST_TEXT || text.contains('\n')) {
            return Err(ToolError::user("text: expected a text of 1 to 1024 characters on one line"));
        }
        let max_results = max_results.unwrap_or(DEFAULT_RESULTS).clamp(1, MOST_RESULTS) as usize;
        Ok(Self { glob: pattern.map(Glob::parse).transpose()?, text: text.map(Finder::new), max_results })
    }

    /// Searches beneath a directory; files longer than `max_len` for names only.
    pub(super) fn run(&self, beneath: &ScopedPath, max_len: u64, cancelled: &Cancelled) -> ToolResult<Results> {
        let mut search = Search {
            query: self,
            max_len,
            cancelled,
            results: Results::default(),
            entries: MOST_ENTRIES,
            bytes: MOST_BYTES,
            buffer: Vec::new(),
        };
        match search.all(beneath) {
            Ok(()) => {}
            Err(End::Bound) => search.results.truncated = true,
            Err(End::Failed(error)) => return Err(error),
        }
        search.results.matches.sort_unstable();
        Ok(search.results)
    }
}

/// Why a search ends before everything was looked at.
enum End {
    Bound,
    Failed(ToolError),
}

/// A search under way.
struct Search<'a> {
    query: &'a Query<'a>,
    max_len: u64,
    cancelled: &'a Cancelled,
    results: Results,
    /// How many entries may still be looked at.
    entries: u64,
    /// How many bytes may still be read.
    bytes: u64,
    buffer: Vec<u8>,
}

impl Search<'_> {
    fn all(&mut self, beneath: &ScopedPath) -> Result<(), End> {
        for found in beneath.walk().map_err(|error| End::Failed(error.into()))? {
            self.go_on()?;
            self.entries = self.entries.checked_sub(1).ok_or(End::Bound)?;
            let Ok(prefix::Found { path: Some(path), kind, len, .. }) = found else {
                self.results.skipped += 1;
                continue;
            };
            let relative = path.as_str().strip_prefix(beneath.as_str()).unwrap_or(path.as_str());
            let fits = self.query.glob.as_ref().is_none_or(|glob| glob.matches(relative.trim_start_matches('/')));
            if !fits || kind == prefix::Kind::Directory {
                continue;
            }
            match &self.query.text {
                None => self.found(&path, None, None)?,
                Some(text) if kind == prefix::Kind::File && len <= self.max_len => self.file(&path, text)?,
                Some(_) => self.results.skipped += 1,
            }
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), End> {
        if self.cancelled.is_cancelled() { Err(End::Failed(ToolError::user("cancelled"))) } else { Ok(()) }
    }

    fn found(&mut self, path: &ScopedPath, line: Option<u64>, text: Option<String>) -> Result<(), End> {
        if self.results.matches.len() == self.query.max_results {
            return Err(End::Bound);
        }
        self.results.matches.push(Match { path: path.as_str().to_owned(), line, text });
        Ok(())
    }

    /// Searches one file, if it can be read.
    fn file(&mut self, path: &ScopedPath, text: &Finder<'_>) -> Result<(), End> {
        let Ok(mut file) = path.open() else {
            self.results.skipped += 1;
            return Ok(());
        };
        let overlap = text.needle().len() - 1;
        let mut place = Place { start: 0, counted: 0, line: 1, line_start: 0 };
        let mut reported = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        loop {
            self.go_on()?;
            match self.read_more(&mut file, &mut buffer)? {
                Some(0) => break,
                Some(_) => {}
                None => {
                    self.results.skipped += 1;
                    break;
                }
            }
            let mut at = 0;
            while let Some(found) = text.find(&buffer[at..]).map(|found| at + found) {
                place.advance(&buffer, found);
                if place.line != reported {
                    reported = place.line;
                    let shown = shown(&file, place.line_start).map_err(|error| End::Failed(error.into()))?;
                    self.found(path, Some(place.line), Some(shown))?;
                }
                // One match a line: on with the next.
                match memchr(b'\n', &buffer[found..]) {
                    Some(end) => at = found + end + 1,
                    None => break,
                }
            }
            // What may be the beginning of a match stays.
            let done = buffer.len().saturating_sub(overlap);
            place.advance(&buffer, done);
            place.start += done as u64;
            buffer.drain(..done);
        }
        self.buffer = buffer;
        Ok(())
    }

    /// Reads on, within the bounds of the search; `None` if the file can't be read.
    fn read_more(&mut self, file: &mut File, buffer: &mut Vec<u8>) -> Result<Option<usize>, End> {
        let chunk = self.bytes.min(CHUNK as u64);
        if chunk == 0 {
            return Err(End::Bound);
        }
        let read = file.by_ref().take(chunk).read_to_end(buffer).ok();
        self.bytes -= read.unwrap_or_default() as u64;
        Ok(read)
    }
}

/// Where in a file's lines the search is; positions are those of bytes in the file.
struct Place {
    /// Where the buffer begins.
    start: u64,
    /// How far line ends have been counted.
    counted: u64,
    line: u64,
    line_start: u64,
}

impl Place {
    /// Counts the line ends up to a position in the buffer.
    fn advance(&mut self, buffer: &[u8], to: usize) {
        let from = (self.counted - self.start) as usize;
        let Some(passed) = buffer.get(from..to) else { return };
        for end in memchr_iter(b'\n', passed) {
            self.line += 1;
            self.line_start = self.counted + end as u64 + 1;
        }
        self.counted += passed.len() as u64;
    }
}

/// The beginning of a line; what isn't UTF-8 in it is shown as U+FFFD.
fn shown(file: &File, line_start: u64) -> io::Result<String> {
    let mut bytes = [0; 4 * SHOWN];
    let read = file.read_at(&mut bytes, line_start)?;
    let line = &bytes[..memchr(b'\n', &bytes[..read]).unwrap_or(read)];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(String::from_utf8_lossy(line).chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(content: &[u8], text: &str) -> Vec<(u64, String)> {
        use crate::{identity::Agent, scope::Prefix};
        let base = tempfile::tempdir().expect("temporary directory");
        let agent = Agent::new("a", "t").expect("legal");
        let root = Prefix::beneath(base.path()).resolve(&String::new(), &agent).expect("legal");
        root.join("file").expect("legal").create(content).expect("written");
        let query = Query::new(None, Some(text), Some(1_000)).expect("legal");
        let results = query.run(&root, u64::MAX, &Cancelled::never()).expect("searched");
        results.matches.into_iter().map(|found| (found.line.expect("line"), found.text.expect("text"))).collect()
    }

    #[test]
    fn a_line_is_found_once_wherever_it_is_divided() {
        assert_eq!(lines(b"one\r\ntwo two\nthree", "two"), [(2, "two two".to_owned())]);
        assert_eq!(lines(b"x", "xx"), []);
        assert_eq!(lines(b"\xff\xfex\n", "x"), [(1, "\u{fffd}\u{fffd}x".to_owned())]);
        for before in CHUNK - 12..CHUNK + 3 {
            let content = [vec![b'.'; before - 1], b"\n".to_vec(), b"a needle\nno\nneedle needle".to_vec()].concat();
            let expected = [(2, "a needle".to_owned()), (4, "needle needle".to_owned())];
            assert_eq!(lines(&content, "needle"), expected, "{before}");
        }
        let long = [vec![b'a'; 3 * CHUNK], b"needle".to_vec(), vec![b'b'; 3 * CHUNK], b"needle".to_vec()].concat();
        assert_eq!(lines(&long, "needle"), [(1, "a".repeat(SHOWN))]);
        assert_eq!(lines("é\n".repeat(300).as_bytes(), "é").len(), 300);
        assert_eq!(lines("é".repeat(300).as_bytes(), "éé"), [(1, "é".repeat(SHOWN))]);
    }
}
