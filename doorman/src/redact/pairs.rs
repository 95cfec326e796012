//! `key=value` and `key: value` within plain text.

use std::ops::Range;

use super::chars;
use super::kind::Kind;

/// How far back a key may begin.
const LONGEST_KEY: usize = 64;

/// The key that stands before a `=` or `:`.
pub(super) struct Key<'t> {
    pub(super) text: &'t str,
    /// Where it begins.
    pub(super) start: usize,
    /// The quote that stands before it, if any.
    quote: Option<u8>,
    /// Whether it is a path or the name of a file rather than a key.
    path: bool,
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
    let path = || is_file(&text[start..end]) || is_path(text, start, floor);
    (start < end).then(|| Key { text: &text[start..end], start, quote, path: path() })
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
        // `"etc/passwd": no such file`
        _ if key.path && bytes[sep] == b':' => return None,
        b'[' | b'{' if escape == 0 => start..start + with_tail(rest, container(rest)),
        _ => start..start + Kind::mask_len(rest).map_or_else(|| word(rest), |mask| with_tail(rest, mask)),
    };
    let value = &text[range.clone()];
    let nothing = value.is_empty()
        || matches!(value, "null" | "None" | "nil" | "undefined")
        || is_type(value)
        || Kind::is_mask(value)
        || value.split_once(' ').is_some_and(|(scheme, rest)| is_scheme(scheme.as_bytes()) && Kind::is_mask(rest));
    (!nothing).then_some(range)
}

/// Whether a value is the name of a type: source code declares `password: String,`.
fn is_type(value: &str) -> bool {
    const TYPES: [&str; 16] = [
        "String",
        "string",
        "str",
        "&str",
        "&'static",
        "char",
        "bool",
        "boolean",
        "int",
        "integer",
        "number",
        "bytes",
        "any",
        "Secret",
        "SecretStr",
        "SecretString",
    ];
    TYPES.contains(&value.trim_end_matches([',', ';', ')', '>']).trim_start_matches("Option<"))
}

/// Whether the key that begins at `start` is the last part of a path: `"etc/passwd"`, `/etc/passwd`, `./token`.
fn is_path(text: &str, start: usize, floor: usize) -> bool {
    let bytes = text.as_bytes();
    let from = floor.max(start.saturating_sub(LONGEST_KEY));
    let part = |b: &&u8| b.is_ascii_alphanumeric() || b"_-./~".contains(b);
    let begin = start - bytes[from..start].iter().rev().take_while(part).count();
    if !bytes[begin..start].contains(&b'/') {
        return false;
    }
    match begin.checked_sub(1).map(|i| bytes[i]) {
        Some(b'"' | b'\'' | b'`') => true,
        Some(b) if !b.is_ascii_whitespace() && b != b'(' => false,
        // `user/password: …` is a key.
        _ => matches!(bytes[begin], b'/' | b'.' | b'~'),
    }
}

/// Whether a key is the name of a file: `tokens.rs`, but not `datasource.password`.
fn is_file(key: &str) -> bool {
    const EXTENSIONS: [&str; 24] = [
        "c", "cfg", "conf", "cpp", "cs", "csv", "go", "h", "html", "ini", "java", "js", "json", "log", "md", "php",
        "py", "rb", "rs", "sh", "toml", "ts", "txt", "yml",
    ];
    key.rsplit_once('.').is_some_and(|(name, extension)| !name.is_empty() && EXTENSIONS.contains(&extension))
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

/// The length of an array or object: up to its closer; if that is missing, up to the line's end, or the text's if the
/// line ends where a container goes on. Linear over all pairs, as what was looked at beyond the line is masked.
fn container(rest: &[u8]) -> usize {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    let (mut previous, mut before_space) = (b' ', b' ');
    for (i, &b) in rest.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            // A text may go on in the next line only where the container does.
            b'\n' if quote.is_some() || !b"[{(,:".contains(&before_space) => {
                let close = rest[i..].iter().find(|b| !b.is_ascii_whitespace());
                if quote.is_some() || !close.is_some_and(|b| b"]},".contains(b)) {
                    return line(rest, None);
                }
            }
            _ if quote.is_some() => quote = quote.filter(|&open| open != b),
            // An apostrophe within a word quotes nothing.
            b'"' => quote = Some(b),
            b'\'' if !previous.is_ascii_alphanumeric() => quote = Some(b),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        previous = b;
        if !b.is_ascii_whitespace() {
            before_space = b;
        }
    }
    rest.trim_ascii_end().len()
}

