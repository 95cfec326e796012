//! Rates: how many calls (or how much cost) per window, and who shares the count.

use std::fmt;
use std::time::Duration;

use crate::GrammarError;

/// The largest count of a rule.
pub const MAX_COUNT: u32 = 1_000_000_000;

/// The most rules that one text can hold.
pub const MAX_RULES: usize = 16;

const EXPECTED: &str = "a rate such as \"60/min per_caller\": a whole number from 1 to 1000000000, '/', a unit (s, min, h, \
                        day), and optionally per_caller (the default), per_tool or global";
const EXPECTED_SPEC: &str = "1 to 16 different rates separated by ';', such as \"60/min per_caller; 10/min per_tool\"";
const EXPECTED_TOOL: &str = "a rate such as \"5/min per_caller\" or \"100/min per_tool\": on a tool, per_caller means each \
                             caller of this tool and per_tool means all callers of this tool together; global is for the \
                             whole application";

/// Who shares the count of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Per {
    /// Each caller has a count of its own.
    Caller,
    /// Each tool has a count of its own, shared by all its callers.
    Tool,
    /// One count for the whole application.
    Global,
}

/// One rule: at most `count` at once, refilled evenly at `count` per `window`. So in any time *t* at most
/// `count + t × count / window` pass; in the first window after a rest that is up to twice the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateRule {
    /// 1 to [`MAX_COUNT`].
    pub count: u32,
    /// One second, minute, hour or day.
    pub window: Duration,
    /// Who shares the count.
    pub per: Per,
}

/// One to [`MAX_RULES`] different rules; all of them hold at the same time. The default has none and limits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RateSpec(Vec<RateRule>);

impl RateSpec {
    /// The rules, in the order in which they were written.
    #[must_use]
    pub fn rules(&self) -> &[RateRule] {
        &self.0
    }
}

/// Parses rules separated by `;`, each `N/UNIT [per_caller|per_tool|global]`.
///
/// Units are `s`, `sec`, `second(s)`, `m`, `min`, `minute(s)`, `h`, `hour(s)`, `d`, `day(s)` in any case; the last word
/// is case-sensitive and `per_caller` when left out. ASCII space around each part is ignored, and so is an empty part.
///
/// # Errors
/// Anything else; no rule, more than [`MAX_RULES`], the same rule twice. Fractions (`0.5/min`, `10.0/min`) are refused:
/// a bucket that can't hold one call would never let one pass, and `30/h` says what was meant.
pub fn parse(text: &str) -> Result<RateSpec, GrammarError> {
    let mut rules = Vec::new();
    for part in text.split(';').map(str::trim_ascii).filter(|part| !part.is_empty()) {
        let rule = parse_rule(part).ok_or_else(|| GrammarError::new(EXPECTED, part))?;
        if rules.contains(&rule) || rules.len() == MAX_RULES {
            return Err(GrammarError::new(EXPECTED_SPEC, text));
        }
        rules.push(rule);
    }
    if rules.is_empty() { Err(GrammarError::new(EXPECTED_SPEC, text)) } else { Ok(RateSpec(rules)) }
}

/// Parses the rules of one tool: as [`parse`], without `global`, which on a tool could only mean `per_tool`.
///
/// # Errors
/// As [`parse`]; a `global` rule.
pub fn parse_for_tool(text: &str) -> Result<RateSpec, GrammarError> {
    let spec = parse(text)?;
    if spec.0.iter().any(|rule| rule.per == Per::Global) {
        return Err(GrammarError::new(EXPECTED_TOOL, text));
    }
    Ok(spec)
}

fn parse_rule(text: &str) -> Option<RateRule> {
    let (count, rest) = text.split_once('/')?;
    let count = count.trim_ascii();
    // Digits only: `u32::parse` would accept `+5`.
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count = count.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count))?;
    let mut words = rest.split_ascii_whitespace();
    let window = window(words.next()?)?;
    let per = match words.next() {
        None | Some("per_caller") => Per::Caller,
        Some("per_tool") => Per::Tool,
        Some("global") => Per::Global,
        Some(_) => return None,
    };
    if words.next().is_some() { None } else { Some(RateRule { count, window, per }) }
}

fn window(unit: &str) -> Option<Duration> {
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "per_caller",
            Self::Tool => "per_tool",
            Self::Global => "global",
        })
    }
}

