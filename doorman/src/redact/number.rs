//! Runs of digit groups: the shape that cards, phones and social security numbers have in common.

use super::chars;
use super::kind::Kind;
use super::spans::Span;
use super::{card, phone, ssn};

/// A card has at most 19 digits, so that no group beyond the 19th digit matters.
pub(super) const MAX_DIGITS: usize = 19;

/// Phones and social security numbers have no more groups than this; only cards may be spelled digit by digit.
const FEW_GROUPS: usize = 8;

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

/// A run of digits and what separates it from the next one.
#[derive(Clone, Copy)]
pub(super) struct Group {
    /// Byte position after the last digit, from where the first group begins.
    end: u32,
    total: u8,
    /// What follows; `NONE` if no digits follow after it.
    pub(super) sep: Sep,
}

impl Group {
    /// How many digits this and the groups before have together.
    pub(super) fn total(&self) -> usize {
        usize::from(self.total)
    }
}

/// What stands before the first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that belongs to it.
    Edge,
    /// A letter, a digit or `_`: the digits are the tail of a word.
    Word,
    /// `INV-`: a dash after a word.
    Label,
    /// Another group of digits, and a separator.
    Digits(Sep),
}

/// Groups of digits from one start, at most [`MAX_DIGITS`] digits in all.
pub(super) struct Candidate {
    pub(super) start: usize,
    /// A `+` stands before, perhaps with a parenthesis.
    pub(super) plus: bool,
    /// A `(` stands before.
    pub(super) paren: bool,
    pub(super) before: Before,
    /// The values of the digits.
    pub(super) digits: [u8; MAX_DIGITS],
    groups: [Group; MAX_DIGITS],
    len: usize,
    /// Where the second group begins.
    second: usize,
}

/// What a scan sees.
pub(super) struct Sight<'a> {
    pub(super) text: &'a str,
    /// Nothing reaches back over this position.
    pub(super) floor: usize,
    /// Whether the text is known to hold phones.
    pub(super) told: bool,
    /// What was found before.
    pub(super) spans: &'a [Span],
}

/// What a scan at one group of digits came to.
pub(super) struct Step {
    /// What is to be masked.
    pub(super) found: Option<(usize, usize, Kind)>,
    /// Where the scan goes on.
    pub(super) next: usize,
    /// Where the next group of the same run begins, and after which separator.
    pub(super) follow: Option<(usize, Sep)>,
}

/// Looks at the group of digits at `start`. `after` is the separator if another group of the run stands before.
pub(super) fn step(sight: &Sight<'_>, start: usize, after: Option<Sep>) -> Step {
    let nothing = |next| Step { found: None, next, follow: None };
    let &Sight { text, floor, .. } = sight;
    if let Some(end) = timestamp(text.as_bytes(), start).or_else(|| lonely(text, start, sight.told)) {
        return nothing(end);
    }
    if let Some(end) = few(text.as_bytes(), start) {
        return nothing(end);
    }
    let candidate = match Candidate::parse(text, start, floor, after) {
        Ok(candidate) => candidate,
        Err(end) => return nothing(end),
    };
    if candidate.total() >= 7
        && let Some((end, kind)) = candidate.recognize(sight)
    {
        let from = if kind == Kind::Phone { candidate.prefix_start(text, floor, end) } else { candidate.start };
        if !in_uuid(text, start, end) {
            return Step { found: Some((from, end, kind)), next: end, follow: None };
        }
    }
    if phone::is_date(&candidate, 0) {
        return nothing(candidate.end_of(2));
    }
    if let Some(end) = candidate.singles() {
        return nothing(end);
    }
    let first = candidate.groups()[0];
    Step { found: None, next: candidate.end_of(0), follow: (first.sep != Sep::NONE).then_some((candidate.second, first.sep)) }
}

/// The end of a group that can't be anything: too short to be a number alone, and nothing follows. Most digits in most
/// texts are of this sort.
fn lonely(text: &str, start: usize, told: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let run = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let end = start + run;
    let short = run > 0 && run < 7 || run < 12 && !told && is_glued(bytes, start, end);
    (short && bytes.get(end).is_none_or(u8::is_ascii) && separator(text, end).is_none()).then_some(end)
}

/// The end of a run of groups that together have too few digits to be anything.
fn few(bytes: &[u8], start: usize) -> Option<usize> {
    // Behind a label (`INV-2026-0042`) only what has more digits than an id is anything.
    let label = start > 1 && bytes[start - 1] == b'-' && bytes[start - 2].is_ascii_alphabetic();
    let fewest = if label { 9 } else { 7 };
    let (mut count, mut at, mut end) = (0, start, start);
    while let Some(&b) = bytes.get(at) {
        match b {
            b'0'..=b'9' => {
                count += 1;
                end = at + 1;
                if count == fewest {
                    return None;
                }
            }
            b' ' | b'(' if label => return None,
            b' ' | b'-' | b'.' | b',' | b'/' | b'_' | b'(' | b')' if at < end + 3 => {}
            0x80.. => return None,
            _ => break,
        }
        at += 1;
    }
    Some(end)
}

