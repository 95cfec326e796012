//! `key=value` and `key: value` within plain text.

use std::ops::Range;

use super::chars;
use super::kind::Kind;

/// How far back a key may begin.
const LONGEST_KEY: usize = 64;

/// The key that stands before a `=` or `:`.
pub(super) struct Key<'t> {
    pub(super) text: &'t str,
    /// The quote that stands before it, if any.
    quote: Option<u8>,
}

/// Reads the key before the separator at `sep`, not reaching back over `floor`. One space is allowed within: `API key: …`.
pub(super) fn key_before(text: &str, sep: usize, floor: usize) -> Option<Key<'_>> {
    let bytes = text.as_bytes();
    let floor = floor.max(sep.saturating_sub(LONGEST_KEY));
    let mut end = sep;
    while end > floor && matches!(bytes[end - 1], b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\' | b']') {
        end -= 1;
    }
    let quoted = end < sep && bytes[end..sep].iter().any(|b| matches!(b, b'"' | b'\'' | b'`'));
    let mut start = end;
    let mut words = 1;
    while start > floor {
        match bytes[start - 1] {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | 0x80.. => start -= 1,
            b' ' if start < end
                && !quoted
                && words == 1
                && start - 1 > floor
                && bytes[start - 2].is_ascii_alphanumeric() =>
            {
                words = 2;
                start -= 1;
            }
            _ => break,
        }
    }
    while !text.is_char_boundary(start) {
        start += 1;
    }
    // A mask, or other punctuation beyond ASCII, before the key isn't part of it.
    let run = &text[start..end];
    let word = run.char_indices().rev().find(|&(_, c)| !c.is_ascii() && !c.is_alphanumeric() && !chars::invisible(c));
    let start = word.map_or(start, |(i, c)| start + i + c.len_utf8());
    let quote = start.checked_sub(1).map(|i| bytes[i]).filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    (start < end).then(|| Key { text: &text[start..end], quote })
}

/// The value after the separator at `sep`, if there is one to mask.
pub(super) fn value_after(text: &str, sep: usize, key: &Key<'_>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = sep + 1;
    match bytes.get(start)? {
        // Comparisons, paths, schemes; `:=` and `=>` assign.
        b'=' if bytes[sep] == b'=' => return None,
        b'=' | b'>' => start += 1,
        b':' | b'~' => return None,
        b'/' if bytes[start..].starts_with(b"//") => return None,
        _ => {}
    }
    start += bytes[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let rest = &bytes[start..];
    let escape = rest.iter().take_while(|&&b| b == b'\\').count();
    let range = match rest.get(escape)? {
        quote @ (b'"' | b'\'' | b'`') => {
            start += escape + 1;
            start..start + quoted(&bytes[start..], *quote, escape)
        }
        _ if is_header(key.text) && bytes[sep] == b':' => start..start + line(rest, key.quote),
        _ => start..start + word(rest),
    };
    let value = &text[range.clone()];
    let nothing = value.is_empty() || matches!(value, "null" | "None" | "nil" | "undefined") || Kind::is_mask(value);
    (!nothing).then_some(range)
}

/// Headers whose value is the rest of the line.
fn is_header(key: &str) -> bool {
    let ends = |name: &str| {
        key.len().checked_sub(name.len()).and_then(|i| key.get(i..)).is_some_and(|k| k.eq_ignore_ascii_case(name))
    };
    ends("authorization") || ends("cookie")
}

/// The length of a quoted value: up to the same quote, behind as many backslashes; without one, up to the line's end.
fn quoted(rest: &[u8], quote: u8, escape: usize) -> usize {
    let mut backslashes = 0;
    for (i, &b) in rest.iter().enumerate() {
        if b == b'\\' {
            backslashes += 1;
            continue;
        }
        if b == quote && escape == 0 && backslashes % 2 == 0 {
            return i;
        }
        if b == quote && escape > 0 && backslashes <= escape {
            return i - backslashes;
        }
        backslashes = 0;
    }
    line(rest, None)
}

fn line(rest: &[u8], quote: Option<u8>) -> usize {
    let end = rest.iter().position(|&b| matches!(b, b'\n' | b'\r') || Some(b) == quote).unwrap_or(rest.len());
    rest[..end].trim_ascii_end().len()
}

/// The length of a bare value, with the scheme word of a header before it.
fn word(rest: &[u8]) -> usize {
    let length =
        |rest: &[u8]| rest.iter().position(|b| b.is_ascii_whitespace() || b"&,;\"'`".contains(b)).unwrap_or(rest.len());
    let first = length(rest);
    let scheme = [&b"bearer"[..], b"basic", b"digest", b"token"].iter().any(|s| rest[..first].eq_ignore_ascii_case(s));
    if scheme && rest.get(first) == Some(&b' ') { first + 1 + length(&rest[first + 1..]) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and value at the first separator.
    fn pair(text: &str) -> Option<(&str, &str)> {
        let sep = text.find([':', '='])?;
        let key = key_before(text, sep, 0)?;
        value_after(text, sep, &key).map(|value| (key.text, &text[value]))
    }

    #[test]
    fn values() {
        assert_eq!(pair("password=hunter2 x"), Some(("password", "hunter2")));
        assert_eq!(pair("?token=abc&x=1"), Some(("token", "abc")));
        assert_eq!(pair("the API key: abc; more"), Some(("API key", "abc")));
        assert_eq!(pair(r#"{"apiKey": "a\"b c", "x""#), Some(("apiKey", r#"a\"b c"#)));
        assert_eq!(pair(r#"{\"apiKey\":\"abc\",\"x\""#), Some(("apiKey", "abc")));
        assert_eq!(pair("'pwd' => 'x y'"), Some(("pwd", "x y")));
        assert_eq!(pair("pwd := x"), Some(("pwd", "x")));
        assert_eq!(pair("Authorization: Bearer a b\nc"), Some(("Authorization", "Bearer a b")));
        assert_eq!(pair("-H 'Authorization: Bearer a' b"), Some(("Authorization", "Bearer a")));
        assert_eq!(pair("token: Bearer abc def"), Some(("token", "Bearer abc")));
        assert_eq!(pair("pwd=\"open\nnext"), Some(("pwd", "open")));
        assert_eq!(pair("»pwd=x"), Some(("pwd", "x")));
    }

    #[test]
    fn no_values() {
        for text in
            ["pwd == x", "https://x", "a::b", "pwd:\n  x", "pwd=", "=x", "pwd=«redacted:key»", "pwd: null", "pwd=\"\""]
        {
            assert_eq!(pair(text), None, "{text}");
        }
    }
}
