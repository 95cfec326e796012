//! Writes JSON members by hand: a record is a few hundred bytes whose form is known, and every call waits for it.

use std::time::SystemTime;

use time::OffsetDateTime;

/// The most bytes of a text that a line holds; the rest is cut at a character and marked with `…`.
pub(super) const MAX_TEXT: usize = 256;

/// The members of a JSON object, without the braces around them.
#[derive(Debug, Default)]
pub(crate) struct Line(pub(super) Vec<u8>);

impl Line {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// `"key":"text"`, escaped and bounded.
    pub(super) fn text(&mut self, key: &'static str, text: &str) -> &mut Self {
        self.key(key);
        self.string(text);
        self
    }

    /// As [`text`](Self::text), `null` for none.
    pub(super) fn text_or_null(&mut self, key: &'static str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(key, text),
            None => self.json(key, "null"),
        }
    }

    /// As [`text`](Self::text), nothing for none.
    pub(super) fn text_if_known(&mut self, key: &'static str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    /// `"key":number`.
    pub(super) fn number(&mut self, key: &'static str, number: u64) -> &mut Self {
        self.key(key);
        push_number(&mut self.0, number);
        self
    }

    /// `"key":["text",…]`.
    pub(super) fn list(&mut self, key: &'static str, texts: &[impl AsRef<str>]) -> &mut Self {
        self.key(key);
        self.0.push(b'[');
        for (i, text) in texts.iter().enumerate() {
            if i > 0 {
                self.0.push(b',');
            }
            self.string(text.as_ref());
        }
        self.0.push(b']');
        self
    }

    /// `"key":{"name":number,…}`. The names are ours.
    pub(super) fn counts(&mut self, key: &'static str, counts: &[(&'static str, u64)]) -> &mut Self {
        self.key(key);
        let mut inner = Self::default();
        for &(name, count) in counts {
            inner.number(name, count);
        }
        self.0.push(b'{');
        self.0.extend_from_slice(&inner.0);
        self.0.push(b'}');
        self
    }

    /// `"key":[{…},…]`.
    pub(super) fn objects<T>(&mut self, key: &'static str, of: &[T], members: impl Fn(&mut Self, &T)) -> &mut Self {
        self.key(key);
        for (i, it) in of.iter().enumerate() {
            self.0.extend_from_slice(if i == 0 { b"[{" } else { b",{" });
            let mut inner = Self::default();
            members(&mut inner, it);
            self.0.extend_from_slice(&inner.0);
            self.0.push(b'}');
        }
        self.0.push(b']');
        self
    }

    /// `"key":json`, as it is: only for JSON that this crate wrote.
    pub(super) fn json(&mut self, key: &'static str, json: &str) -> &mut Self {
        self.key(key);
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    fn key(&mut self, key: &'static str) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn string(&mut self, text: &str) {
        let end = (0..=MAX_TEXT.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        let kept = &text[..end.unwrap_or(0)];
        self.0.push(b'"');
        let mut clean = 0;
        for (at, c) in kept.char_indices() {
            if escaped(c) {
                self.0.extend_from_slice(&kept.as_bytes()[clean..at]);
                self.escape(c);
                clean = at + c.len_utf8();
            }
        }
        self.0.extend_from_slice(&kept.as_bytes()[clean..]);
        if kept.len() < text.len() {
            self.0.extend_from_slice("…".as_bytes());
        }
        self.0.push(b'"');
    }

    fn escape(&mut self, c: char) {
        if let '"' | '\\' = c {
            self.0.extend_from_slice(&[b'\\', c as u8]);
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            self.0.extend_from_slice(b"\\u");
            for shift in [12, 8, 4, 0] {
                self.0.push(b"0123456789abcdef"[usize::from(*unit >> shift & 0xF)]);
            }
        }
    }
}

/// What JSON wants escaped, and beyond it everything that some reader takes for a line break, a terminal command or a
/// change of direction, or doesn't show at all: a name must look like what it is, wherever the log is read.
pub(super) fn escaped(c: char) -> bool {
    match c {
        '"' | '\\' => true,
        ' '..='~' => false,
        _ => {
            c.is_control()
                || matches!(c,
                    '\u{ad}' | '\u{61c}' | '\u{180e}'
                    // Zero width, marks of direction; line and paragraph separators, embeddings, overrides.
                    | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    // Word joiner to deprecated formatting, with the isolates; byte order mark; interlinear; tags.
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        }
    }
}

/// Decimal, without the detour over `fmt`.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// How many characters a time has.
pub(super) const TIME: usize = 27;

/// `2026-01-31T12:00:00.000000Z` (RFC 3339, UTC, microseconds).
pub(super) fn push_time(out: &mut Vec<u8>, time: SystemTime) {
    let time = OffsetDateTime::from(time);
    let (year, month, day) = time.to_calendar_date();
    for (number, digits, after) in [
        (u64::from(year.unsigned_abs()), 4, b'-'),
        (u64::from(u8::from(month)), 2, b'-'),
        (u64::from(day), 2, b'T'),
        (u64::from(time.hour()), 2, b':'),
        (u64::from(time.minute()), 2, b':'),
        (u64::from(time.second()), 2, b'.'),
        (u64::from(time.microsecond()), 6, b'Z'),
    ] {
        push_padded(out, number, digits);
        out.push(after);
    }
}

/// A time as records say it.
pub(crate) fn time_text(time: SystemTime) -> String {
    let mut out = Vec::with_capacity(TIME);
    push_time(&mut out, time);
    String::from_utf8(out).unwrap_or_default()
}

/// Decimal, padded with zeros to so many digits.
fn push_padded(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10_u64.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::Value;

    use super::{Line, MAX_TEXT, TIME, push_time};

    fn read(line: &Line) -> Value {
        let object = [b"{", line.0.as_slice(), b"}"].concat();
        serde_json::from_slice(&object).expect("JSON")
    }

    #[test]
    fn every_character_survives_and_none_forges() {
        let all: Vec<char> = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
        for chunk in all.chunks(50) {
            let text: String = chunk.iter().collect();
            let mut line = Line::default();
            line.text("t", &text);
            let read = read(&line);
            let kept = read["t"].as_str().expect("text");
            assert_eq!(kept, text);
            let raw = std::str::from_utf8(&line.0).expect("UTF-8");
            assert!(
                !raw.chars().any(|c| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}\u{200b}\u{feff}".contains(c))
            );
        }
    }

    #[test]
    fn texts_are_bounded_at_a_character() {
        for text in ["x".repeat(1_000), "é".repeat(300), "a".to_owned() + &"€".repeat(300), "\u{1b}".repeat(1_000)] {
            let mut line = Line::default();
            line.text("t", &text);
            let read = read(&line);
            let kept = read["t"].as_str().and_then(|t| t.strip_suffix('…')).expect("cut");
            assert!(text.starts_with(kept) && kept.len() <= MAX_TEXT && kept.len() > MAX_TEXT - 4);
        }
        let whole = "x".repeat(MAX_TEXT);
        let mut line = Line::default();
        line.text("t", &whole);
        assert_eq!(read(&line)["t"], whole);
    }

    #[test]
    fn members() {
        let mut line = Line::default();
        line.number("zero", 0).number("max", u64::MAX).list("list", &["a", "b\""]).list("none", &[""; 0]);
        line.counts("counts", &[("email", 2), ("card", 1)]).text_or_null("null", None).text_if_known("left out", None);
        let expected = serde_json::json!({"zero": 0, "max": u64::MAX, "list": ["a", "b\""], "none": [],
            "counts": {"email": 2, "card": 1}, "null": null});
        assert_eq!(read(&line), expected);
    }

    #[test]
    fn times() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z"),
            (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
        ] {
            let mut out = Vec::new();
            push_time(&mut out, SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
            assert_eq!((out.len(), out.as_slice()), (TIME, text.as_bytes()));
        }
    }
}
