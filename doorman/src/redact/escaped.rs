//! Text as it reads once its escapes are resolved: `%40`, `&#64;`, `\u0040`, full-width forms, characters without width.

use super::chars;
use super::spans::Span;

/// A text without its escapes, and which of its parts came from where.
pub(crate) struct Unescaped {
    pub(crate) text: String,
    runs: Vec<Run>,
}

/// Escapes that follow each other, of one length, and stand for characters of one length.
struct Run {
    /// Where it begins in the unescaped text and in the text.
    to: u32,
    from: u32,
    count: u32,
    /// The length of each in the unescaped text and in the text.
    to_len: u8,
    from_len: u8,
}

impl Unescaped {
    /// Resolves the escapes of a text; `None` if it has none, or is longer than texts may be.
    pub(crate) fn of(text: &str) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let mut this = Self { text: String::new(), runs: Vec::new() };
        let (mut copied, mut at, ascii) = (0, 0, text.is_ascii());
        while let Some(next) = next(text, at, ascii) {
            let Some((escaped, length)) = resolve(&text[next..]) else {
                at = next + chars::at(text, next).map_or(1, char::len_utf8);
                continue;
            };
            if this.runs.is_empty() {
                this.text.reserve(text.len());
            }
            this.text.push_str(&text[copied..next]);
            this.note(next, escaped.len, length);
            this.text.push_str(escaped.as_str());
            at = next + length;
            copied = at;
        }
        if this.runs.is_empty() {
            return None;
        }
        this.text.push_str(&text[copied..]);
        Some(this)
    }

    /// Notes that an escape at `from` is resolved at the end of what is resolved so far.
    fn note(&mut self, from: usize, to_len: usize, from_len: usize) {
        // Neither is longer than 32 bits say, as the text isn't, and an escape has at most twelve bytes.
        let (to, from) = (self.text.len() as u32, from as u32);
        let (to_len, from_len) = (to_len as u8, from_len as u8);
        match self.runs.last_mut() {
            Some(run) if run.follows(from, to_len, from_len) => run.count += 1,
            _ => self.runs.push(Run { to, from, count: 1, to_len, from_len }),
        }
    }

    /// The part of the text that a part of the unescaped text came from.
    pub(crate) fn origin(&self, span: Span) -> Span {
        let start = self
            .before(|run| run.to as usize <= span.start)
            .map_or(span.start, |run| run.origin(span.start, Edge::Start));
        let end =
            self.before(|run| (run.to as usize) < span.end).map_or(span.end, |run| run.origin(span.end, Edge::End));
        Span { kind: span.kind, start, end: end.max(start) }
    }

    fn before(&self, is: impl Fn(&Run) -> bool) -> Option<&Run> {
        self.runs[..self.runs.partition_point(is)].last()
    }
}

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

impl Run {
    /// Whether an escape continues the run.
    fn follows(&self, from: u32, to_len: u8, from_len: u8) -> bool {
        (self.to_len, self.from_len) == (to_len, from_len) && self.from + self.count * u32::from(from_len) == from
    }

    /// Where a position in this run or after it came from. What is within an escape came from all of it.
    fn origin(&self, position: usize, edge: Edge) -> usize {
        let (to, from, count) = (self.to as usize, self.from as usize, self.count as usize);
        let (to_len, from_len) = (usize::from(self.to_len), usize::from(self.from_len));
        let after = position - to;
        match after.checked_sub(count * to_len) {
            Some(beyond) => from + count * from_len + beyond,
            None => {
                let whole = match edge {
                    Edge::Start => after / to_len,
                    Edge::End => after.div_ceil(to_len),
                };
                from + whole * from_len
            }
        }
    }
}

/// What an escape stands for: at most one character, of at most four bytes.
pub(crate) struct Resolved {
    bytes: [u8; 4],
    len: usize,
}

