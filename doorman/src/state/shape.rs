//! The arithmetic of a cell: a bucket that refills evenly (GCRA), or a count in a window of the calendar.
//!
//! Everything is whole nanoseconds, rounded so that never more passes than the rule says.

use std::time::Duration;

use doorman_grammar::rate::{Calendar, MAX_FILL, RateRule, Window};

/// The longest time that a bucket takes to fill, in ns.
pub(super) const HORIZON: u64 = MAX_FILL.as_nanos() as u64;

/// The latest time that is told apart, about 146 years: nothing that is added to it can overflow.
pub(super) const END_OF_TIME: u64 = 1 << 62;

/// Marks a value that counts in a window of the calendar: above it two bits of unit, 29 of window, 32 of count. Times are
/// smaller.
const COUNTS: u64 = 1 << 63;

/// What a cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Holds `burst`, refilled by one each `period` ns. Its value is the time at which it is full again (GCRA's TAT).
    Bucket { period: u64, burst: u32 },
    /// Holds `count` in each window. Its value is the window and what was taken in it.
    Window { unit: Calendar, count: u32 },
}

/// The store's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Never goes back, in ns.
    pub(crate) ns: u64,
    /// Since 1970 in UTC, in ns; the system's, so it may go back.
    pub(crate) utc: u64,
}

/// Whether a cell has what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The cell's value if it is taken.
    Fits(u64),
    /// It would fit after this time.
    Wait(Duration),
    /// It takes more than the cell can ever hold.
    Never,
}

impl Shape {
    /// The shape of a rule.
    pub(crate) fn of(rule: &RateRule) -> Self {
        match rule.window {
            Window::Rolling(window) => Self::rolling(rule.count, window, rule.burst),
            Window::Calendar(unit) => Self::Window { unit, count: rule.count },
        }
    }

    /// A bucket of `burst` that gets `count` back in each `window`.
    pub(crate) fn rolling(count: u32, window: Duration, burst: u32) -> Self {
        // Rounded up: with a period that is too short by a fraction of a nanosecond, more than the count could pass.
        let period = window.as_nanos().div_ceil(u128::from(count.max(1))).max(1);
        Self::Bucket { period: u64::try_from(period).unwrap_or(HORIZON).min(HORIZON), burst }
    }

    /// Whether `weight` can be taken from a cell that holds `value`; 0 is an untouched one. Changes nothing.
    pub(crate) fn probe(self, now: Now, value: u64, weight: u32) -> Probe {
        match self {
            Self::Bucket { burst, .. } if weight > burst => Probe::Never,
            Self::Bucket { period, burst } => {
                let wanted = owed(now, value) + u64::from(weight) * period;
                match wanted.checked_sub(u64::from(burst) * period) {
                    None | Some(0) => Probe::Fits(now.ns + wanted),
                    Some(over) => Probe::Wait(Duration::from_nanos(over)),
                }
            }
            Self::Window { count, .. } if weight > count => Probe::Never,
            Self::Window { unit, count } => {
                let (window, taken) = taken(unit, now, value);
                match taken.checked_add(weight).filter(|sum| *sum <= count) {
                    Some(sum) => Probe::Fits(counted(unit, window, sum)),
                    None => Probe::Wait(Duration::from_nanos(end_of(unit, window).saturating_sub(now.utc).max(1))),
                }
            }
        }
    }

    /// The value once so many units are given back that were taken at `since`. A bucket has been refilled meanwhile, so it
    /// holds at most what it would without the taking; a count of another window has nothing to do with it.
    pub(super) fn give_back(self, now: Now, value: u64, units: u32, since: u64) -> u64 {
        match self {
            Self::Bucket { period, .. } => {
                let unfilled = u64::from(units).saturating_mul(period).saturating_sub(now.ns.saturating_sub(since));
                value.saturating_sub(unfilled)
            }
            Self::Window { unit, .. } => {
                let (window, taken) = taken(unit, now, value);
                let began = start_of(unit, window);
                // `since` is a time of the store's; its distance from now is one of the calendar's too.
                let since = now.utc.saturating_sub(now.ns.saturating_sub(since));
                counted(unit, window, if since >= began { taken.saturating_sub(units) } else { taken })
            }
        }
    }

