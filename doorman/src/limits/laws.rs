//! What holds for every sequence of calls, and regressions of the predecessor's defects (D21 to D31).

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use doorman_grammar::rate::Window;

use super::now::Now;
use super::{Caller, CallerKey, Counted, Kind, LimitError, Limits, Manual, Quotas};

fn limits(rate: &str, budget: &str) -> (Manual, Limits) {
    let clock = Manual::default();
    let quotas = Quotas::parse(given(rate), given(budget)).expect("legal rules");
    (clock.clone(), Limits::new(clock, &quotas))
}

fn given(rules: &str) -> Option<&str> {
    Some(rules).filter(|rules| !rules.is_empty())
}

fn caller(subject: &str) -> CallerKey {
    Caller::Verified { tenant: None, subject }.key()
}

/// How many of `n` attempts pass.
fn passing(limits: &Limits, caller: CallerKey, n: u32) -> u32 {
    (0..n).map(|_| u32::from(limits.admit(caller, None).now().is_ok())).sum()
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[test]
fn at_most_burst_plus_rate_in_any_time_under_64_threads() {
    const THREADS: u32 = 64;
    // 7/min and 13/s don't divide their windows: rounding must not add a call.
    for (spec, refill, burst, window) in [
        ("7/min", 7_u128, 7_u128, 60_u128),
        ("13/s per_caller", 13, 13, 1),
        ("100/h global", 100, 100, 3_600),
        ("60/min per_agent burst 10", 60, 10, 60),
        ("3/s per_tenant burst 20", 3, 20, 1),
    ] {
        let (clock, limits) = limits(spec, "");
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let (mut now, mut latest, mut passed) = (0, 0, Vec::new());
        for _ in 0..60 {
            let (count, barrier) = (AtomicU32::new(0), Barrier::new(THREADS as usize));
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        barrier.wait();
                        count.fetch_add(passing(&limits, caller("a"), 3), Ordering::SeqCst);
                    });
                }
            });
            passed.push((latest, u128::from(count.into_inner())));
            // Some steps go back: they must give nothing.
            let step = u64::try_from(window).expect("small") * 1_000_000_000 / 5;
            now = if random.below(5) == 0 { now / 2 } else { now + random.below(step) };
            latest = latest.max(now);
            clock.set(Duration::from_nanos(now));
        }
        for (i, &(from, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for &(to, count) in &passed[i..] {
                sum += count;
                let allowed = burst + u128::from(to - from) * refill / (window * 1_000_000_000);
                assert!(sum <= allowed, "{spec}: {sum} of {allowed} from {from} to {to} ns");
            }
        }
        let total: u128 = passed.iter().map(|&(_, count)| count).sum();
        let possible = burst + u128::from(latest) * refill / (window * 1_000_000_000);
        // A bucket smaller than a step's refill overflows; the others lose nothing.
        assert!(burst < refill || total + 1 >= possible, "{spec}: only {total} of {possible}, something was lost");
    }
}

#[test]
fn exact_at_the_boundary() {
    for spec in ["60/min", "7/min", "1/s", "3/s", "1/day", "1000000000/day", "900000000/s"] {
        let count: u32 = spec.split('/').next().and_then(|n| n.parse().ok()).expect("a count");
        let (clock, limits) = limits("", spec);
        let all = limits.tool("all", None, count).expect("fits");
        let one = limits.tool("one", None, 1).expect("fits");
        let _spent = limits.admit(caller("a"), Some(&all)).now().expect("a full bucket");
        let wait =
            limits.admit(caller("a"), Some(&one)).now().expect_err("an empty bucket").retry_after.expect("finite");
        let rule = Quotas::parse(None, Some(spec)).expect("legal").budget.rules()[0];
        let Window::Rolling(window) = rule.window else { panic!("{spec} rolls") };
        assert!(wait * count >= window, "{spec}: rounded down, {wait:?} each would let more than the count pass");
        clock.advance(wait - Duration::from_nanos(1));
        assert!(limits.admit(caller("a"), Some(&one)).now().is_err(), "{spec}: 1 ns before");
        clock.advance(Duration::from_nanos(1));
        assert!(limits.admit(caller("a"), Some(&one)).now().is_ok(), "{spec}: {wait:?} after");
        assert!(limits.admit(caller("a"), Some(&one)).now().is_err(), "{spec}: only one");
    }
}