impl Resolved {
    fn char(c: char) -> Self {
        let mut bytes = [0; 4];
        let len = c.encode_utf8(&mut bytes).len();
        Self { bytes, len }
    }

    const NOTHING: Self = Self { bytes: [0; 4], len: 0 };

    /// The text that it stands for.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Where the first escape from a position on begins.
pub(super) fn first(text: &str, mut from: usize, ascii: bool) -> Option<usize> {
    loop {
        let at = next(text, from, ascii)?;
        if resolve(&text[at..]).is_some() {
            return Some(at);
        }
        from = at + chars::at(text, at).map_or(1, char::len_utf8);
    }
}

/// Where the next escape may begin.
fn next(text: &str, from: usize, ascii: bool) -> Option<usize> {
    // The last six begin what is full-width or has no width.
    const MAY: [bool; 256] = {
        let (mut may, mut i) = ([false; 256], 0);
        let begin = *b"%&\\\xC2\xCD\xD8\xE1\xE2\xEF";
        while i < begin.len() {
            may[begin[i] as usize] = true;
            i += 1;
        }
        may
    };
    let rest = &text.as_bytes()[from..];
    let found =
        if ascii { memchr::memchr3(b'%', b'&', b'\\', rest) } else { rest.iter().position(|&b| MAY[usize::from(b)]) };
    found.map(|i| from + i)
}

/// What the escape at the beginning of a text stands for, and its length.
pub(crate) fn resolve(text: &str) -> Option<(Resolved, usize)> {
    match text.as_bytes()[0] {
        b'%' => percent(text.as_bytes()),
        b'&' => html(text),
        b'\\' => backslash(text),
        _ => {
            let c = text.chars().next()?;
            let folded = chars::fold(c);
            if chars::invisible(c) {
                Some((Resolved::NOTHING, c.len_utf8()))
            } else {
                (folded != c).then_some((Resolved::char(folded), c.len_utf8()))
            }
        }
    }
}

/// One character in UTF-8, each of whose bytes is written as two hexadecimal digits (RFC 3986).
fn percent(text: &[u8]) -> Option<(Resolved, usize)> {
    let byte = |i: usize| {
        let digits = text.get(i * 3..i * 3 + 3).filter(|digits| digits[0] == b'%')?;
        Some(hex(digits[1])? << 4 | hex(digits[2])?)
    };
    let mut bytes = [0; 4];
    for len in 1..=4 {
        bytes[len - 1] = byte(len - 1)?;
        if let Ok(c) = std::str::from_utf8(&bytes[..len]) {
            // An escaped percent sign is the beginning of another escape.
            let again = (c == "%").then(|| text.get(3..5)).flatten();
            if let Some(&[a, b]) = again
                && let (Some(a), Some(b)) = (hex(a), hex(b))
                && (a << 4 | b).is_ascii()
            {
                return Some((Resolved::char(char::from(a << 4 | b)), 5));
            }
            return Some((Resolved { bytes, len }, len * 3));
        }
    }
    None
}

/// A character reference: by number, or by one of the names that hide what is looked for.
fn html(text: &str) -> Option<(Resolved, usize)> {
    const LONGEST: usize = 10;
    const NAMES: [(&str, char); 37] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("commat", '@'),
        ("period", '.'),
        ("hyphen", '-'),
        ("dash", '-'),
        ("ndash", '-'),
        ("mdash", '-'),
        ("plus", '+'),
        ("equals", '='),
        ("colon", ':'),
        ("lpar", '('),
        ("rpar", ')'),
        ("sol", '/'),
        ("num", '#'),
        ("lowbar", '_'),
        ("bsol", '\\'),
        ("comma", ','),
        ("semi", ';'),
        ("excl", '!'),
        ("quest", '?'),
        ("percnt", '%'),
        ("dollar", '$'),
        ("ast", '*'),
        ("lsqb", '['),
        ("rsqb", ']'),
        ("lcub", '{'),
        ("rcub", '}'),
        ("vert", '|'),
        ("Hat", '^'),
        ("grave", '`'),
        ("Tab", '\t'),
        ("NewLine", '\n'),
    ];
    if text[1..].starts_with('#') {
        return numbered(text);
    }
    let end = text.as_bytes().iter().take(LONGEST).position(|&b| b == b';')?;
    let c = NAMES.iter().find(|(known, _)| *known == &text[1..end])?.1;
    Some((Resolved::char(c), end + 1))
}

