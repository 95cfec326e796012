//! The tokens of RFC 8259: white space, strings, numbers, literals.
//!
//! Refuses what `serde_json` refuses, no more and no less: control characters and lone surrogates in strings, leading
//! zeros, numbers beyond the range of `f64`.

use std::borrow::Cow;

/// Integers of so many digits are finite whatever the digits (`f64` ends at 309).
const FINITE_DIGITS: usize = 300;

/// Where reading stands in the message.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// What is wrong where the cursor stands. Small, like all that is returned here: results that don't fit in registers
/// were a third of the time of a scan.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) &'static str);

/// How a string was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Plain,
    Escaped,
}

/// How a number was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// No fraction and no exponent.
    Integer,
    Float,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over one byte that `peek` showed, an ASCII one.
    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    /// Skips white space; the byte that follows.
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// What was read from `start` on.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Malformed("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// A string, from its opening quote.
    pub(super) fn string(&mut self) -> Result<Spelling, Malformed> {
        let mut spelling = Spelling::Plain;
        self.at += 1;
        loop {
            self.at += plain_run(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(spelling);
                }
                Some(b'\\') => {
                    spelling = Spelling::Escaped;
                    self.escape()?;
                }
                Some(_) => return Err(Malformed("control character in a string")),
                None => return Err(Malformed("unfinished string")),
            }
        }
    }

    /// One escape, from its backslash; a surrogate takes its other half with it.
    fn escape(&mut self) -> Result<(), Malformed> {
        match self.rest() {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [_, b'u', digits @ ..] => match unit(digits) {
                None => return Err(Malformed("\\u needs four hexadecimal digits")),
                Some(0xD800..=0xDBFF) => match self.rest().get(6..) {
                    Some([b'\\', b'u', low @ ..]) if matches!(unit(low), Some(0xDC00..=0xDFFF)) => self.at += 12,
                    _ => return Err(Malformed("lone surrogate in a string")),
                },
                Some(0xDC00..=0xDFFF) => return Err(Malformed("lone surrogate in a string")),
                Some(_) => self.at += 6,
            },
            _ => return Err(Malformed("unknown escape in a string")),
        }
        Ok(())
    }

    /// A number, from its first byte.
    pub(super) fn number(&mut self) -> Result<Form, Malformed> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let digits = match self.peek() {
            Some(b'0') => {
                self.at += 1;
                1
            }
            _ => self.digits()?,
        };
        let mut form = Form::Integer;
        if self.peek() == Some(b'.') {
            form = Form::Float;
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            form = Form::Float;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        // Only these can leave the range, and at its very edge rounding decides: ask the parser that comes after us.
        if (exponent || digits > FINITE_DIGITS) && serde_json::from_str::<f64>(self.since(start)).is_err() {
            return Err(Malformed("number out of range"));
        }
        Ok(form)
    }

    /// One digit or more; how many.
    fn digits(&mut self) -> Result<usize, Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(Malformed("expected a digit"));
        }
        Ok(self.at - start)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// What a string says that is written as `json`, quotes included: borrowed unless it has escapes.
#[inline]
pub(super) fn decode(json: &str, spelling: Spelling) -> Cow<'_, str> {
    if spelling == Spelling::Escaped
        && let Ok(decoded) = serde_json::from_str(json)
    {
        return Cow::Owned(decoded);
    }
    Cow::Borrowed(&json[1..json.len() - 1])
}

/// How many bytes from the start are neither quote, backslash nor control character, eight at a time: a byte's high bit
/// is set in `hit` when it is one. Borrows can set false bits, but only above a true one, and the lowest is what counts.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;

    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hit = (control | zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C))) & HIGH;
        if hit != 0 {
            return index * 8 + hit.trailing_zeros() as usize / 8;
        }
    }
    let stop = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().position(stop).unwrap_or(rest.len())
}

/// The UTF-16 unit that four hexadecimal digits name.
fn unit(digits: &[u8]) -> Option<u32> {
    digits.first_chunk::<4>()?.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}