/// D21: rules of one scope shared a bucket, and whichever came first decided.
#[test]
fn each_rule_has_its_own_count() {
    for spec in ["10/s; 100/min", "100/min; 10/s"] {
        let (clock, limits) = limits(spec, "");
        let mut total = passing(&limits, caller("a"), 300);
        assert_eq!(total, 10, "{spec}");
        for _ in 1..60 {
            clock.advance(Duration::from_secs(1));
            total += passing(&limits, caller("a"), 300);
        }
        // 100 at once, and 59 seconds at 100 a minute.
        assert_eq!(total, 100 + 98, "{spec}");
    }
}

#[test]
fn a_tools_own_rules_hold_beside_an_equal_one_of_the_application() {
    let (_, limits) = limits("4/min per_tool", "");
    let tool = limits.tool("t", Some("4/min per_tool; 3/min"), 1).expect("legal");
    let pass = |who: &str| (0..9).filter(|_| limits.admit(caller(who), Some(&tool)).now().is_ok()).count();
    assert_eq!((pass("a"), pass("b"), pass("c")), (3, 1, 0));
}

/// D22, D23, D24: a cost that is nothing, negative (not expressible), or more than fits.
#[test]
fn costs_that_cannot_hold_are_refused_at_load() {
    for budget in ["10/h", "1000/h; 10/day global", "10/h per_tool"] {
        let (_, limits) = limits("", budget);
        assert!(limits.tool("t", None, 10).is_ok());
        assert!(matches!(limits.tool("t", None, 0), Err(LimitError::NoCost { .. })));
        let error = limits.tool("t", None, 11).expect_err("11 of 10");
        assert!(matches!(error, LimitError::CostExceedsBudget { cost: 11, .. }), "{error}");
        assert!(error.to_string().contains("lower the cost or raise the budget"));
        assert!(limits.tool("t", Some("1/s global"), 1).is_err());
    }
    // The limits of another application: refused for ever, not for a wrong time, and no overflow.
    let (_, generous) = limits("", "");
    let (_, strict) = limits("", "1/day");
    let foreign = generous.tool("t", None, u32::MAX).expect("no budget there");
    let error = strict.admit(caller("a"), Some(&foreign)).now().expect_err("too dear");
    assert_eq!((error.retry_after, error.kind), (None, Kind::Budget));
    assert_eq!(error.to_string(), "budget 1/day per_caller exceeded; this call can never pass");
}

/// D26: a call that one limit refused burned another one's tokens.
#[test]
fn a_refused_call_takes_nothing() {
    let (clock, limits) = limits("5/min; 100/h global", "10/h");
    let dear = limits.tool("dear", None, 10).expect("fits");
    assert!(limits.admit(caller("a"), Some(&dear)).now().is_ok());
    for _ in 0..50 {
        assert_eq!(limits.admit(caller("a"), Some(&dear)).now().expect_err("no budget").kind, Kind::Budget);
    }
    assert_eq!(passing(&limits, caller("a"), 50), 4, "the budget's refusals took no rate");
    assert_eq!(passing(&limits, caller("b"), 5), 5);
    clock.advance(Duration::from_secs(60));
    assert_eq!(passing(&limits, caller("b"), 50), 5, "refusals by the caller's rule took nothing from the global one");
}

/// D27: unknown and denied calls were never limited.
#[test]
fn every_attempt_counts_and_only_granted_ones_reach_the_tool() {
    let (_, limits) = limits("50/min; 2/min per_tool", "3/h");
    let tool = limits.tool("t", None, 1).expect("fits");
    assert_eq!(passing(&limits, caller("a"), 49), 49);
    assert_eq!(limits.remaining(caller("a"), &tool).now(), Some(3));
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    assert_eq!(limits.admit(caller("a"), Some(&tool)).now().expect_err("51").rule, "50/min per_caller");
    assert_eq!(passing(&limits, caller("a"), 1), 0);
    assert_eq!(passing(&limits, caller("b"), 1), 1, "D29: nobody is blocked by another caller's attempts");
}

#[test]
fn a_rate_and_a_budget_of_the_same_text_are_two() {
    let (_, limits) = limits("5/h", "5/h");
    let tool = limits.tool("t", None, 3).expect("fits");
    assert_eq!(passing(&limits, caller("a"), 2), 2);
    assert_eq!(limits.remaining(caller("a"), &tool).now(), Some(5));
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    assert_eq!(passing(&limits, caller("a"), 9), 2);
}

