//! US social security and taxpayer numbers: `123-45-6789`.

use super::number::{Before, Candidate};
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
    let [area, group, serial] = [0, 1, 2].map(|i| candidate.value(i));
    !matches!(area, 0 | 666) && group != 0 && serial != 0
}