/// The length of a container or mask with what is glued to it, unless that closes something around it.
fn with_tail(rest: &[u8], length: usize) -> usize {
    if matches!(rest.get(length), Some(b']' | b'}' | b')')) { length } else { length + bare(&rest[length..]) }
}

/// The length of a bare value, with the scheme word of a header before it.
fn word(rest: &[u8]) -> usize {
    let first = bare(rest);
    if is_scheme(&rest[..first]) && rest.get(first) == Some(&b' ') {
        first + 1 + bare(&rest[first + 1..])
    } else {
        first
    }
}

fn is_scheme(word: &[u8]) -> bool {
    [&b"bearer"[..], b"basic", b"digest", b"token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The length of a bare value without spaces. Passwords have commas, semicolons and ampersands in them: these end the
/// value only where a space, a quote or another key follows.
fn bare(rest: &[u8]) -> usize {
    let ends = |i: usize| match rest[i] {
        b'"' | b'\'' | b'`' => true,
        b'&' | b',' | b';' => {
            let next = &rest[i + 1..];
            next.first().is_none_or(|b| b.is_ascii_whitespace() || b"\"'`".contains(b)) || begins_pair(next)
        }
        b => b.is_ascii_whitespace(),
    };
    (0..rest.len()).find(|&i| ends(i)).unwrap_or(rest.len())
}

/// Whether `key=` or `key:` follows; masks in the key are part of it.
fn begins_pair(rest: &[u8]) -> bool {
    let mut i = if rest.starts_with(b"amp;") { 4 } else { 0 };
    let start = i;
    while let Some(&b) = rest.get(i) {
        i += match b {
            b'=' | b':' => return i > start,
            _ if b.is_ascii_alphanumeric() || b"_-.%[]".contains(&b) => 1,
            0xC2 => match Kind::mask_len(&rest[i..]) {
                Some(length) => length,
                None => return false,
            },
            _ => return false,
        };
    }
    false
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
        assert_eq!(pair("spring.datasource.password=x"), Some(("spring.datasource.password", "x")));
        assert_eq!(pair("user/password: x"), Some(("password", "x")));
        assert_eq!(pair(r#""vault/password": "x""#), Some(("password", "x")));
    }

    #[test]
    fn containers() {
        for (text, value) in [
            (r#"{"password": ["a","b"]} ok"#, r#"["a","b"]"#),
            (r#"{"password":{"a":["}"]}}"#, r#"{"a":["}"]}"#),
            ("pwd: [\n  'a]',\n  'b'\n]\nnext", "[\n  'a]',\n  'b'\n]"),
            ("pwd: [open it's x\nnext", "[open it's x"),
            ("pwd: {\n a", "{\n a"),
            ("pwd=[\"open\nnext", "[\"open"),
        ] {
            assert_eq!(pair(text).map(|(_, value)| value), Some(value), "{text}");
        }
    }

    #[test]
    fn bare_values() {
        for (text, value) in [
            ("pwd=pw,A1;B2&C3 x", "pw,A1;B2&C3"),
            ("pwd=x; b=2", "x"),
            ("pwd=x;b=2", "x"),
            ("pwd=x,b=2", "x"),
            ("pwd=x,y, z", "x,y"),
            ("pwd=x&amp;b=2", "x"),
            ("pwd=x,", "x"),
            ("pwd=x,\"y\"", "x"),
        ] {
            assert_eq!(pair(text), Some(("pwd", value)), "{text}");
        }
    }

    #[test]
    fn no_values() {
        for text in [
            "\"abs/passwd\": outside",
            "/etc/passwd: no such file",
            "tokens.rs: not found",
            "pwd == x",
            "https://x",
            "a::b",
            "pwd:\n  x",
            "pwd=",
            "=x",
            "pwd=«redacted:key»",
            "pwd: null",
            "pwd: String,",
            "pwd: Option<String>,",
            "pwd=\"\"",
        ] {
            assert_eq!(pair(text), None, "{text}");
        }
    }
}
