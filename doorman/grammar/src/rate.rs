//! Rates: how many calls (or how much cost) per window, and who shares the count.

use std::fmt;
use std::time::Duration;

use crate::GrammarError;

/// The largest count of a rule.
pub const MAX_COUNT: u32 = 1_000_000_000;

/// The most rules that one text can hold.
pub const MAX_RULES: usize = 16;

/// The longest time that a bucket may take to fill: what every store can count to the nanosecond.
pub const MAX_FILL: Duration = Duration::from_secs(100 * 86_400);

const EXPECTED: &str = "a rate such as \"60/min per_caller\": a whole number from 1 to 1000000000, '/', a unit (s, min, h, \
                        day, calendar_hour, calendar_day, calendar_month), and optionally per_caller (the default), \
                        per_tool, per_caller_and_tool, per_agent, per_tenant or global, and burst N (not for a calendar; \
                        a burst fills in 100 days at most)";
const EXPECTED_SPEC: &str = "1 to 16 different rates separated by ';', such as \"60/min per_caller; 10/min per_tool\"";
const EXPECTED_TOOL: &str = "a rate such as \"5/min per_caller\" or \"100/min per_tool\": on a tool, per_caller means each \
                             caller of this tool, per_agent and per_tenant likewise, and per_tool means all callers of \
                             this tool together; global is for the whole application";

/// Who shares the count of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Per {
    /// Each caller has a count of its own.
    Caller,
    /// Each tool has a count of its own, shared by all its callers.
    Tool,
    /// Each caller has a count of its own for each tool.
    CallerAndTool,
    /// Each agent (its type and id) has a count of its own, whatever its tenant. Who is no agent is counted as a caller.
    Agent,
    /// Each tenant has a count, shared by its callers. Who has no tenant is counted as a caller.
    Tenant,
    /// One count for the whole application.
    Global,
}

/// When a count is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Evenly, all of it in this time: one second, minute, hour or day.
    Rolling(Duration),
    /// All at once, when the next of these begins.
    Calendar(Calendar),
}

/// A window of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// From the full hour.
    Hour,
    /// From midnight.
    Day,
    /// From midnight of the first.
    Month,
}

/// One rule. Rolling: at most `burst` at once, refilled evenly at `count` per window. So in any time *t* at most
/// `burst + t × count / window` pass; in the first window after a rest that is up to twice the count. Calendar: at most
/// `count` in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateRule {
    /// 1 to [`MAX_COUNT`].
    pub count: u32,
    /// How many at once: the count, unless said. 1 to [`MAX_COUNT`].
    pub burst: u32,
    /// The time that the count is for.
    pub window: Window,
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

/// Parses rules separated by `;`, each `N/UNIT [SHARED] [burst N]`.
///
/// Units are `s`, `sec`, `second(s)`, `m`, `min`, `minute(s)`, `h`, `hour(s)`, `d`, `day(s)` in any case, and
/// `calendar_hour`, `calendar_day`, `calendar_month` (UTC). SHARED is `per_caller` (when left out), `per_tool`,
/// `per_caller_and_tool`, `per_agent`, `per_tenant` or `global`, case-sensitive as `burst` is. ASCII space around each part is ignored, and so is an empty part.
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

/// Parses the rules of one tool: as [`parse`], without `global` and `per_caller_and_tool`, which on a tool could only mean
/// `per_tool` and `per_caller`.
///
/// # Errors
/// As [`parse`]; one of those two.
pub fn parse_for_tool(text: &str) -> Result<RateSpec, GrammarError> {
    let spec = parse(text)?;
    if spec.0.iter().any(|rule| matches!(rule.per, Per::Global | Per::CallerAndTool)) {
        return Err(GrammarError::new(EXPECTED_TOOL, text));
    }
    Ok(spec)
}

fn parse_rule(text: &str) -> Option<RateRule> {
    let (count, rest) = text.split_once('/')?;
    let count = number(count.trim_ascii())?;
    let mut words = rest.split_ascii_whitespace().peekable();
    let window = window(words.next()?)?;
    let shared = words.peek().and_then(|word| PER.iter().find(|(name, _)| name == word));
    let per = shared.map_or(Per::Caller, |&(_, per)| {
        words.next();
        per
    });
    let burst = match (words.next(), window) {
        (None, _) => count,
        (Some("burst"), Window::Rolling(_)) => number(words.next()?)?,
        (Some(_), _) => return None,
    };
    let rule = RateRule { count, burst, window, per };
    (words.next().is_none() && rule.fills_in_time()).then_some(rule)
}

/// Digits only: `u32::parse` would accept `+5`.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|count| digits && (1..=MAX_COUNT).contains(count))
}

const PER: [(&str, Per); 6] = [
    ("per_caller", Per::Caller),
    ("per_tool", Per::Tool),
    ("per_caller_and_tool", Per::CallerAndTool),
    ("per_agent", Per::Agent),
    ("per_tenant", Per::Tenant),
    ("global", Per::Global),
];