#[test]
fn the_longest_wait_is_told() {
    let (_, limits) = limits("1/s; 1/h", "");
    assert!(limits.admit(caller("a"), None).now().is_ok());
    let error = limits.admit(caller("a"), None).now().expect_err("both refuse");
    assert_eq!((error.rule.as_str(), error.retry_after_secs()), ("1/h per_caller", Some(3600)));
    assert_eq!(error.to_string(), "rate limit 1/h per_caller exceeded; retry in 3600 s");
}

#[test]
fn a_refund_gives_the_cost_back_and_no_more() {
    let (clock, limits) = limits("9/min", "10/h");
    let tool = limits.tool("t", None, 5).expect("fits");
    let left = || limits.remaining(caller("a"), &tool).now().expect("a budget");
    let first = limits.admit(caller("a"), Some(&tool)).now().expect("10 left");
    assert_eq!(left(), 5);
    first.refund().now();
    assert_eq!(left(), 10);
    assert_eq!(passing(&limits, caller("a"), 20), 8, "the attempt itself stays counted");

    clock.advance(Duration::from_secs(60));
    let held = limits.admit(caller("a"), Some(&tool)).now().expect("10 left");
    // 5 of 10 an hour are back after 30 minutes; giving them back a second time would be a gift.
    clock.advance(Duration::from_secs(1_800));
    assert_eq!(left(), 10);
    let spent = limits.admit(caller("a"), Some(&tool)).now().expect("10 left");
    held.refund().now();
    assert_eq!(left(), 5);
    clock.advance(Duration::from_secs(86_400));
    spent.refund().now();
    assert_eq!(left(), 10, "never above capacity");
}

#[test]
fn time_going_back_or_to_the_end_neither_refills_nor_panics() {
    let (clock, limits) = limits("2/min", "2/day");
    let tool = limits.tool("t", None, 1).expect("fits");
    clock.set(Duration::from_secs(1_000));
    assert_eq!(passing(&limits, caller("a"), 5), 2);
    for secs in [0, 999, 500, 1_000] {
        clock.set(Duration::from_secs(secs));
        assert_eq!(passing(&limits, caller("a"), 5), 0);
    }
    clock.set(Duration::MAX);
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    assert_eq!(passing(&limits, caller("a"), 5), 1);
    clock.set(Duration::ZERO);
    assert_eq!(passing(&limits, caller("a"), 5), 0);
    assert_eq!(limits.remaining(caller("a"), &tool).now(), Some(1));
}

#[test]
fn registering_a_tool_again_forgets_nothing() {
    let (_, limits) = limits("", "");
    let once = |limits: &Limits| {
        let tool = limits.tool("t", Some("1/min"), 1).expect("legal");
        limits.admit(caller("a"), Some(&tool)).now().is_ok()
    };
    assert!(once(&limits));
    assert!(!once(&limits), "a reload doesn't free a caller");
}

/// D30: eviction reset an exhausted caller, a full map cost 52 ms a call, and asking what is left allocated.
fn distinct_callers_are_bounded(callers: u32, max_cells: usize) {
    let clock = Manual::default();
    let quotas = Quotas { max_cells, ..Quotas::parse(Some("5/min"), Some("100/min")).expect("legal") };
    let limits = Limits::new(clock.clone(), &quotas);
    let tool = limits.tool("t", None, 50).expect("fits");
    for _ in 0..2 {
        assert!(limits.admit(caller("attacker"), Some(&tool)).now().is_ok());
    }
    for n in 0..callers {
        let invented = Caller::Anonymous { peer: Some(std::net::Ipv4Addr::from_bits(n).into()) }.key();
        assert!(limits.remaining(invented, &tool).now().is_some());
        let _ = limits.admit(invented, Some(&tool)).now();
        let _ = limits.admit(invented, None).now();
    }
    assert!(limits.kept() <= max_cells, "{} kept", limits.kept());
    assert!(limits.admit(caller("attacker"), Some(&tool)).now().is_err(), "an active caller is never forgotten");
    assert!(
        limits.admit(caller("newcomer"), None).now().is_err(),
        "full: newcomers share one count, and it is used up"
    );
    assert_eq!(limits.remaining(caller("newcomer"), &tool).now(), Some(0));

    // Once the others are at rest, their room is used again, a little with every newcomer.
    clock.advance(Duration::from_secs(61));
    for n in 0..callers {
        let newcomer = Caller::Verified { tenant: Some("t"), subject: &n.to_string() }.key();
        assert!(limits.admit(newcomer, None).now().is_ok() || n as usize > max_cells / 2);
    }
    assert!(limits.kept() <= max_cells);
}

