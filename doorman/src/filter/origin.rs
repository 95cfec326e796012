//! Which part of a text a part of another form of it came from.

use std::ops::Range;

/// A stretch of the other form, up to the next one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Where it begins in the other form, and in the text.
    pub(super) to: usize,
    pub(super) from: usize,
    /// Whether it is the same in both.
    pub(super) same: bool,
}

/// Notes pieces, in order.
pub(super) trait Note {
    fn note(&mut self, piece: Piece);
}

/// Nobody asks where anything came from.
pub(super) struct Nothing;

impl Note for Nothing {
    fn note(&mut self, _: Piece) {}
}

/// All pieces of another form.
#[derive(Default)]
pub(super) struct Origins(Vec<Piece>);

impl Note for Origins {
    fn note(&mut self, piece: Piece) {
        self.0.push(piece);
    }
}

impl Origins {
    /// The part of the text, which has so many bytes, that a part of the other form came from. What came from a piece that
    /// isn't the same in both came from all of it.
    pub(super) fn of(&self, part: &Range<usize>, bytes: usize) -> Range<usize> {
        let piece = |at: usize| self.0.partition_point(|piece| piece.to <= at).checked_sub(1).map(|i| (i, self.0[i]));
        let start = piece(part.start).map_or(0, |(_, it)| if it.same { it.from + part.start - it.to } else { it.from });
        // The last piece that the part reaches into.
        let last = part.end.saturating_sub(1).max(part.start);
        let end = piece(last).map_or(bytes, |(i, it)| match it.same {
            true => it.from + part.end - it.to,
            false => self.0.get(i + 1).map_or(bytes, |next| next.from),
        });
        start.min(bytes)..end.clamp(start.min(bytes), bytes)
    }
}