/// The rule as it is best written: `60/min per_caller`.
impl fmt::Display for RateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, per) = (self.count, self.per);
        match self.window.as_secs() {
            1 => write!(f, "{count}/s {per}"),
            60 => write!(f, "{count}/min {per}"),
            3_600 => write!(f, "{count}/h {per}"),
            86_400 => write!(f, "{count}/day {per}"),
            // The fields are public; a rule that no text stands for still has to be shown.
            _ => write!(f, "{count}/{:?} {per}", self.window),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Per, RateRule, parse, parse_for_tool};

    fn rule(count: u32, seconds: u64, per: Per) -> RateRule {
        RateRule { count, window: Duration::from_secs(seconds), per }
    }

    #[test]
    fn legal() {
        for (text, rules) in [
            // The parse vectors of the predecessor.
            ("60/min per_caller; 10/min per_tool", &[rule(60, 60, Per::Caller), rule(10, 60, Per::Tool)][..]),
            ("60/MIN per_caller", &[rule(60, 60, Per::Caller)]),
            ("5/second", &[rule(5, 1, Per::Caller)]),
            ("1/day", &[rule(1, 86_400, Per::Caller)]),
            ("100/days", &[rule(100, 86_400, Per::Caller)]),
            ("60/min\n", &[rule(60, 60, Per::Caller)]),
            // Ours.
            ("1000/s global", &[rule(1_000, 1, Per::Global)]),
            (" 60 / min  per_tool ;", &[rule(60, 60, Per::Tool)]),
            (";;7/h;", &[rule(7, 3_600, Per::Caller)]),
            ("1000000000/d", &[rule(1_000_000_000, 86_400, Per::Caller)]),
            (
                "10/s; 100/m; 100/m global",
                &[rule(10, 1, Per::Caller), rule(100, 60, Per::Caller), rule(100, 60, Per::Global)],
            ),
        ] {
            assert_eq!(parse(text).expect(text).rules(), rules, "{text}");
        }
        for unit in ["s", "sec", "second", "seconds", "S", "Sec"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules()[0].window.as_secs(), 1);
        }
        for unit in ["m", "min", "minute", "minutes"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules()[0].window.as_secs(), 60);
        }
        for unit in ["h", "hour", "hours"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules()[0].window.as_secs(), 3_600);
        }
        for unit in ["d", "day", "days"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules()[0].window.as_secs(), 86_400);
        }
    }

    #[test]
    fn illegal() {
        for text in [
            // The parse vectors of the predecessor.
            "0/s per_tool",
            "60/min per_user",
            "+5/min",
            "60/min per_caller per_tool",
            "60/month",
            "1/week",
            // Ours. The first three could never pass, or look as if they could (D24).
            "0.5/min",
            "10.0/min",
            "1e3/min",
            "-1/min",
            "60",
            "60/",
            "/min",
            "60 min",
            "60/min PER_CALLER",
            "60/minper_caller",
            "60/min/per_tool",
            "6 0/min",
            "1000000001/s",
            "4294967297/s",
            "99999999999999999999/s",
            "0x10/s",
            "٣/s",
            "60/min, 5/s",
            "60/min per_caller 5/s",
            "NaN/s",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a rate such as \"60/min per_caller\""), "{text}: {error}");
            assert!(error.ends_with(&format!("found {text:?}")), "{text}: {error}");
        }
        for text in ["", " ", ";", "5/s; 5/second per_caller", &"1/s;2/s;3/s;4/s;".repeat(5), &many(17)] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected 1 to 16 different rates"), "{text}: {error}");
        }
        assert!(parse(&many(16)).is_ok());
    }

    fn many(n: u32) -> String {
        (1..=n).map(|count| format!("{count}/s;")).collect()
    }

    #[test]
    fn a_tool_has_no_global_rule() {
        assert_eq!(parse_for_tool("5/min; 9/s per_tool").expect("legal").rules().len(), 2);
        let error = parse_for_tool("5/min global").expect_err("global").to_string();
        assert!(error.contains("all callers of this tool together"), "{error}");
    }

    #[test]
    fn shown_as_best_written() {
        for (text, shown) in [
            ("60/minutes", "60/min per_caller"),
            ("1/SEC per_tool", "1/s per_tool"),
            ("2/hours global", "2/h global"),
            ("3/d", "3/day per_caller"),
        ] {
            let rule = parse(text).expect(text).rules()[0];
            assert_eq!(rule.to_string(), shown);
            assert_eq!(parse(shown).expect(shown).rules(), [rule]);
        }
    }
}