/// Whether letters stand on both sides, or a hexadecimal number goes on: no word around it makes it a phone.
fn is_glued(bytes: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    word(start.checked_sub(1).and_then(|i| bytes.get(i))) || word(bytes.get(end)) && !matches!(bytes[end], b'x' | b'X' | b'e')
}

/// The end of a date (`2026-06-20`), with its time if there is one: nothing else has this form, and every log is full of it.
fn timestamp(bytes: &[u8], start: usize) -> Option<usize> {
    const FORM: &[u8; 10] = b"0000-00-00";
    let fits = |b: u8, form: u8| if form == b'0' { b.is_ascii_digit() } else { b == form };
    let date = bytes.get(start..start + FORM.len())?;
    if !matches!(date[..2], [b'1', b'9'] | [b'2', b'0']) || !date.iter().zip(FORM).all(|(&b, &form)| fits(b, form)) {
        return None;
    }
    let part = |i: usize| (date[i] - b'0') * 10 + date[i + 1] - b'0';
    if !(1..=12).contains(&part(5)) || !(1..=31).contains(&part(8)) {
        return None;
    }
    let end = start + FORM.len();
    let hour = match bytes.get(end) {
        Some(b) if b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'/') => return None,
        Some(b'T' | b't') => end + 1,
        _ => return Some(end),
    };
    let time = bytes[hour..].iter().take(24).take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')).count();
    Some(hour + time)
}

impl Candidate {
    /// Reads the groups. `Err` is the end of a group that alone has too many digits.
    fn parse(text: &str, start: usize, floor: usize, after: Option<Sep>) -> Result<Self, usize> {
        let (plus, paren, before) = before(text, start, floor, after);
        let none = Group { end: 0, total: 0, sep: Sep::NONE };
        let mut this = Self {
            start,
            plus,
            paren,
            before,
            digits: [0; MAX_DIGITS],
            groups: [none; MAX_DIGITS],
            len: 0,
            second: start,
        };
        let (mut at, mut total) = (start, 0);
        loop {
            let (end, count) = digits(text, at, &mut this.digits[total..]);
            if count > MAX_DIGITS - total {
                // The separator before still says that digits follow, so the group before isn't at an edge.
                return if this.len == 0 { Err(end) } else { Ok(this) };
            }
            total += count;
            let separator = separator(text, end);
            let sep = separator.map_or(Sep::NONE, |(sep, _)| sep);
            this.groups[this.len] = Group { end: u32::try_from(end - start).unwrap_or(u32::MAX), total: total as u8, sep };
            this.len += 1;
            let Some((_, next)) = separator else { return Ok(this) };
            if this.len == 1 {
                this.second = next;
            }
            if total == MAX_DIGITS || (this.len == FEW_GROUPS && !card::may_begin(&this.digits)) {
                return Ok(this);
            }
            at = next;
        }
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups[..self.len]
    }

    /// Where a long run ends of groups that all are single digits: a card that is spelled digit by digit begins with the
    /// first of them, or with none.
    fn singles(&self) -> Option<usize> {
        let last = self.len.checked_sub(1).filter(|last| *last >= FEW_GROUPS - 1)?;
        (self.total() == self.len).then(|| self.end_of(last))
    }

    /// Where the group with this index ends in the text.
    pub(super) fn end_of(&self, index: usize) -> usize {
        self.start + self.groups[index].end as usize
    }

    /// How many digits the group with this index has.
    pub(super) fn size(&self, index: usize) -> usize {
        self.groups[index].total() - self.from(index)
    }

    /// The number that the group with this index spells.
    pub(super) fn value(&self, index: usize) -> u64 {
        self.digits[self.from(index)..self.groups[index].total()].iter().fold(0, |n, &d| n * 10 + u64::from(d))
    }