    /// The value once so many units are taken, whether it has them or not.
    pub(super) fn charge(self, now: Now, value: u64, units: u32) -> u64 {
        match self {
            Self::Bucket { period, .. } => {
                now.ns + owed(now, value).saturating_add(u64::from(units).saturating_mul(period)).min(HORIZON)
            }
            Self::Window { unit, .. } => {
                let (window, taken) = taken(unit, now, value);
                counted(unit, window, taken.saturating_add(units))
            }
        }
    }

    /// How many units could be taken at once.
    pub(super) fn left(self, now: Now, value: u64) -> u32 {
        match self {
            Self::Bucket { period, burst } => {
                let room = (u64::from(burst) * period).saturating_sub(owed(now, value));
                u32::try_from(room / period).unwrap_or(burst)
            }
            Self::Window { unit, count } => count.saturating_sub(taken(unit, now, value).1),
        }
    }
}

/// The store's time from which on a value means as much as none.
pub(super) fn idle_at(value: u64, now: Now) -> u64 {
    if value < COUNTS {
        return value;
    }
    let unit = match value >> 61 & 3 {
        0 => Calendar::Hour,
        1 => Calendar::Day,
        _ => Calendar::Month,
    };
    now.ns.saturating_add(end_of(unit, value >> 32 & 0x1FFF_FFFF).saturating_sub(now.utc))
}

/// How far a bucket is from full, in ns of refill.
fn owed(now: Now, value: u64) -> u64 {
    value.saturating_sub(now.ns).min(HORIZON)
}

/// The window that counts, and what was taken in it. A clock that went back doesn't begin an earlier one.
fn taken(unit: Calendar, now: Now, value: u64) -> (u64, u32) {
    let current = window_of(unit, now.utc);
    let window = value >> 32 & 0x1FFF_FFFF;
    if value >= COUNTS && window >= current { (window, value as u32) } else { (current, 0) }
}

fn counted(unit: Calendar, window: u64, taken: u32) -> u64 {
    let unit = match unit {
        Calendar::Hour => 0,
        Calendar::Day => 1,
        Calendar::Month => 2,
    };
    COUNTS | unit << 61 | (window & 0x1FFF_FFFF) << 32 | u64::from(taken)
}

const HOUR: u64 = 3_600_000_000_000;
const DAY: u64 = 24 * HOUR;

/// The number of a window, from 1970 on.
fn window_of(unit: Calendar, utc: u64) -> u64 {
    match unit {
        Calendar::Hour => utc / HOUR,
        Calendar::Day => utc / DAY,
        Calendar::Month => month_of(utc / DAY),
    }
}

/// When a window begins, in ns since 1970.
fn start_of(unit: Calendar, window: u64) -> u64 {
    match unit {
        Calendar::Hour => window.saturating_mul(HOUR),
        Calendar::Day => window.saturating_mul(DAY),
        Calendar::Month => first_of(window).saturating_mul(DAY),
    }
}

fn end_of(unit: Calendar, window: u64) -> u64 {
    start_of(unit, window + 1)
}

/// Months since January 1970 of a day since 1970: Howard Hinnant's `civil_from_days`, for years that begin in March.
fn month_of(day: u64) -> u64 {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    // March is 0; January 1970 is the tenth month of the year 1969 then.
    (era * 400 + year) * 12 + month - (1_969 * 12 + 10)
}

/// The first day of a month since January 1970: `days_from_civil`.
fn first_of(month: u64) -> u64 {
    let months = month + 1_969 * 12 + 10;
    let (year, month) = (months / 12, months % 12);
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use time::{Date, Month};

    use super::{first_of, month_of};

    #[test]
    fn months_are_the_calendars() {
        let epoch = Date::from_ordinal_date(1970, 1).expect("a date");
        for (month, first) in (0..2_400).map(|month| (month, first_of(month))) {
            let year = i32::try_from(1970 + month / 12).expect("a year");
            let name = Month::try_from(u8::try_from(month % 12 + 1).expect("a month")).expect("a month");
            let date = Date::from_calendar_date(year, name, 1).expect("a date");
            assert_eq!(i64::try_from(first), Ok((date - epoch).whole_days()), "{date}");
            assert_eq!(month_of(first), month, "{date}");
            assert_eq!(first.checked_sub(1).map(month_of), month.checked_sub(1), "{date}");
        }
    }
}
