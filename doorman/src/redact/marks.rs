//! Which bytes can begin or mark anything that is looked for: all others are passed over, many at a time.

/// What kinds of bytes a text has, so that most short texts need no further look.
#[derive(Clone, Copy)]
pub(super) struct Bytes(u8);

impl Bytes {
    const MARK: u8 = 1;
    const SPACE: u8 = 2;
    const CAPITAL: u8 = 4;
    const NOT_BASE64: u8 = 8;
    const ESCAPE: u8 = 16;

    /// Anything may be among them.
    pub(super) const ANY: Self = Self(!Self::NOT_BASE64);

    /// Longer texts may have anything.
    const LONGEST: usize = 64;

    pub(super) fn of(text: &str) -> Self {
        if text.len() > Self::LONGEST {
            return Self::ANY;
        }
        Self(text.bytes().fold(0, |all, b| all | CLASSES[usize::from(b)]))
    }

    /// Whether a mark may be among them.
    pub(super) fn may_mark(self) -> bool {
        self.0 & Self::MARK != 0
    }

    pub(super) fn may_have_space(self) -> bool {
        self.0 & Self::SPACE != 0
    }

    /// Whether something may be written in escapes.
    pub(super) fn may_escape(self) -> bool {
        self.0 & Self::ESCAPE != 0
    }

    pub(super) fn may_have_capital(self) -> bool {
        self.0 & Self::CAPITAL != 0
    }

    /// Whether they may be base64 of text. That has capitals: the bits that tell ASCII's letters, digits and marks apart
    /// spell them.
    pub(super) fn may_be_base64(self) -> bool {
        self.0 & (Self::CAPITAL | Self::NOT_BASE64) == Self::CAPITAL
    }
}

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        let base64 = b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n');
        classes[i] = (may_mark(b) as u8 * Bytes::MARK)
            | ((b == b' ') as u8 * Bytes::SPACE)
            | ((!b.is_ascii() || matches!(b, b'%' | b'&' | b'\\')) as u8 * Bytes::ESCAPE)
            | (b.is_ascii_uppercase() as u8 * Bytes::CAPITAL)
            | (!base64 as u8 * Bytes::NOT_BASE64);
        i += 1;
    }
    classes
};

/// What a byte may be the mark of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Digit,
    /// `@`, and what may escape it: `%`, `&`, `\`.
    At,
    /// `=`.
    Equals,
    /// `:`.
    Colon,
    /// The first byte of digits and at-signs beyond ASCII.
    Lead,
}

static MARKS: [Mark; 256] = {
    let mut marks = [Mark::None; 256];
    let mut b = b'0';
    while b <= b'9' {
        marks[b as usize] = Mark::Digit;
        b += 1;
    }
    marks[b'@' as usize] = Mark::At;
    marks[b'%' as usize] = Mark::At;
    marks[b'&' as usize] = Mark::At;
    marks[b'\\' as usize] = Mark::At;
    marks[b'=' as usize] = Mark::Equals;
    marks[b':' as usize] = Mark::Colon;
    let leads = [0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0];
    let mut i = 0;
    while i < leads.len() {
        marks[leads[i]] = Mark::Lead;
        i += 1;
    }
    marks
};

/// How many bytes are passed over at once. The compiler makes a few vector instructions of it.
const STRIDE: usize = 32;

/// The next mark from a position on, and where it is.
#[inline]
pub(super) fn next(bytes: &[u8], mut at: usize) -> Option<(usize, Mark)> {
    loop {
        // Marks come in clusters: a few bytes are looked at one by one before the search becomes a coarse one.
        let near = (at + STRIDE).min(bytes.len());
        while at < near {
            let mark = MARKS[usize::from(bytes[at])];
            if mark != Mark::None {
                return Some((at, mark));
            }
            at += 1;
        }
        while let Some(stretch) = bytes.get(at..at + STRIDE)
            && !stretch.iter().fold(false, |any, &b| any | may_mark(b))
        {
            at += STRIDE;
        }
        if at >= bytes.len() {
            return None;
        }
    }
}

/// Whether a byte may be a mark; some that are none pass too.
#[inline]
const fn may_mark(b: u8) -> bool {
    // Digits and the colon are neighbours.
    (b.wrapping_sub(b'0') <= b':' - b'0')
        | (b == b'@')
        | (b == b'=')
        | (b == b'%')
        | (b == b'&')
        | (b == b'\\')
        | (b >= 0xD9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let of = |text: &str| {
            (Bytes::of(text).may_mark(), Bytes::of(text).may_have_space(), Bytes::of(text).may_be_base64())
        };
        assert_eq!(of("EUR"), (false, false, true));
        assert_eq!(of("Ada Lovelace"), (false, true, false));
        assert_eq!(of("2026-10-31"), (true, false, false));
        assert_eq!(of("YWRhQGV4YW1wbGUuY29t"), (true, false, true));
        assert_eq!(of(&"a".repeat(65)), (true, true, true));
        let escapes = |text: &str| Bytes::of(text).may_escape();
        assert!(!escapes("A@b.com") && escapes("a%40b.com") && escapes("é"));
    }

    #[test]
    fn no_mark_is_passed_over() {
        for b in 0..=u8::MAX {
            assert!(MARKS[usize::from(b)] == Mark::None || may_mark(b), "{b}");
            for at in [0, 1, 31, 32, 33, 63, 64, 100, 127] {
                let mut text = [b'x'; 128];
                text[at] = b;
                let expected = Some((at, MARKS[usize::from(b)])).filter(|(_, mark)| *mark != Mark::None);
                assert!(next(&text, 0) == expected, "{b} at {at}");
            }
        }
    }
}
