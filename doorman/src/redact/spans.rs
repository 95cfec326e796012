//! Pieces of a text that are to be masked, and the text with their masks in place.

use std::borrow::Cow;

use super::kind::{Counts, Kind};

/// Byte ranges in ascending order that don't overlap.
#[derive(Default)]
pub(super) struct Spans(Vec<(usize, usize, Kind)>);

impl Spans {
    /// Adds a range. One that reaches back over earlier ones (an e-mail over the number it begins with) takes their place.
    pub(super) fn push(&mut self, mut start: usize, end: usize, kind: Kind) {
        while let Some(&(s, e, _)) = self.0.last() {
            if e <= start {
                break;
            }
            start = start.min(s);
            self.0.pop();
        }
        self.0.push((start, end, kind));
    }

    /// The text with every range replaced by its mask; the text itself if there is none. Leaves the list empty.
    pub(super) fn apply<'a>(&mut self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 8 * self.0.len());
        let mut at = 0;
        for (start, end, kind) in self.0.drain(..) {
            out.push_str(&text[at..start]);
            out.push_str(kind.mask());
            counts.add(kind);
            at = end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_range_swallows_what_it_covers() {
        let mut counts = Counts::default();
        let mut spans = Spans::default();
        spans.push(0, 2, Kind::Phone);
        spans.push(4, 6, Kind::Card);
        spans.push(4, 9, Kind::Email);
        assert_eq!(spans.apply("0123456789", &mut counts), "«redacted:phone»23«redacted:email»9");
        assert_eq!(counts.of(Kind::Card), 0);
        assert_eq!(spans.apply("abc", &mut counts), "abc");
    }
}
