//! Runs of digit groups: the shape that cards, phones and social security numbers have in common.

use super::chars;
use super::idle::{few, lonely, timestamp};
use super::kind::Kind;
use super::sep::{Sep, separator};
use super::spans::Span;
use super::{card, phone, ssn};

/// A card has at most 19 digits, so that no group beyond the 19th digit matters.
pub(super) const MAX_DIGITS: usize = 19;

/// Phones and social security numbers have no more groups than this; only cards may be spelled digit by digit.
const FEW_GROUPS: usize = 8;

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
    /// `INV-`, `orders/`: a dash or slash after a word.
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
    Step {
        found: None,
        next: candidate.end_of(0),
        follow: (first.sep != Sep::NONE).then_some((candidate.second, first.sep)),
    }
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
            this.groups[this.len] =
                Group { end: u32::try_from(end - start).unwrap_or(u32::MAX), total: total as u8, sep };
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
            if ssn::is_named(self, sight) {
                return Some((self.end_of(0), Kind::Ssn));
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
    let plain = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    for (slot, b) in into.iter_mut().zip(&bytes[start..start + plain]) {
        *slot = b - b'0';
    }
    let end = start + plain;
    if bytes.get(end).is_none_or(u8::is_ascii) { (end, plain) } else { wide_digits(text, end, plain, into) }
}

/// Goes on with digits of other scripts, and such as have something invisible between them.
fn wide_digits(text: &str, mut end: usize, mut count: usize, into: &mut [u8]) -> (usize, usize) {
    let mut at = end;
    while let Some(c) = chars::at(text, at) {
        at += c.len_utf8();
        if chars::invisible(c) {
            continue;
        }
        let Some(value) = chars::digit(c) else { break };
        if let Some(slot) = into.get_mut(count) {
            *slot = value;
        }
        count += 1;
        end = at;
    }
    (end, count)
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
        // A path goes on after a slash: `/orders/030040`.
        (_, Some(c)) if chars::dash(c) || c == '/' => {
            let label = chars::before(text, at - c.len_utf8(), floor);
            let is = |b: char| if c == '/' { b.is_ascii_lowercase() } else { word(b) };
            if label.is_some_and(is) { Before::Label } else { Before::Edge }
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
