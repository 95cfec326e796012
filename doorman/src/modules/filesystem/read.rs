//! Reading a file, or a range of its bytes, as content for a model. Nothing is cut without a word.

use std::{fs::File, io, os::unix::fs::FileExt};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::Encoding;
use crate::{prelude::*, scope::ScopedPath};

/// The bytes of UTF-8 that a character has at most.
const LONGEST_CHARACTER: usize = 4;

/// The bytes that are asked for.
pub(super) struct Span {
    pub(super) offset: Option<u64>,
    pub(super) length: Option<u64>,
}

impl Span {
    /// The content, and a note wherever it isn't simply the file's text.
    pub(super) fn read(
        &self,
        path: &ScopedPath,
        encoding: Option<Encoding>,
        max: u64,
    ) -> ToolResult<Vec<ContentBlock>> {
        let file = path.open()?;
        let start = self.offset.unwrap_or(0);
        let mut len = file.metadata()?.len();
        let wanted = self.wanted(len.saturating_sub(start), len, max)?;
        let mut bytes = bytes_at(&file, start, wanted)?;
        if (bytes.len() as u64) < wanted {
            // The file has become shorter meanwhile.
            len = start + bytes.len() as u64;
        }
        let at_end = start.saturating_add(bytes.len() as u64) >= len;
        let text = match encoding {
            Some(Encoding::Base64) => None,
            Some(Encoding::Utf8) => Some(text_len(&file, start, &bytes, at_end)?.ok_or_else(not_text)?),
            None => text_len(&file, start, &bytes, at_end)?,
        };
        bytes.truncate(text.unwrap_or(bytes.len()));
        let range = (self.offset.is_some() || self.length.is_some()).then(|| note(start, bytes.len() as u64, len));
        let base64 = text.is_none().then(|| format!("base64 of {} bytes", bytes.len()));
        let content = match text {
            Some(_) => String::from_utf8(bytes)?,
            None => STANDARD.encode(bytes),
        };
        let notes: Vec<_> = base64.into_iter().chain(range).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok([Some(content), note].into_iter().flatten().map(ContentBlock::text).collect())
    }

    fn wanted(&self, left: u64, len: u64, max: u64) -> ToolResult<u64> {
        match self.length {
            Some(length) if length > max => Err(ToolError::user(format!(
                "length: expected at most {max} bytes; read what follows with further calls"
            ))),
            Some(length) => Ok(length.min(left)),
            None if left > max => Err(ToolError::user(format!(
                "the file has {len} bytes, and one call reads at most {max}; \
                 read it in ranges: offset 0 and length {max} first"
            ))),
            None => Ok(left),
        }
    }
}

/// All bytes of a file.
pub(super) fn whole(path: &ScopedPath, max: u64) -> ToolResult<Vec<u8>> {
    let file = path.open()?;
    let len = file.metadata()?.len();
    if len > max {
        let text =
            format!("the file has {len} bytes, and at most {max} are read at once; read it in ranges, with a tool");
        return Err(ToolError::user(text));
    }
    Ok(bytes_at(&file, 0, len)?)
}

/// Up to `count` bytes; fewer at the end of the file.
fn bytes_at(file: &File, start: u64, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(count).map_err(io::Error::other)?];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], start + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// How many of the bytes are text of whole characters; `None` if they are no text. To begin inside a character is a
/// mistake of the caller's.
fn text_len(file: &File, start: u64, bytes: &[u8], at_end: bool) -> ToolResult<Option<usize>> {
    let text = whole_characters(bytes, at_end);
    if start > 0 && bytes.first().is_some_and(|byte| is_continuation(*byte)) {
        let back = start.min(LONGEST_CHARACTER as u64 - 1);
        let around = bytes_at(file, start - back, 2 * LONGEST_CHARACTER as u64)?;
        if let Some((before, after)) = character_around(&around, back as usize) {
            let rest = bytes.get(after..).unwrap_or_default();
            if rest.is_empty() || whole_characters(rest, at_end).is_some() {
                let (before, after) = (start - before as u64, start + after as u64);
                return Err(ToolError::user(format!(
                    "offset {start} is inside of a character; begin at {before} or {after}, or say encoding base64"
                )));
            }
        }
    }
    match text {
        Some(0) if !bytes.is_empty() => Err(ToolError::user(format!(
            "the character at offset {start} is longer than the length; say at least {LONGEST_CHARACTER}"
        ))),
        text => Ok(text),
    }
}

/// The length up to the last whole character. At the end of the file a part of one is an error like any other.
fn whole_characters(bytes: &[u8], at_end: bool) -> Option<usize> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(bytes.len()),
        Err(error) if error.error_len().is_none() && !at_end => Some(error.valid_up_to()),
        Err(_) => None,
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many bytes of a character stand before `at`, and how many from there on.
fn character_around(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let spans = (1..=at).flat_map(|before| (1..LONGEST_CHARACTER).map(move |after| (before, after)));
    spans.into_iter().find(|(before, after)| {
        let text = bytes.get(at - before..at + after).map(std::str::from_utf8);
        matches!(text, Some(Ok(text)) if text.chars().count() == 1)
    })
}

fn note(start: u64, count: u64, len: u64) -> String {
    let Some(last) = count.checked_sub(1).map(|more| start + more) else {
        return format!("no bytes at offset {start}; the file has {len} bytes");
    };
    let next = last + 1;
    if next < len {
        format!("bytes {start}-{last} of {len}; continue with offset {next}")
    } else {
        format!("bytes {start}-{last} of {len}; this is the end of the file")
    }
}

fn not_text() -> ToolError {
    ToolError::user("the file isn't UTF-8 there; say encoding base64")
}