fn window(unit: &str) -> Option<Window> {
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "calendar_hour" => return Some(Window::Calendar(Calendar::Hour)),
        "calendar_day" => return Some(Window::Calendar(Calendar::Day)),
        "calendar_month" => return Some(Window::Calendar(Calendar::Month)),
        _ => return None,
    };
    Some(Window::Rolling(Duration::from_secs(seconds)))
}

impl RateRule {
    /// The most that it ever holds.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        match self.window {
            Window::Rolling(_) => self.burst,
            Window::Calendar(_) => self.count,
        }
    }

    fn fills_in_time(&self) -> bool {
        match self.window {
            Window::Rolling(window) => {
                window.as_nanos() * u128::from(self.burst) <= MAX_FILL.as_nanos() * u128::from(self.count)
            }
            Window::Calendar(_) => true,
        }
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = PER.iter().find(|(_, per)| per == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calendar(Calendar::Hour) => f.write_str("calendar_hour"),
            Self::Calendar(Calendar::Day) => f.write_str("calendar_day"),
            Self::Calendar(Calendar::Month) => f.write_str("calendar_month"),
            Self::Rolling(window) => match window.as_secs() {
                1 => f.write_str("s"),
                60 => f.write_str("min"),
                3_600 => f.write_str("h"),
                86_400 => f.write_str("day"),
                // The fields are public; a rule that no text stands for still has to be shown.
                _ => write!(f, "{window:?}"),
            },
        }
    }
}

/// The rule as it is best written: `60/min per_caller`.
impl fmt::Display for RateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.count, self.window, self.per)?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Calendar, Per, RateRule, Window, parse, parse_for_tool};

    fn rule(count: u32, seconds: u64, per: Per) -> RateRule {
        RateRule { count, burst: count, window: Window::Rolling(Duration::from_secs(seconds)), per }
    }

    fn calendar(count: u32, calendar: Calendar, per: Per) -> RateRule {
        RateRule { count, burst: count, window: Window::Calendar(calendar), per }
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
            ("60/min per_caller burst 10", &[RateRule { burst: 10, ..rule(60, 60, Per::Caller) }]),
            ("60/min burst 1000", &[RateRule { burst: 1_000, ..rule(60, 60, Per::Caller) }]),
            ("1/day burst 100", &[RateRule { burst: 100, ..rule(1, 86_400, Per::Caller) }]),
            ("60/min burst 60", &[rule(60, 60, Per::Caller)]),
            (
                "1/s per_agent; 1/s per_tenant; 1/s per_caller_and_tool",
                &[rule(1, 1, Per::Agent), rule(1, 1, Per::Tenant), rule(1, 1, Per::CallerAndTool)],
            ),
            ("500/calendar_day", &[calendar(500, Calendar::Day, Per::Caller)]),
            ("5/Calendar_Month global", &[calendar(5, Calendar::Month, Per::Global)]),
            ("7/calendar_hour per_tool", &[calendar(7, Calendar::Hour, Per::Tool)]),
            (
                "10/s; 100/m; 100/m global",
                &[rule(10, 1, Per::Caller), rule(100, 60, Per::Caller), rule(100, 60, Per::Global)],
            ),
        ] {
            assert_eq!(parse(text).expect(text).rules(), rules, "{text}");
        }
        for unit in ["s", "sec", "second", "seconds", "S", "Sec"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules(), [rule(1, 1, Per::Caller)]);
        }
        for unit in ["m", "min", "minute", "minutes"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules(), [rule(1, 60, Per::Caller)]);
        }
        for unit in ["h", "hour", "hours"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules(), [rule(1, 3_600, Per::Caller)]);
        }
        for unit in ["d", "day", "days"] {
            assert_eq!(parse(&format!("1/{unit}")).expect(unit).rules(), [rule(1, 86_400, Per::Caller)]);
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
            "inf/s",
            "1e400/s",
            "60/min burst",
            "60/min burst 0",
            "60/min burst -1",
            "60/min burst 1.5",
            "60/min burst NaN",
            "60/min burst inf",
            "60/min burst 10 burst 10",
            "60/min burst 10 per_caller",
            "60/min burst 1000000001",
            // Fuller than in a hundred days.
            "1/day burst 101",
            "60/calendar_day burst 10",
            "60/calendar_week",
            "60/calendar",
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
        for text in ["5/min global", "5/min per_caller_and_tool"] {
            let error = parse_for_tool(text).expect_err(text).to_string();
            assert!(error.contains("all callers of this tool together"), "{error}");
        }
    }

    #[test]
    fn shown_as_best_written() {
        for (text, shown) in [
            ("60/minutes", "60/min per_caller"),
            ("1/SEC per_tool", "1/s per_tool"),
            ("2/hours global", "2/h global"),
            ("3/d", "3/day per_caller"),
            ("60/min burst 10", "60/min per_caller burst 10"),
            ("60/min per_agent burst 60", "60/min per_agent"),
            ("9/calendar_month per_tenant", "9/calendar_month per_tenant"),
        ] {
            let rule = parse(text).expect(text).rules()[0];
            assert_eq!(rule.to_string(), shown);
            assert_eq!(parse(shown).expect(shown).rules(), [rule]);
        }
    }
}
