//! Durations: timeouts, windows, intervals.

use std::time::Duration;

use crate::{GrammarError, number};

/// The longest duration that can be written: 24 hours.
pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

const EXPECTED: &str =
    "a duration such as \"30s\": a whole number and a unit (ms, s, min, h), more than zero, at most 24h";

/// Parses `"500ms"`, `"30s"`, `"2min"`, `"1h"`: more than zero, at most [`MAX`].
///
/// # Errors
/// Anything else, a fraction, a bare number or a space inside included.
pub fn parse(text: &str) -> Result<Duration, GrammarError> {
    let error = || GrammarError::new(EXPECTED, text);
    let (number, unit) = number::split(text).ok_or_else(error)?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(error()),
    };
    let millis = number.checked_mul(millis_per_unit).ok_or_else(error)?;
    let duration = Duration::from_millis(millis);
    if duration.is_zero() || duration > MAX { Err(error()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn legal() {
        for (text, millis) in [
            ("1ms", 1),
            ("500ms", 500),
            ("30s", 30_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("24h", 86_400_000),
            ("86400s", 86_400_000),
        ] {
            assert_eq!(parse(text).expect(text).as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn illegal() {
        for text in [
            "",
            "s",
            "30",
            "0s",
            "-1s",
            "+1s",
            "1.5s",
            "30 s",
            " 30s",
            "30s ",
            "30S",
            "2m",
            "1d",
            "25h",
            "86401s",
            "1h30min",
            "99999999999999999999s",
            "18446744073709551615h",
            "٣s",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a duration such as \"30s\""), "{text}: {error}");
        }
    }
}
