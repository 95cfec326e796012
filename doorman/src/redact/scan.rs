//! The one pass over a text that looks for personal data and `key=value` pairs.
//!
//! A table says which bytes can begin or mark anything; all others are passed over. Every detector looks at a bounded
//! stretch around its mark, or at one that no other mark looks at again, so the pass takes linear time.

use std::borrow::Cow;

use super::kind::{Counts, Kind};
use super::number::{self, Sep};
use super::rules::Verdict;
use super::spans::Spans;
use super::{chars, email, pairs};

/// What a byte may be the mark of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Digit,
    /// `@`, and `%` or `&`, which escape it.
    At,
    /// `=` and `:`.
    Pair,
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
    marks[b'=' as usize] = Mark::Pair;
    marks[b':' as usize] = Mark::Pair;
    let leads = [0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0];
    let mut i = 0;
    while i < leads.len() {
        marks[leads[i]] = Mark::Lead;
        i += 1;
    }
    marks
};

/// A text after one pass.
pub(super) struct Pass<'a> {
    pub(super) text: Cow<'a, str>,
    /// A match had neighbours that may have been judged otherwise without it: the text is to be looked at again.
    pub(super) again: bool,
}

/// Masks personal data, and values of keys that `verdict` masks.
pub(super) fn mask<'a>(text: &'a str, verdict: &impl Fn(&str) -> Verdict, counts: &mut Counts) -> Pass<'a> {
    let mut spans = Spans::default();
    let again = Scan::new(text, &mut spans).run(verdict);
    Pass { text: spans.apply(text, counts), again }
}

struct Scan<'t, 's> {
    text: &'t str,
    spans: &'s mut Spans,
    at: usize,
    /// The end of the last match: nothing reaches back over it.
    floor: usize,
    /// The end of the last at-sign: no local part reaches back over it.
    at_floor: usize,
    /// Where the next group of a run of digits begins, and what stands before it.
    follow: Option<(usize, Sep)>,
    /// Whether some match had neighbours, so that what remains of them now has an edge there.
    again: bool,
}

impl<'t, 's> Scan<'t, 's> {
    fn new(text: &'t str, spans: &'s mut Spans) -> Self {
        Self { text, spans, at: 0, floor: 0, at_floor: 0, follow: None, again: false }
    }

    fn run(mut self, verdict: &impl Fn(&str) -> Verdict) -> bool {
        let bytes = self.text.as_bytes();
        while let Some(offset) = bytes[self.at..].iter().position(|&b| MARKS[usize::from(b)] != Mark::None) {
            self.at += offset;
            match MARKS[usize::from(bytes[self.at])] {
                Mark::Digit => self.digit(),
                Mark::At => self.at_sign(),
                Mark::Pair => self.pair(verdict),
                Mark::Lead | Mark::None => self.lead(),
            }
        }
        self.again
    }

    fn digit(&mut self) {
        let after = self.follow.take_if(|(start, _)| *start == self.at).map(|(_, sep)| sep);
        let step = number::step(self.text, self.at, self.floor, after);
        if let Some((start, end, kind)) = step.found {
            self.again |= after.is_some();
            self.matched(start, end, kind);
        }
        self.at = step.next.max(self.at + 1);
        self.follow = step.follow;
    }

    fn at_sign(&mut self) {
        let Some(len) = email::at_sign(self.text, self.at) else {
            self.at += 1;
            return;
        };
        // A number that was matched may turn out to be the beginning of an address, so only at-signs bound it.
        let found = email::find(self.text, self.at, len, self.at_floor);
        self.at += len;
        self.at_floor = self.at;
        if let Some(range) = found {
            self.matched(range.start, range.end, Kind::Email);
            self.at = range.end;
            self.at_floor = range.end;
        }
    }

    fn pair(&mut self, verdict: &impl Fn(&str) -> Verdict) {
        let value = pairs::key_before(self.text, self.at, self.floor)
            .filter(|key| verdict(key.text) == Verdict::Mask)
            .and_then(|key| pairs::value_after(self.text, self.at, &key));
        self.at += 1;
        if let Some(value) = value {
            self.matched(value.start, value.end, Kind::Key);
            self.at = value.end;
            self.at_floor = value.end;
        }
    }

    fn lead(&mut self) {
        match chars::at(self.text, self.at) {
            Some(c) if chars::digit(c).is_some() => self.digit(),
            Some(_) if email::at_sign(self.text, self.at).is_some() => self.at_sign(),
            Some(c) => self.at += c.len_utf8(),
            None => self.at += 1,
        }
    }

