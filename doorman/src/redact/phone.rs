//! Phone numbers: international ones by their `+`, national ones by the shapes that numbering plans give them.

use super::chars;
use super::number::{Before, Candidate, Sep};

const SPACE: Sep = Sep::SPACE;
const DASH: Sep = Sep::DASH;
const SPACE_DASH: Sep = SPACE.or(DASH);
const ANY: Sep = SPACE_DASH.or(Sep::DOT).or(Sep::SLASH).or(Sep::UNDERSCORE).or(Sep::PAREN);

/// E.164: a country code and a number, fifteen digits in all.
const LONGEST: usize = 15;

/// The group sizes of a national number, what may separate them, and how it may begin.
struct Shape {
    sizes: &'static [usize],
    seps: Sep,
    first: &'static [u8],
    /// Few enough digits, or plain enough, to need nothing else around it.
    alone: bool,
}

const NOT_0_1: &[u8] = &[2, 3, 4, 5, 6, 7, 8, 9];
const ALL: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// Numbers without a trunk `0`. What isn't here (4-4, 4-7, 5-4, 2-7, …) is more often a range, an invoice or a postal code.
static SHAPES: [Shape; 14] = [
    Shape { sizes: &[3, 3, 4], seps: ANY, first: ALL, alone: false },
    Shape { sizes: &[1, 3, 3, 4], seps: ANY, first: &[1, 7, 8], alone: false },
    Shape { sizes: &[3, 4], seps: DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[3, 7], seps: DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[3, 3, 3], seps: SPACE_DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[5, 5], seps: SPACE_DASH, first: &[6, 7, 8, 9], alone: true },
    Shape { sizes: &[3, 4, 4], seps: SPACE_DASH, first: &[1], alone: true },
    Shape { sizes: &[2, 4, 4], seps: SPACE_DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[2, 5, 4], seps: SPACE_DASH, first: ALL, alone: true },
    Shape { sizes: &[2, 2, 2, 2], seps: SPACE, first: NOT_0_1, alone: true },
    Shape { sizes: &[3, 2, 2, 2], seps: SPACE_DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[3, 3, 2, 2], seps: ANY, first: NOT_0_1, alone: true },
    Shape { sizes: &[3, 2, 2], seps: DASH, first: NOT_0_1, alone: true },
    Shape { sizes: &[1, 3, 3, 2, 2], seps: ANY, first: &[7, 8], alone: false },
];

/// How many groups from the first on are a phone number.
pub(super) fn find(candidate: &Candidate, text: &str) -> Option<usize> {
    if candidate.before == Before::Word {
        return None;
    }
    if candidate.plus {
        return international(candidate);
    }
    if matches!(candidate.before, Before::Digits(sep) if !sep.is_weak()) {
        return None;
    }
    (2..=candidate.groups().len().min(6))
        .rev()
        .find(|&n| ends_here(candidate, n, text) && !has_other_meaning(candidate, n) && national(candidate, n))
}

fn international(candidate: &Candidate) -> Option<usize> {
    let groups = candidate.groups();
    // The plans of +1 and +7 are exactly eleven digits long; what follows is something else.
    let most = if matches!(candidate.digits[0], 1 | 7) { 11 } else { LONGEST };
    let mut n = 0;
    while let Some(group) = groups.get(n)
        && group.total <= most
        && (n == 0 || groups[n - 1].sep.within(ANY))
        && !(n > 0 && is_date(candidate, n))
    {
        n += 1;
    }
    let total = groups[n.checked_sub(1)?].total;
    // `+37.774929` is a coordinate, `+1.4155550100` the form of RFC 5733; a dot beside other separators is a coordinate pair.
    let dotted = groups[..n - 1].iter().filter(|g| g.sep == Sep::DOT).count();
    let decimal = dotted > 0 && (n == 2 && candidate.size(1) < 9 || dotted < n - 1 && groups[0].sep == Sep::DOT);
    (total >= 7 && !decimal).then_some(n)
}

/// Whether the number may end with group `n`: no letters, and no further groups of the same number.
fn ends_here(candidate: &Candidate, n: usize, text: &str) -> bool {
    let group = candidate.groups()[n - 1];
    let word = chars::at(text, group.end).is_some_and(|c| {
        c.is_ascii_alphanumeric() && !matches!(c, 'x' | 'X' | 'e') || c == '_' && group.sep == Sep::NONE
    });
    group.sep.is_weak() && !word
}

/// Dates, addresses of hosts and of network cards, decimals.
fn has_other_meaning(candidate: &Candidate, n: usize) -> bool {
    let groups = candidate.groups();
    let dotted = groups[..n - 1].iter().all(|g| g.sep == Sep::DOT);
    let decimal = n == 2 && dotted;
    let ip = n == 4 && dotted && (0..4).all(|i| candidate.size(i) <= 3 && candidate.value(i) <= 255);
    let mac = n == 6 && (0..6).all(|i| candidate.size(i) == 2);
    decimal || ip || mac || (0..n).any(|i| is_date(candidate, i))
}

/// Whether a date begins with this group: `2026-06-20`, `20.06.2026`, `06/20/2026`.
fn is_date(candidate: &Candidate, index: usize) -> bool {
    let groups = candidate.groups();
    let Some([a, b, _]) = groups.get(index..index + 3) else { return false };
    let years = |i| candidate.size(i) == 4 && (1900..2100).contains(&candidate.value(i));
    let small = |i| candidate.size(i) <= 2 && (1..=31).contains(&candidate.value(i));
    a.sep == b.sep
        && small(index + 1)
        && (years(index) && small(index + 2) || small(index) && years(index + 2))
        && (candidate.value(index + 1) <= 12 || candidate.value(index) <= 12)
}

fn national(candidate: &Candidate, n: usize) -> bool {
    let groups = candidate.groups();
    let total = groups[n - 1].total;
    let used = groups[..n - 1].iter().fold(Sep::NONE, |set, g| set.or(g.sep));
    if total < 7 || !used.within(ANY) {
        return false;
    }
    if candidate.paren && groups[0].sep == Sep::PAREN {
        return total <= 13 && candidate.size(0) <= 5;
    }
    let zeros = candidate.size(0) > 2 && candidate.value(0) == 0;
    let trunk = candidate.digits[0] == 0 && candidate.size(0) >= 2 && !zeros && (1..n).all(|i| candidate.size(i) >= 2);
    if trunk && (8..=LONGEST).contains(&total) && used != Sep::UNDERSCORE {
        return true;
    }
    let alone = candidate.before == Before::Edge && groups[n - 1].sep == Sep::NONE;
    SHAPES.iter().any(|shape| {
        shape.sizes.len() == n
            && (0..n).all(|i| candidate.size(i) == shape.sizes[i])
            && used.within(shape.seps)
            && shape.first.contains(&candidate.digits[0])
            && (alone || !shape.alone)
    }) && !is_range(candidate, n)
}

/// `200-1000`: two round numbers.
fn is_range(candidate: &Candidate, n: usize) -> bool {
    n == 2 && (0..2).all(|i| candidate.value(i).is_multiple_of(100))
}
