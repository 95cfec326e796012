//! Redaction alone: many records, a long text, and what doubling the input costs in the worst cases that are known.

use std::{hint::black_box, time::Duration};

use doorman::redact::{Counts, Plan, Redactor};
use serde_json::{Value, json};

use super::guard::now;
use crate::{
    Options, Outcome,
    load::median,
    table::{Goal, Row, Unit},
};

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let plan = Redactor::builder().build()?.plan(&[], &[])?;
    let records = records();
    let size = records.to_string().len() / 1_000;
    let long = sentence().repeat(10_000_000 / sentence().len());
    let cloned = of_value(&records, options, &mut |value| drop(black_box(value)))?;
    let redacted = of_value(&records, options, &mut |mut value| {
        let _ = black_box(plan.value(&mut value, &mut Counts::default()));
        drop(black_box(value));
    })?;
    let mut rows = vec![
        Row::new(format!("redaction of 1,000 records, {size} KB"), redacted - cloned, Unit::Millis, Goal::AtMost(0.75)),
        Row::new("redaction of 10 MB of text", of_text(&plan, &long, options), Unit::Millis, Goal::AtMost(25.0)),
    ];
    for (what, unit) in [("a…", "a"), ("a@a.a.…", "a."), ("digits", "4"), ("quotes", "\\\""), ("deep brackets", "[")]
    {
        let begin = if unit == "a." { "a@" } else { "" };
        let text = |times: usize| format!("{begin}{}", unit.repeat(times));
        let (once, twice) = (of_text(&plan, &text(500_000), options), of_text(&plan, &text(1_000_000), options));
        let row = Row::new(format!("redaction of twice as many {what}"), twice, Unit::Millis, Goal::Times(2.2));
        rows.push(row.against(once, "once"));
    }
    Ok(rows)
}

/// An e-mail address, a phone number and a card in each.
fn records() -> Value {
    let record = |i: usize| {
        json!({
            "id": i, "email": format!("user{i}@example.com"), "phone": format!("+49 30 90{:05}", i * 37 % 100_000),
            "card": "4111 1111 1111 1111", "note": "left a message",
        })
    };
    (0..1_000).map(record).collect()
}

fn sentence() -> &'static str {
    "The committee met on Tuesday and agreed on most points, though the question of what comes next remains open. "
}

/// Milliseconds for a fresh copy of a value.
fn of_value(value: &Value, options: &Options, run: &mut dyn FnMut(Value)) -> Outcome<f64> {
    let times = (0..if options.quick { 3 } else { 31 }).map(|_| timed(|| run(value.clone())));
    Ok(median(times))
}

fn of_text(plan: &Plan, text: &str, options: &Options) -> f64 {
    let redact = || drop(black_box(plan.text(black_box(text), &mut Counts::default())));
    median((0..if options.quick { 3 } else { 11 }).map(|_| timed(redact)))
}

/// CPU milliseconds of this thread.
fn timed(run: impl FnOnce()) -> f64 {
    let began = now();
    run();
    let took: Duration = now() - began;
    took.as_secs_f64() * 1e3
}