#[test]
fn ten_thousand_distinct_callers_are_bounded() {
    distinct_callers_are_bounded(10_000, 1_000);
}

#[test]
#[ignore = "takes seconds in a debug build"]
fn a_million_distinct_callers_are_bounded() {
    distinct_callers_are_bounded(1_000_000, super::DEFAULT_MAX_CELLS);
}

/// Through the shared cell first, then a cell of its own: no second burst.
#[test]
fn room_that_appears_gives_no_second_burst() {
    let clock = Manual::default();
    let quotas = Quotas { max_cells: 1, ..Quotas::parse(Some("10/min"), None).expect("legal") };
    let limits = Limits::new(clock.clone(), &quotas);
    assert_eq!(passing(&limits, caller("a"), 20), 10);
    clock.advance(Duration::from_secs(30));
    assert_eq!([passing(&limits, caller("b"), 20), passing(&limits, caller("c"), 20)], [10, 0], "b and c share");
    clock.advance(Duration::from_secs(30));
    assert_eq!(passing(&limits, caller("b"), 20), 5, "a's room is free: b has what 30 s gave back, not a full bucket");
    assert_eq!(passing(&limits, caller("a"), 20), 5);
}

#[test]
fn callers_at_rest_are_dropped() {
    let (clock, limits) = limits("5/s", "");
    for n in 0..5_000 {
        assert_eq!(passing(&limits, caller(&n.to_string()), 1), 1);
        clock.advance(Duration::from_millis(1));
    }
    // Active are those of the last 200 ms.
    assert!(limits.kept() < 300, "{} kept", limits.kept());
}

#[test]
fn without_rules_nothing_is_counted() {
    let (_, limits) = limits("", "");
    let tool = limits.tool("t", None, 7).expect("no budget");
    for _ in 0..1_000 {
        limits.admit(caller("a"), Some(&tool)).now().expect("no limit").refund().now();
    }
    assert_eq!((limits.remaining(caller("a"), &tool).now(), limits.kept(), tool.cost()), (None, 0, 7));
}

#[test]
fn s23_a_window_of_the_calendar_begins_anew_and_never_earlier() {
    let (clock, limits) = limits("", "10/calendar_day; 12/calendar_month global");
    let tool = limits.tool("t", None, 5).expect("fits");
    let day = Duration::from_secs(86_400);
    clock.set(day - Duration::from_secs(90));
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    limits.admit(caller("a"), Some(&tool)).now().expect("10 a day").refund().now();
    assert_eq!(limits.remaining(caller("a"), &tool).now(), Some(5));
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    let error = limits.admit(caller("a"), Some(&tool)).now().expect_err("both are used up");
    assert_eq!(error.rule, "12/calendar_month global");
    assert_eq!(error.retry_after, Some(30 * day + Duration::from_secs(90)), "until February");
    clock.set(31 * day);
    assert!(limits.admit(caller("a"), Some(&tool)).now().is_ok());
    clock.set(31 * day - Duration::from_secs(1));
    assert_eq!(limits.remaining(caller("a"), &tool).now(), Some(5), "a step back begins no other window");
    assert!(matches!(limits.tool("t", None, 11), Err(LimitError::CostExceedsBudget { .. })));
}

#[test]
fn s23_agents_and_tenants_have_counts_of_their_own() {
    let (_, limits) = limits("2/h per_agent; 3/h per_tenant", "");
    let who = |subject, agent, tenant| Counted::new(caller(subject), Some(("clerk", agent)), tenant);
    let pass = |who: Counted| limits.admit(who, None).now().is_ok();
    assert_eq!([pass(who("a", "x", Some("t"))), pass(who("b", "x", Some("t")))], [true; 2]);
    assert!(!pass(who("c", "x", Some("u"))), "the agent's, in every tenant");
    assert_eq!([pass(who("d", "y", Some("t"))), pass(who("d", "y", Some("t")))], [true, false], "the tenant's");
    assert!(pass(caller("t").into()), "a caller of a tenant's name is none of it");
}

#[test]
fn s23_a_caller_has_a_count_for_each_tool() {
    let (_, limits) = limits("2/h per_caller_and_tool", "");
    let [one, two] = ["one", "two"].map(|name| limits.tool(name, None, 1).expect("legal"));
    let pass = |who: &str, tool| (0..5).filter(|_| limits.admit(caller(who), Some(tool)).now().is_ok()).count();
    assert_eq!([pass("a", &one), pass("a", &two), pass("b", &one)], [2; 3]);
}
