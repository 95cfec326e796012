//! US social security and taxpayer numbers: `123-45-6789`.

use super::context;
use super::number::{Before, Candidate, Sight};
use super::sep::Sep;

/// Whether the groups are a social security number (or an ITIN, whose area begins with 9).
pub(super) fn matches(candidate: &Candidate) -> bool {
    const SEPS: Sep = Sep::SPACE.or(Sep::DASH).or(Sep::DOT).or(Sep::SLASH).or(Sep::UNDERSCORE);
    let groups = candidate.groups();
    let shape = groups.len() >= 3 && [0, 1, 2].map(|i| candidate.size(i)) == [3, 2, 4];
    if !shape || !groups[..2].iter().all(|g| g.sep.within(SEPS)) {
        return false;
    }
    // Part of a longer number with the same kind of separator: an account, an ISBN, a serial.
    if matches!(candidate.before, Before::Digits(sep) if !sep.is_weak()) || !groups[2].sep.is_weak() {
        return false;
    }
    issued([0, 1, 2].map(|i| candidate.value(i)))
}

/// Whether the first group is such a number in one piece, which only the words before it can say: `SSN 123456789`.
pub(super) fn is_named(candidate: &Candidate, sight: &Sight<'_>) -> bool {
    const DIGITS: usize = 9;
    let first = candidate.groups()[0];
    let alone = candidate.before == Before::Edge && first.sep.is_weak() && candidate.size(0) == DIGITS;
    let number = candidate.value(0);
    alone
        && issued([number / 1_000_000, number / 10_000 % 100, number % 10_000])
        && context::says_ssn(sight, candidate.start)
}

/// No number has zeros only in one of its parts, or the area 666.
fn issued([area, group, serial]: [u64; 3]) -> bool {
    !matches!(area, 0 | 666) && group != 0 && serial != 0
}