    fn matched(&mut self, start: usize, end: usize, kind: Kind) {
        let bytes = self.text.as_bytes();
        let (before, after) = (start.checked_sub(1).and_then(|i| bytes.get(i)), bytes.get(end));
        let stops = after == Some(&b'.') && bytes.get(end + 1).is_none_or(u8::is_ascii_whitespace);
        // An address may begin with what looked like the last digits of something else.
        let digits = kind == Kind::Email && chars::at(self.text, start).and_then(chars::digit).is_some();
        self.again |= digits || !is_quiet(before) || !(is_quiet(after) || stops);
        self.spans.push(start, end, kind);
        self.floor = end;
        self.follow = None;
    }
}

/// Whether a neighbour belongs to nothing that a detector looks at.
fn is_quiet(neighbour: Option<&u8>) -> bool {
    neighbour.is_none_or(|b| b.is_ascii_whitespace() || b"\"'<>()[]{},;:=&!?|".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::keys::Name;
    use crate::redact::rules;

    fn masked(text: &str) -> String {
        let verdict = |key: &str| if rules::built_in(&Name::new(key)) { Verdict::Mask } else { Verdict::Scan };
        mask(text, &verdict, &mut Counts::default()).text.replace("redacted:", "")
    }

    #[test]
    fn each_kind() {
        for (text, expected) in [
            ("mail a@b.com or b@c.org.", "mail «email» or «email»."),
            ("415-555-0100@example.com", "«email»"),
            ("call (415) 555-0100, +49 151 12345678", "call «phone», «phone»"),
            ("ssn 123-45-6789 itin 987-65-4321 no 000-12-3456", "ssn «ssn» itin «ssn» no 000-12-3456"),
            ("5 4111 1111 1111 1111 7", "5 «card» 7"),
            ("login password=hunter2&x=1", "login password=«key»&x=1"),
            (
                "4111\u{200b}1111 1111 1111, ４１１１１１１１１１１１１１１１, ٤١١١١١١١١١١١١١١١",
                "«card», «card», «card»",
            ),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn phones() {
        for phone in [
            "415-555-0100",
            "415.555.0100",
            "415 555 0100",
            "415/555-0100",
            "415–555–0100",
            "415_555_0100",
            "(415)555-0100",
            "1-415-555-0100",
            "1 (415) 555-0100",
            "+1 415 555 0100",
            "+14155550100",
            "+1.4155550100",
            "+49 (0)30 123456",
            "+44 20 7946 0958",
            "030 12345678",
            "030/1234567",
            "(030) 1234567",
            "01 23 45 67 89",
            "0151-12345678",
            "555-0100",
            "98765 43210",
            "912 345 678",
            "8 (495) 123-45-67",
            "11 98765-4321",
            "138 1234 5678",
            "＋49 151 1234567",
            "415\u{2011}555\u{2011}0100",
            "415\u{a0}555\u{a0}0100",
            "41\u{200b}5-555-0100",
            "0049 151 1234567",
            "020 7946 0958",
        ] {
            assert_eq!(masked(&format!("at {phone}, or")), "at «phone», or", "{phone}");
            assert_eq!(masked(phone), "«phone»", "{phone}");
        }
    }

    #[test]
    fn no_phones() {
        for text in [
            "2026-06-20",
            "2026-06-20T12:34:56.789+02:00",
            "20.06.2026",
            "06/20/2026",
            "20-06-2026 12:00",
            "2026/06/20",
            "2026-06-20 2026-06-21",
            "127.0.0.1",
            "192.168.100.200",
            "10.0.0.0/8",
            "3.14159265358",
            "0.4111111111111111",
            "37.774929, -122.419416",
            "37.774929 -122.419416",
            "+37.774929-122.419416",
            "+37.774929",
            "1781913600",
            "1781913600000",
            "123456789",
            "12345678901234567890",
            "978-3-16-148410-0",
            "0-306-40615-2",
            "0-8044-2957-X",
            "550e8400-e29b-41d4-a716-446655440000",
            "12345678-1234-4234-8234-123456789012",
            "1.2.3",
            "120.0.6099.109",
            "v1.2.3-4.5.6",
            "1.234.567,89",
            "1,234,567.89",
            "2024-0001234",
            "94105-1234",
            "1200-1350",
            "200-1000",
            "1914-1918",
            "00-11-22-33-44-55",
            "INV-2024-000123",
            "1 2 3 4 5 6 7 8 9",
            "1e10",
            "0x1234567",
            "12:34:56",
            "4:3",
            "1.5e+12345678",
            "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
            "10-20-30",
            "ISO 8601-1:2019",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn cards() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111_1111_1111_1111",
            "4111.1111.1111.1111",
            "4111,1111,1111,1111",
            "4111–1111–1111–1111",
            "3782 822463 10005",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ] {
            assert_eq!(masked(&format!("x{card}, y")), "x«card», y", "{card}");
        }
        assert_eq!(masked("4111-1111-1111-1112"), "4111-1111-1111-1112");
    }
}
