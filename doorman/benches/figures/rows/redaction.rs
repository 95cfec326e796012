//! Redaction alone: many records, a long text, and what doubling the input costs in the worst cases that are known.

use std::{hint::black_box, time::Duration};

use doorman::redact::{Counts, Kind, Plan, Redactor};
use regex::Regex;
use serde_json::{Value, json};

use super::guard::now;
use crate::{
    Options, Outcome,
    load::median,
    table::{Goal, Row, Unit},
};

/// E-mail, SSN, card and phone in one regular expression, as one would write it in a hurry.
const PLAIN: &str =
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}|\b\d{3}-\d{2}-\d{4}\b|\b(?:\d[ -]?){13,19}\b|\+?\d[\d ().-]{7,}\d";

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let plan = Redactor::builder().build()?.plan(&[], &[])?;
    let all = Redactor::builder().detect(Kind::Ip).detect(Kind::Mac).build()?.plan(&[], &[])?;
    let plain = Regex::new(PLAIN)?;
    let records = records();
    let json = records.to_string();
    let size = json.len() / 1_000;
    let long = sentence().repeat(10_000_000 / sentence().len());
    let cloned = of_value(&records, options, &mut |value| drop(black_box(value)))?;
    let of_records = |plan: &Plan| {
        let redacted = of_value(&records, options, &mut |mut value| {
            let _ = black_box(plan.value(&mut value, &mut Counts::default()));
            drop(black_box(value));
        })?;
        Ok::<_, Box<dyn std::error::Error>>(redacted - cloned)
    };
    let of_plain = |text: &str| of(options, || drop(black_box(plain.replace_all(black_box(text), "«redacted»"))));
    let (plain_json, plain_long) = (of_plain(&json), of_plain(&long));
    let row = |what: &str, figure, most, plain| {
        Row::new(format!("redaction of {what}"), figure, Unit::Millis, Goal::AtMost(most)).against(plain, "plain regex")
    };
    let records = format!("1,000 records, {size} KB");
    let mut rows = vec![
        row(&records, of_records(&plan)?, 0.75, plain_json),
        row(&format!("{records}, all kinds"), of_records(&all)?, 0.75, plain_json),
        row("10 MB of text", of_text(&plan, &long, options), 25.0, plain_long),
        row("10 MB of text, all kinds", of_text(&all, &long, options), 25.0, plain_long),
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
    of(options, || drop(black_box(plan.text(black_box(text), &mut Counts::default()))))
}

/// CPU milliseconds of what is done to a text.
fn of(options: &Options, run: impl Fn()) -> f64 {
    median((0..if options.quick { 3 } else { 11 }).map(|_| timed(&run)))
}

/// CPU milliseconds of this thread.
fn timed(run: impl FnOnce()) -> f64 {
    let began = now();
    run();
    let took: Duration = now() - began;
    took.as_secs_f64() * 1e3
}
