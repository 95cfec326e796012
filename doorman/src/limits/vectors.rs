//! The predecessor's recorded behaviour, `tests/data/limits.json`. Its rate-parsing cases are checked here, too, so that
//! the file as a whole is held.

use std::collections::HashMap;
use std::time::Duration;

use doorman_grammar::rate;
use serde_json::Value;

use super::now::Now;
use super::{Caller, CallerKey, Exceeded, Kind, Limits, Manual, Quotas, ToolLimits};

fn group(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../tests/data/limits.json")).expect("JSON");
    file[name].as_array().expect(name).clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().expect("seconds"))
}

fn whole(value: &Value) -> u32 {
    let number = value.as_f64().expect("a number");
    format!("{number}").parse().expect("a whole number")
}

fn caller(subject: &str) -> CallerKey {
    Caller::Verified { tenant: None, subject }.key()
}

/// The last of `times` calls, as the recordings count.
fn last(limits: &Limits, caller: CallerKey, tool: &ToolLimits, times: &Value) -> Option<Exceeded> {
    (0..times.as_u64().expect("times")).fold(None, |_, _| limits.admit(caller, Some(tool)).now().err())
}

fn expect_wait(refused: &Exceeded, step: &Value) {
    if let Some(wait) = step.get("retry_after") {
        assert_eq!(refused.retry_after, Some(seconds(wait)), "{step}");
    }
}

#[test]
fn rates() {
    let mut sequences = 0;
    for case in group("rate") {
        if text(&case, "type") == "parse" {
            let parsed = rate::parse(text(&case, "spec"));
            let Some(expected) = case.get("expect").and_then(Value::as_array) else {
                assert!(parsed.is_err(), "{case}");
                continue;
            };
            let parsed = parsed.expect("legal");
            assert_eq!(parsed.rules().len(), expected.len(), "{case}");
            for (rule, expected) in parsed.rules().iter().zip(expected) {
                assert_eq!(Some(rule.per.to_string().as_str()), expected[0].as_str(), "{case}");
                assert_eq!(f64::from(rule.count), expected[1].as_f64().expect("a count"), "{case}");
                let rate::Window::Rolling(window) = rule.window else { panic!("{case}") };
                let refill = f64::from(rule.count) / window.as_secs_f64();
                assert!((refill - expected[2].as_f64().expect("a refill")).abs() < 1e-12, "{case}");
            }
            continue;
        }
        sequences += 1;
        let spec = case["spec"].as_str();
        let clock = Manual::default();
        // What the predecessor called a rate with costs is a budget here; a rate counts calls.
        let quotas = if text(&case, "as") == "budget" { Quotas::parse(None, spec) } else { Quotas::parse(spec, None) };
        let limits = Limits::new(clock.clone(), &quotas.expect("legal"));
        for step in case["steps"].as_array().expect("steps") {
            clock.set(seconds(&step["at"]));
            let tool = limits.tool(text(step, "tool"), None, whole(&step["cost"]));
            if text(step, "recommended") == "refused at load" {
                assert!(tool.is_err(), "{step}");
                continue;
            }
            let refused = last(&limits, caller(text(step, "caller")), &tool.expect("fits"), &step["times"]);
            match (&refused, text(step, "expect")) {
                (None, "ok") => {}
                (Some(refused), "limited") => expect_wait(refused, step),
                _ => panic!("{step}: {refused:?}"),
            }
        }
    }
    assert_eq!(sequences, 5);
}

#[test]
fn rate_probes() {
    let probes: HashMap<String, Value> =
        group("rate_probes").into_iter().map(|probe| (text(&probe, "id").to_owned(), probe)).collect();
    for (spec, burst) in probes["RP01"]["recommended"].as_object().expect("bursts") {
        let limits = Limits::new(Manual::default(), &Quotas::parse(Some(spec), None).expect("legal"));
        let passed = (0..1_000).filter(|_| limits.admit(caller("a"), None).now().is_ok()).count();
        assert_eq!(Some(passed as u64), burst.as_u64(), "{spec}");
    }
    assert!(text(&probes["RP07"], "recommended").starts_with("kept"));
    let quotas = Quotas { max_cells: 10, ..Quotas::parse(Some("2/min"), None).expect("legal") };
    let limits = Limits::new(Manual::default(), &quotas);
    let attempt = |who: &str| limits.admit(caller(who), None).now().is_ok();
    assert_eq!(["victim"; 3].map(attempt), [true, true, false]);
    for n in 0..10 {
        attempt(&format!("sybil {n}"));
    }
    assert!(!attempt("victim"));
}

#[test]
fn budgets() {
    for case in group("budget") {
        let clock = Manual::default();
        let quotas = Quotas::parse(case["rate_limit"].as_str(), case["budget"].as_str()).expect("legal");
        let limits = Limits::new(clock.clone(), &quotas);
        for step in case["steps"].as_array().expect("steps") {
            let name = text(step, "tool");
            let tool = limits.tool(name, None, whole(&case["tools"][name]["cost"]));
            if text(&case, "recommended") == "refused at load" {
                assert!(tool.is_err(), "{case}");
                continue;
            }
            let tool = tool.expect("fits");
            clock.set(seconds(&step["at"]));
            let caller = caller(text(step, "caller"));
            let refused = last(&limits, caller, &tool, &step["times"]);
            match (&refused, text(step, "expect_last")) {
                (None, "ok") => {}
                (Some(refused), "budget_exceeded") if refused.kind == Kind::Budget => expect_wait(refused, step),
                (Some(refused), "rate_limited") if refused.kind == Kind::Rate => expect_wait(refused, step),
                _ => panic!("{step}: {refused:?}"),
            }
            assert_eq!(limits.remaining(caller, &tool).now(), Some(whole(&step["remaining"])), "{step}");
        }
    }
}