    fn from(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |i| self.groups[i].total())
    }

    fn total(&self) -> usize {
        self.groups().last().map_or(0, |group| group.total())
    }

    /// Where a number ends that is to be masked, and of what kind it is.
    fn recognize(&self, sight: &Sight<'_>) -> Option<(usize, Kind)> {
        if !self.plus {
            if let Some(n) = card::find(self) {
                return Some((self.end_of(n - 1), Kind::Card));
            }
            if ssn::matches(self) {
                return Some((self.end_of(2), Kind::Ssn));
            }
        }
        phone::find(self, sight).map(|end| (end, Kind::Phone))
    }

    /// Where a phone's `+` and `(` begin. A parenthesis that isn't closed within the number is the sentence's.
    fn prefix_start(&self, text: &str, floor: usize, end: usize) -> usize {
        let mut start = self.start;
        let mut open = text[start..end].chars().fold(0_i32, |open, c| match chars::fold(c) {
            ')' => open + 1,
            '(' => open - 1,
            _ => open,
        });
        while let Some(c) = chars::before(text, start, floor) {
            match chars::fold(c) {
                '+' => {}
                '(' if open > 0 => open -= 1,
                _ if chars::invisible(c) => {}
                _ => break,
            }
            start -= c.len_utf8();
        }
        start
    }
}

/// Reads one group into `into`; counts on (and reads over) digits that have no room.
fn digits(text: &str, start: usize, into: &mut [u8]) -> (usize, usize) {
    let bytes = text.as_bytes();
    let (mut at, mut end, mut count) = (start, start, 0);
    while let Some(&b) = bytes.get(at) {
        let (value, len) = if b.is_ascii() {
            (b.is_ascii_digit().then(|| b - b'0'), 1)
        } else {
            let Some(c) = chars::at(text, at) else { break };
            if chars::invisible(c) {
                at += c.len_utf8();
                continue;
            }
            (chars::digit(c), c.len_utf8())
        };
        let Some(value) = value else { break };
        if let Some(slot) = into.get_mut(count) {
            *slot = value;
        }
        count += 1;
        at += len;
        end = at;
    }
    (end, count)
}

/// The separator at `end`, and where the group after it begins; nothing if no digit follows.
#[inline]
fn separator(text: &str, end: usize) -> Option<(Sep, usize)> {
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

fn before(text: &str, start: usize, floor: usize, after: Option<Sep>) -> (bool, bool, Before) {
    let (mut plus, mut paren, mut at) = (false, false, start);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let previous = loop {
        let Some(c) = chars::before(text, at, floor) else { break None };
        match chars::fold(c) {
            '+' if !plus => plus = true,
            '(' if !paren => paren = true,
            _ if chars::invisible(c) => {}
            _ => break Some(c),
        }
        at -= c.len_utf8();
    };
    let before = match (after, previous) {
        (Some(sep), _) if !plus => Before::Digits(sep),
        (_, Some(c)) if word(c) => Before::Word,
        (_, Some(c)) if chars::dash(c) && chars::before(text, at - c.len_utf8(), floor).is_some_and(word) => {
            Before::Label
        }
        _ => Before::Edge,
    };
    (plus, paren, before)
}

/// Whether a match is part of a UUID: its groups look like anything.
fn in_uuid(text: &str, start: usize, end: usize) -> bool {
    const LEN: usize = 36;
    let bytes = text.as_bytes();
    let belongs = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
    let from = start - bytes[..start].iter().rev().take(LEN).take_while(|b| belongs(b)).count();
    let to = end + bytes[end..].iter().take(LEN).take_while(|b| belongs(b)).count();
    to - from == LEN && (0..LEN).all(|i| (bytes[from + i] == b'-') == matches!(i, 8 | 13 | 18 | 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seps(text: &str) -> Vec<(usize, Sep)> {
        let Ok(c) = Candidate::parse(text, 0, 0, None) else { return Vec::new() };
        (0..c.groups().len()).map(|i| (c.size(i), c.groups()[i].sep)).collect()
    }

    #[test]
    fn groups_and_separators() {
        assert_eq!(seps("12-345"), [(2, Sep::DASH), (3, Sep::NONE)]);
        assert_eq!(seps("1\u{200b}2 – 345"), [(2, Sep::DASH), (3, Sep::NONE)]);
        assert_eq!(seps("12 -345"), [(2, Sep::NONE)]);
        assert_eq!(seps("12, 345"), [(2, Sep::NONE)]);
        assert_eq!(seps("12) 345"), [(2, Sep::PAREN), (3, Sep::NONE)]);
        assert_eq!(seps("１２．３"), [(2, Sep::DOT), (1, Sep::NONE)]);
        assert_eq!(seps("12--3"), [(2, Sep::NONE)]);
        assert_eq!(seps("12345678901234567890"), []);
        assert_eq!(seps("1 1234567890123456789"), [(1, Sep::SPACE)]);
    }

    #[test]
    fn uuids() {
        let uuid = "12345678-1234-4234-8234-123456789012";
        assert!(in_uuid(uuid, 0, 18) && in_uuid(uuid, 24, 36));
        assert!(!in_uuid("12345678-1234-4234-8234-1234567890123", 0, 18));
        assert!(!in_uuid("4111-1111-1111-1111", 0, 19));
    }
}
