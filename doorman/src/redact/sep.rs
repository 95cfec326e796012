//! What stands between two groups of digits.

use super::chars;

/// What stands between two groups of digits; a bit, so that shapes can name sets of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sep(pub(super) u8);

impl Sep {
    pub(super) const NONE: Sep = Sep(0);
    pub(super) const SPACE: Sep = Sep(1);
    pub(super) const DASH: Sep = Sep(2);
    pub(super) const DOT: Sep = Sep(4);
    pub(super) const COMMA: Sep = Sep(8);
    pub(super) const SLASH: Sep = Sep(16);
    pub(super) const UNDERSCORE: Sep = Sep(32);
    pub(super) const PAREN: Sep = Sep(64);

    pub(super) const fn or(self, other: Sep) -> Sep {
        Sep(self.0 | other.0)
    }

    pub(super) fn within(self, set: Sep) -> bool {
        self.0 & !set.0 == 0
    }

    /// Separators that also stand between one number and the next in prose and lists.
    pub(super) fn is_weak(self) -> bool {
        self.within(Sep::SPACE.or(Sep::SLASH).or(Sep::COMMA))
    }
}

/// The separator at `end`, and where the group after it begins; nothing if no digit follows.
#[inline]
pub(super) fn separator(text: &str, end: usize) -> Option<(Sep, usize)> {
    // Most groups end at something that is no separator.
    let first = *text.as_bytes().get(end)?;
    if first.is_ascii() && !matches!(first, b' ' | b'-' | b'.' | b',' | b'/' | b'_' | b'(' | b')') {
        return None;
    }
    // Most separators are one ASCII character.
    if first.is_ascii() && text.as_bytes().get(end + 1).is_some_and(u8::is_ascii_digit) {
        return Sep::of(char::from(first)).map(|sep| (sep, end + 1));
    }
    // Most others have a letter after them.
    let mark = |b: u8| !b.is_ascii() || matches!(b, b' ' | b'-' | b'.' | b',' | b'/' | b'_' | b'(' | b')');
    if !text.as_bytes().get(end + 1).is_some_and(|&b| mark(b) || !first.is_ascii() && b >= 0x80) {
        return None;
    }
    let mut sep = Sep::NONE;
    let mut marks = 0;
    let mut last = ' ';
    for (offset, c) in text.get(end..)?.char_indices() {
        if chars::invisible(c) {
            continue;
        }
        if chars::digit(c).is_some() {
            // ` -5` is a negative number, `, ` and `. ` end a clause: no separators within one number.
            let joined = marks > 0 && !(marks == 2 && sep == Sep::SPACE.or(Sep::DASH) && chars::dash(last));
            return sep.simplified().filter(|_| joined).map(|sep| (sep, end + offset));
        }
        marks += 1;
        if marks > 3 {
            return None;
        }
        let mark = Sep::of(c)?;
        // `--`, `..`, `//` and the like separate sentences and paths, not digits.
        if sep.0 & mark.0 & !Sep::SPACE.0 & !Sep::PAREN.0 != 0 {
            return None;
        }
        sep = sep.or(mark);
        last = c;
    }
    None
}

impl Sep {
    #[inline]
    fn of(c: char) -> Option<Sep> {
        Some(match chars::fold(c) {
            ' ' => Sep::SPACE,
            '-' => Sep::DASH,
            '.' => Sep::DOT,
            ',' => Sep::COMMA,
            '/' => Sep::SLASH,
            '_' => Sep::UNDERSCORE,
            '(' | ')' => Sep::PAREN,
            c if c.is_ascii() => return None,
            _ if chars::space(c) => Sep::SPACE,
            _ if chars::dash(c) => Sep::DASH,
            _ => return None,
        })
    }

    /// The one separator that a mixture amounts to: `) - ` is a parenthesis, ` - ` a dash; a padded dot or comma is none.
    fn simplified(self) -> Option<Sep> {
        const PADDED: Sep = Sep::SPACE.or(Sep::DASH).or(Sep::SLASH);
        match self {
            _ if self.0 & Sep::PAREN.0 != 0 => self.within(PADDED.or(Sep::DOT).or(Sep::PAREN)).then_some(Sep::PAREN),
            _ if self.0.count_ones() == 1 => Some(self),
            _ if self.within(PADDED) => Some(Sep(self.0 & !Sep::SPACE.0)).filter(|sep| sep.0.count_ones() == 1),
            _ => None,
        }
    }
}
