//! Which bytes can begin or mark anything that is looked for: all others are passed over, many at a time.

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
