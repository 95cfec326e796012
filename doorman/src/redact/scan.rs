//! The one pass over a text that looks for personal data, URLs with secrets and `key=value` pairs.
//!
//! A table says which bytes can begin or mark anything; all others are passed over. Every detector looks at a bounded
//! stretch around its mark, or at one that no other mark looks at again, so the pass takes linear time.

use std::ops::Range;

use super::kind::{Kind, Kinds};
use super::marks::{self, Mark};
use super::memo::Told;
use super::number::{self, Sight};
use super::plan::Plan;
use super::rules::Verdict;
use super::sep::Sep;
use super::spans::Spans;
use super::{address, chars, email, entropy, iban, pairs, url};

/// What is to be looked at again, because what stands there may be judged otherwise beside a mask.
pub(super) enum Again {
    Nothing,
    /// What stands around these positions, each of which is within a range that was found.
    Around(Vec<usize>),
    Everything,
}

/// Finds what is to be masked in one pass over the text, or over some parts of it in ascending order.
pub(super) fn find(plan: &Plan, text: &str, parts: Option<&[Range<usize>]>, told: Told, spans: &mut Spans) -> Again {
    let kinds = plan.detectors;
    let addresses = kinds.has(Kind::Ip) || kinds.has(Kind::Mac);
    if addresses {
        address::find(text, kinds, spans);
        if !spans.is_empty() {
            return Again::Everything;
        }
    }
    let mut scan = Scan {
        plan,
        text,
        told,
        kinds,
        spans,
        at: 0,
        floor: 0,
        at_floor: 0,
        follow: None,
        again: Vec::new(),
        links: url::Links::default(),
    };
    match parts {
        None => scan.run(text.len()),
        Some(parts) => {
            for part in parts {
                scan.at = scan.at.max(part.start);
                scan.follow = None;
                scan.run(part.end);
            }
        }
    }
    let again = scan.again;
    match () {
        // Letters beside an address decide whether it is one, so whatever is masked may uncover one.
        () if addresses && !spans.is_empty() => Again::Everything,
        () if again.is_empty() => Again::Nothing,
        () => Again::Around(again),
    }
}

struct Scan<'t, 's> {
    plan: &'t Plan,
    text: &'t str,
    told: Told,
    kinds: Kinds,
    spans: &'s mut Spans,
    at: usize,
    /// The end of the last match: nothing reaches back over it.
    floor: usize,
    /// The end of the last at-sign: no local part reaches back over it.
    at_floor: usize,
    /// Where the next group of a run of digits begins, and what stands before it.
    follow: Option<(usize, Sep)>,
    /// Matches that had neighbours: what remains of them now has an edge there.
    again: Vec<usize>,
    links: url::Links,
}

impl Scan<'_, '_> {
    fn run(&mut self, end: usize) {
        let bytes = self.text.as_bytes();
        while let Some((at, mark)) = marks::next(bytes, self.at) {
            if at >= end {
                break;
            }
            self.at = at;
            match mark {
                Mark::Digit => self.digit(),
                Mark::At => self.at_sign(),
                Mark::Colon if bytes[at..].starts_with(b"://") => self.link(),
                // `10:15`
                Mark::Colon if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && self.is_time() => self.at += 1,
                Mark::Colon | Mark::Equals => self.pair(),
                Mark::Lead | Mark::None => self.lead(),
            }
        }
    }

    fn digit(&mut self) {
        let after = self.follow.take_if(|(start, _)| *start == self.at).map(|(_, sep)| sep);
        if self.at >= self.floor + 2
            && self.text.as_bytes()[self.at - 1].is_ascii_alphabetic()
            && self.kinds.has(Kind::Iban)
            && let Some((start, end)) = iban::find(self.text, self.at, self.floor)
        {
            self.matched(start, end, Kind::Iban);
            self.at = end;
            return;
        }
        let step = number::step(&self.sight(), self.at, after);
        if let Some((start, end, kind)) = step.found.filter(|(_, _, kind)| self.kinds.has(*kind)) {
            if after.is_some() {
                self.again.push(start);
            }
            self.matched(start, end, kind);
        }
        self.at = step.next.max(self.at + 1);
        self.follow = step.follow;
    }