/// `&#64;`, `&#x40;`; zeros before the number and the semicolon after it may be as readers take them.
fn numbered(text: &str) -> Option<(Resolved, usize)> {
    const LONGEST: usize = 32;
    let (from, radix) = if matches!(text.as_bytes().get(2), Some(b'x' | b'X')) { (3, 16) } else { (2, 10) };
    let digits = text.as_bytes()[from..].iter().take(LONGEST);
    let end = from + digits.take_while(|b| char::from(**b).is_digit(radix)).count();
    let c = char::from_u32(u32::from_str_radix(&text[from..end], radix).ok()?)?;
    Some((Resolved::char(c), end + usize::from(text.as_bytes().get(end) == Some(&b';'))))
}

/// An escape of JSON and of languages like it.
fn backslash(text: &str) -> Option<(Resolved, usize)> {
    let digits = |from: usize, count: usize| {
        let digits = text.as_bytes().get(from..from + count)?;
        digits.iter().try_fold(0, |n, &b| Some(n << 4 | u32::from(hex(b)?)))
    };
    let unit = |from: usize| text[from..].starts_with("\\u").then(|| digits(from + 2, 4)).flatten();
    let (c, length) = match text.as_bytes().get(1)? {
        b'n' | b'r' | b't' => (' ', 2),
        b'"' => ('"', 2),
        b'/' => ('/', 2),
        b'x' => (char::from_u32(digits(2, 2)?).filter(char::is_ascii)?, 4),
        b'u' => match unit(0)? {
            high @ 0xD800..0xDC00 => {
                let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low))?;
                (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, 12)
            }
            unit => (char::from_u32(unit)?, 6),
        },
        _ => return None,
    };
    Some((Resolved::char(c), length))
}

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Kind;

    #[test]
    fn resolves() {
        for (text, plain) in [
            ("alice%40x.co", "alice@x.co"),
            ("%61%6C%69ce", "alice"),
            ("%C3%A9 %e2%82%ac %ZZ %", "é € %ZZ %"),
            ("a%2540b", "a@b"),
            ("&#64;&#x40;&commat;&nope;&", "@@@&nope;&"),
            (r"a\u0040b\x40\n\ud83d\ude00\q", r"a@b@ 😀\q"),
            ("ｔｏｋｅｎ＝a\u{200b}b\u{2060}c", "token=abc"),
        ] {
            assert_eq!(Unescaped::of(text).map(|it| it.text).as_deref(), Some(plain), "{text}");
        }
        for text in ["", "plain", "100 %", "a & b", r"C:\dir", "é€漢"] {
            assert!(Unescaped::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn knows_where_it_came_from() {
        for (text, plain, origin) in [
            ("x alice%40example.com y", "alice@example.com", "alice%40example.com"),
            ("x %61lice@x.co%20y", "alice@x.co", "%61lice@x.co"),
            ("x a\u{200b}b%20", "ab", "a\u{200b}b"),
            ("%20ab%20", "ab", "ab"),
            ("%20%61%62%20", "ab", "%61%62"),
            ("é%20ab", "ab", "ab"),
        ] {
            let unescaped = Unescaped::of(text).unwrap();
            let start = unescaped.text.find(plain).unwrap();
            let span = unescaped.origin(Span { kind: Kind::Email, start, end: start + plain.len() });
            assert_eq!(&text[span.start..span.end], origin, "{text}");
        }
    }
}
