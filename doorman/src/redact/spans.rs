//! Pieces of a text that are to be masked, and the text with their masks in place.

use std::borrow::Cow;

use super::kind::{Counts, Kind};

/// A piece of a text that is to be masked, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Byte ranges in ascending order that don't overlap. Most texts have one or none, which takes no memory of its own.
#[derive(Default)]
pub(super) struct Spans {
    one: Option<Span>,
    /// All of them, if they are more.
    more: Vec<Span>,
}

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Whether one range is all of a text.
    pub(super) fn cover(&self, text: &str) -> bool {
        matches!(self.as_slice(), [span] if span.start == 0 && span.end == text.len())
    }

    pub(super) fn as_slice(&self) -> &[Span] {
        if self.more.is_empty() { self.one.as_slice() } else { &self.more }
    }

    pub(super) fn into_vec(self) -> Vec<Span> {
        if self.more.is_empty() { self.one.into_iter().collect() } else { self.more }
    }

    /// Adds a range. One that reaches back over earlier ones (an e-mail over the number it begins with) takes their place.
    pub(super) fn push(&mut self, start: usize, end: usize, kind: Kind) {
        let mut span = Span { kind, start, end };
        if self.more.is_empty() {
            match self.one.take_if(|last| last.end <= span.start) {
                Some(last) => self.more = vec![last, span],
                None => self.one = Some(self.one.map_or(span, |last| span.over(last))),
            }
            return;
        }
        while let Some(last) = self.more.pop_if(|last| last.end > span.start) {
            span = span.over(last);
        }
        self.more.push(span);
    }

    /// Puts ranges that were added in any order into one; of those that overlap, the longest says what they are.
    pub(super) fn union(mut ranges: Vec<Span>) -> Self {
        if ranges.len() < 2 {
            return Self { one: None, more: ranges };
        }
        ranges.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut out: Vec<Span> = Vec::with_capacity(ranges.len());
        for span in ranges {
            match out.last_mut() {
                Some(last) if span.start < last.end => {
                    // A header's token and a key's value are known by less than what they are themselves.
                    let vague = matches!(last.kind, Kind::Bearer | Kind::Key)
                        && (span.start, span.end) == (last.start, last.end);
                    if vague || span.end - span.start > last.end - last.start {
                        last.kind = span.kind;
                    }
                    last.end = last.end.max(span.end);
                }
                _ => out.push(span),
            }
        }
        Self { one: None, more: out }
    }

    /// Takes over ranges that were found in the text *with this list's masks in place*, in terms of the text itself.
    /// Those that cover a mask take the place of what it stands for.
    pub(super) fn absorb(&mut self, found: Spans) {
        if self.is_empty() {
            *self = found;
            return;
        }
        let (mine, found) = (std::mem::take(self).into_vec(), found.into_vec());
        let mut out = Vec::with_capacity(mine.len() + found.len());
        let mut rest = mine.into_iter().peekable();
        // What to add to a position in the masked text; what the masks so far have made it longer is taken off.
        let mut delta = 0_isize;
        let end_of = |span: &Span, delta: isize| span.start.wrapping_add_signed(-delta) + span.kind.mask().len();
        for new in found {
            while let Some(span) = rest.next_if(|span| end_of(span, delta) <= new.start) {
                delta += (span.end - span.start).cast_signed() - span.kind.mask().len().cast_signed();
                out.push(span);
            }
            let begins_within = rest.peek().filter(|span| span.start.wrapping_add_signed(-delta) < new.start);
            let start = begins_within.map_or(new.start.wrapping_add_signed(delta), |span| span.start);
            let mut end = None;
            while let Some(span) = rest.next_if(|span| span.start.wrapping_add_signed(-delta) < new.end) {
                let within = end_of(&span, delta) > new.end;
                delta += (span.end - span.start).cast_signed() - span.kind.mask().len().cast_signed();
                end = within.then_some(span.end);
            }
            out.push(Span { kind: new.kind, start, end: end.unwrap_or(new.end.wrapping_add_signed(delta)) });
        }
        out.extend(rest);
        self.more = out;
    }

    /// Where the masks of those ranges will be in the masked text that some positions are in.
    pub(super) fn places_of_masks(&self, positions: &[usize]) -> Vec<usize> {
        let mut positions = positions.iter().peekable();
        let (mut delta, mut places) = (0_isize, Vec::new());
        for span in self.as_slice() {
            let mut hit = false;
            while positions.next_if(|position| **position < span.end).is_some() {
                hit = true;
            }
            if hit {
                places.push(span.start.wrapping_add_signed(delta));
            }
            delta += span.kind.mask().len().cast_signed() - (span.end - span.start).cast_signed();
        }
        places
    }

    /// The text with every range replaced by its mask; the text itself if there is none.
    pub(super) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.as_slice() {
            [] => return Cow::Borrowed(text),
            [span] if self.cover(text) => return Cow::Owned(span.kind.mask().to_owned()),
            _ => {}
        }
        let masks: usize = self.as_slice().iter().map(|span| span.kind.mask().len()).sum();
        let masked: usize = self.as_slice().iter().map(|span| span.end - span.start).sum();
        let mut out = String::with_capacity(text.len() + masks - masked);
        let mut at = 0;
        for span in self.as_slice() {
            out.push_str(&text[at..span.start]);
            out.push_str(span.kind.mask());
            at = span.end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        self.as_slice().iter().for_each(|span| counts.add(span.kind));
    }
}

impl Span {
    /// This range, extended over one that it overlaps.
    fn over(self, other: Span) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ranges: &[(usize, usize, Kind)]) -> Spans {
        Spans { one: None, more: ranges.iter().map(|&(start, end, kind)| Span { kind, start, end }).collect() }
    }

    #[test]
    fn a_later_range_swallows_what_it_covers() {
        let mut spans = Spans::default();
        spans.push(0, 2, Kind::Phone);
        spans.push(4, 6, Kind::Card);
        spans.push(4, 9, Kind::Email);
        assert_eq!(spans.apply("0123456789"), "«redacted:phone»23«redacted:email»9");
        assert_eq!(Spans::default().apply("abc"), "abc");
        let union = Spans::union(vec![
            Span { kind: Kind::Card, start: 5, end: 9 },
            Span { kind: Kind::Key, start: 1, end: 3 },
            Span { kind: Kind::Phone, start: 4, end: 6 },
        ]);
        assert_eq!(union.apply("0123456789"), "0«redacted:key»3«redacted:card»9");
    }

    #[test]
    fn what_is_found_beside_masks_is_in_terms_of_the_text() {
        let text = "0123456789";
        let first = || spans(&[(1, 3, Kind::Card), (6, 7, Kind::Email)]);
        let view = first().apply(text).into_owned();
        let at = |c: char| view.find(c).unwrap();
        for (found, expected) in [
            (spans(&[(at('8'), at('9'), Kind::Phone)]), "0«redacted:card»345«redacted:email»7«redacted:phone»9"),
            (spans(&[(at('4'), at('5'), Kind::Phone)]), "0«redacted:card»3«redacted:phone»5«redacted:email»789"),
            (spans(&[(at('4'), at('8'), Kind::Key)]), "0«redacted:card»3«redacted:key»89"),
            (spans(&[(0, view.len(), Kind::Key)]), "«redacted:key»"),
            (
                spans(&[(0, 1, Kind::Key), (at('3'), at('4'), Kind::Key)]),
                "«redacted:key»«redacted:card»«redacted:key»45«redacted:email»789",
            ),
        ] {
            let mut all = first();
            all.absorb(found);
            assert_eq!(all.apply(text), expected);
        }
    }
}