    fn sight(&self) -> Sight<'_> {
        Sight { text: self.text, floor: self.floor, told: self.told == Told::Phone, spans: self.spans.as_slice() }
    }

    fn at_sign(&mut self) {
        let Some(len) = email::at_sign(self.text, self.at).filter(|_| self.kinds.has(Kind::Email)) else {
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

    /// `://`
    fn link(&mut self) {
        self.links.begins(self.at);
        self.at += 3;
        if let Some((start, end)) = url::user_info(self.text, self.at).filter(|_| self.kinds.has(Kind::UrlSecret)) {
            self.matched(start, end, Kind::UrlSecret);
            self.at = end;
            // The host is no address: what stands before its at-sign is masked.
            self.at_floor = end + 1;
            self.at += 1;
        }
    }

    /// Whether only digits stand before a colon.
    fn is_time(&self) -> bool {
        let before = &self.text.as_bytes()[self.floor..self.at];
        let digits = before.iter().rev().take(5).take_while(|b| b.is_ascii_digit()).count();
        (1..5).contains(&digits) && before.len().checked_sub(digits + 1).is_none_or(|i| !is_word(before[i]))
    }

    fn pair(&mut self) {
        let found = self.value();
        self.at += 1;
        if let Some((start, end, kind)) = found {
            self.matched(start, end, kind);
            self.at = end;
            self.at_floor = end;
        }
    }

    /// The value of the key before a `=` or `:`, if it is to be masked.
    fn value(&mut self) -> Option<(usize, usize, Kind)> {
        let key = pairs::key_before(self.text, self.at, self.floor)?;
        let verdict = self.plan.verdict(key.text);
        let link = matches!(self.text.as_bytes().get(key.start.wrapping_sub(1)), Some(b'?' | b'&' | b';' | b'#'))
            && self.links.reaches(self.text, key.start);
        if verdict == Verdict::Reveal || verdict == Verdict::Scan && !link {
            return None;
        }
        let mut value = pairs::value_after(self.text, self.at, &key)?;
        if link && let Some(length) = self.text[value.clone()].find(['&', '#', ')', ']', '>']) {
            value.end = value.start + length;
            if value.is_empty() || Kind::is_mask(&self.text[value.clone()]) {
                return None;
            }
        }
        let written = &self.text[value.clone()];
        let kind = match verdict {
            _ if link && self.kinds.has(Kind::UrlSecret) && url::is_secret_parameter(key.text, written) => {
                Kind::UrlSecret
            }
            Verdict::Mask if link => Kind::UrlSecret,
            Verdict::Mask => self.number_at(value.start, value.end).unwrap_or(Kind::Key),
            Verdict::Suspect(suspicion) if entropy::is_secret(written, suspicion) => Kind::Secret,
            _ => return None,
        };
        (verdict == Verdict::Mask || self.kinds.has(kind)).then_some((value.start, value.end, kind))
    }

    /// What sort of number a value is, if it is one from its first character to its last: `SSN: 123-45-6789`.
    fn number_at(&self, start: usize, end: usize) -> Option<Kind> {
        self.text.as_bytes().get(start).filter(|b| b.is_ascii_digit())?;
        let (from, to, kind) = number::step(&Sight { floor: start, ..self.sight() }, start, None).found?;
        ((from, to) == (start, end) && self.kinds.has(kind)).then_some(kind)
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
        if digits || !is_quiet(before) || !(is_quiet(after) || stops) {
            self.again.push(start);
        }
        self.spans.push(start, end, kind);
        self.floor = end;
        self.follow = None;
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'.' || b >= 0x80
}

/// Whether a neighbour belongs to nothing that a detector looks at.
fn is_quiet(neighbour: Option<&u8>) -> bool {
    neighbour.is_none_or(|b| b.is_ascii_whitespace() || b"\"'<>()[]{},;:=&!?|".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn masked(text: &str) -> String {
        let Ok(plan) = Redactor::builder().build().and_then(|redactor| redactor.plan(&[], &[])) else {
            panic!("builds")
        };
        let mut spans = Spans::default();
        find(&plan, text, None, Told::Nothing, &mut spans);
        spans.apply(text).replace("redacted:", "")
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
