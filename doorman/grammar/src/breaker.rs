//! Breakers: how many identical calls pass before a loop is taken for one.

use std::{fmt, time::Duration};

use crate::{GrammarError, duration};

/// The largest count of a breaker.
pub const MAX_COUNT: u32 = 1_000_000;

const EXPECTED: &str = "a breaker such as \"5 in 1min\": a whole number of identical calls from 1 to 1000000, 'in', and a \
                        time (ms, s, min, h), at most 24h";

/// At most `count` identical calls at once, and one more for each `window / count` that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Breaker {
    /// 1 to [`MAX_COUNT`].
    pub count: u32,
    /// More than zero, at most [`duration::MAX`].
    pub window: Duration,
}

/// Parses `"5 in 1min"`.
///
/// # Errors
/// Anything else.
pub fn parse(text: &str) -> Result<Breaker, GrammarError> {
    let error = || GrammarError::new(EXPECTED, text);
    let mut words = text.split_ascii_whitespace();
    let (Some(count), Some("in"), Some(window), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(error());
    };
    let digits = count.bytes().all(|b| b.is_ascii_digit());
    let count = count.parse().ok().filter(|count| digits && (1..=MAX_COUNT).contains(count)).ok_or_else(error)?;
    Ok(Breaker { count, window: duration::parse(window).map_err(|_| error())? })
}

impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.count, self.window)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Breaker, parse};

    #[test]
    fn legal_and_illegal() {
        let breaker = |count, secs| Breaker { count, window: Duration::from_secs(secs) };
        assert_eq!(parse("5 in 1min"), Ok(breaker(5, 60)));
        assert_eq!(parse(" 1  in 24h "), Ok(breaker(1, 86_400)));
        for text in [
            "",
            "5",
            "5 in",
            "0 in 1min",
            "-1 in 1s",
            "1.5 in 1s",
            "NaN in 1s",
            "inf in 1s",
            "5 in 0s",
            "5/min",
            "5 in 25h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("5 in 1min 2").is_err() && parse("1000001 in 1s").is_err() && parse("+5 in 1s").is_err());
    }
}
