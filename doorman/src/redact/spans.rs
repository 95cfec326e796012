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

/// Byte ranges in ascending order that don't overlap.
#[derive(Default)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one range is all of a text.
    pub(super) fn cover(&self, text: &str) -> bool {
        matches!(&*self.0, [span] if span.start == 0 && span.end == text.len())
    }

    pub(super) fn as_slice(&self) -> &[Span] {
        &self.0
    }

    pub(super) fn into_vec(self) -> Vec<Span> {
        self.0
    }

    /// Adds a range. One that reaches back over earlier ones (an e-mail over the number it begins with) takes their place.
    pub(super) fn push(&mut self, mut start: usize, end: usize, kind: Kind) {
        let mut end = end;
        while let Some(last) = self.0.last() {
            if last.end <= start {
                break;
            }
            start = start.min(last.start);
            end = end.max(last.end);
            self.0.pop();
        }
        self.0.push(Span { kind, start, end });
    }

    /// Puts ranges that were added in any order into one; of those that overlap, the longest says what they are.
    pub(super) fn union(mut ranges: Vec<Span>) -> Self {
        if ranges.len() < 2 {
            return Self(ranges);
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
        Self(out)
    }

    /// Takes over ranges that were found in the text *with this list's masks in place*, in terms of the text itself.
    /// Those that cover a mask take the place of what it stands for.
    pub(super) fn absorb(&mut self, found: Spans) {
        if self.0.is_empty() {
            self.0 = found.0;
            return;
        }
        let mine = std::mem::take(&mut self.0);
        let mut out = Vec::with_capacity(mine.len() + found.0.len());
        let mut rest = mine.into_iter().peekable();
        // What to add to a position in the masked text; what the masks so far have made it longer is taken off.
        let mut delta = 0_isize;
        let end_of = |span: &Span, delta: isize| span.start.wrapping_add_signed(-delta) + span.kind.mask().len();
        for new in found.0 {
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
        self.0 = out;
    }

    /// The text with every range replaced by its mask; the text itself if there is none.
    pub(super) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &*self.0 {
            [] => return Cow::Borrowed(text),
            [span] if self.cover(text) => return Cow::Owned(span.kind.mask().to_owned()),
            _ => {}
        }
        let masks: usize = self.0.iter().map(|span| span.kind.mask().len()).sum();
        let masked: usize = self.0.iter().map(|span| span.end - span.start).sum();
        let mut out = String::with_capacity(text.len() + masks - masked);
        let mut at = 0;
        for span in &self.0 {
            out.push_str(&text[at..span.start]);
            out.push_str(span.kind.mask());
            at = span.end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        self.0.iter().for_each(|span| counts.add(span.kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ranges: &[(usize, usize, Kind)]) -> Spans {
        Spans(ranges.iter().map(|&(start, end, kind)| Span { kind, start, end }).collect())
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
