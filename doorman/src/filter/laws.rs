//! What holds for every input: looking is linear and total, and what was masked isn't found again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    forms::{Budget, Unscannable, each_form},
    found::{Findings, Place},
    rule::Filter,
    screen::Screen,
    tests::{judged, screen},
    walk::Keys,
};
use crate::{
    redact::Counts,
    testing::{Random, cpu_time},
};

fn screens() -> [Screen; 2] {
    let filters = [
        Filter::responses("tokens", "ghp_[A-Za-z0-9]{4,}").redact(),
        Filter::responses("words", r"\b(?:needle|pass\s*word)\b").case_insensitive().redact(),
        Filter::responses("numbers", r"\d{3}-\d{2}-\d{4}").warn(),
    ];
    let fields = [Filter::arguments("names", "needle").fields(["path", "/options/*/path"])];
    let schema = json!({"properties": {"path": {}, "options": {}}});
    [screen(&filters, &schema), screen(&fields, &schema)]
}

const PIECES: [&str; 48] = [
    "ghp_abcd1234",
    "needle",
    "pass",
    "word",
    "123-45-6789",
    "%67",
    "%25",
    "%",
    "&#103;",
    "&#x67",
    "&amp;",
    "&",
    ";",
    "#",
    r"\u0067",
    r"\\",
    r"\",
    r"\n",
    "Z2hwX2FiY2QxMjM0",
    "bmVlZGxl",
    "bmVl",
    "ZGxl",
    "WjJod1gyRmlZMlF4TWpNMA==",
    "=",
    "==",
    "+",
    "-",
    "_",
    "/",
    " ",
    "\n",
    "\t",
    "\u{200b}",
    "\u{ad}",
    "\u{301}",
    "é",
    "漢",
    "ｇｈｐ",
    "_",
    "１２３",
    "ﬁ",
    "\u{e0067}",
    "\u{fdfa}",
    "«",
    "«redacted:filter»",
    "«redacted:",
    "\"",
    "{\"path\":",
];

#[test]
fn s19_total_and_what_was_masked_is_not_found_again() {
    let [screen, _] = screens();
    let mut random = Random(7);
    let (mut masked, mut refused) = (0, 0);
    for _ in 0..6_000 {
        let text: String = (0..random.below(12)).map(|_| *random.pick(&PIECES)).collect();
        let (findings, mut counts) = (Findings::default(), Counts::default());
        let Ok(once) = screen.text(&text, Place::of(""), &findings, &mut counts) else {
            refused += 1;
            continue;
        };
        masked += usize::from(once != text);
        let again = screen.text(&once, Place::of(""), &findings, &mut Counts::default());
        assert_eq!(again.as_deref(), Ok(&*once), "from {text:?}");
    }
    assert!(masked > 1_000 && refused < 60, "{masked} masked, {refused} refused");
}

#[test]
fn s19_any_bytes_are_looked_at() {
    let mut random = Random(8);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        let mut seen = 0;
        let done = each_form(&text, &mut Budget::new(), &mut |_: &str, _: &mut Budget| {
            seen += 1;
            Ok::<(), Unscannable>(())
        });
        assert!(done.is_ok() && seen > 0, "{bytes:?}");
    }
}

/// The time that one run takes.
fn time(screen: &Screen, text: &str) -> Duration {
    cpu_time(|| drop(screen.text(text, Place::of(""), &Findings::default(), &mut Counts::default())))
}

/// How much longer twice the input takes: the least of several runs each.
fn growth(screen: &Screen, small: &str, large: &str) -> f64 {
    let mut least = f64::MAX;
    let (mut one, mut two, mut spent) = (Duration::MAX, Duration::MAX, Duration::ZERO);
    while least > 2.2 && spent < Duration::from_secs(8) {
        let (first, second) = (time(screen, small), time(screen, large));
        (one, two, spent) = (one.min(first), two.min(second), spent + first + second);
        least = two.as_secs_f64() / one.as_secs_f64().max(1e-5);
    }
    least
}

#[test]
fn s19_twice_the_input_takes_twice_as_long() {
    const N: usize = 800;
    use base64::{Engine, engine::general_purpose::STANDARD};
    type Grown = fn(usize) -> String;
    let inputs: [(&str, Grown); 20] = [
        ("letters", |n| "a".repeat(n * 4)),
        ("words", |n| "an ordinary word ".repeat(n)),
        ("percent signs", |n| "%25".repeat(n)),
        ("nested percent signs", |n| format!("%{}41 ", "25".repeat(3)).repeat(n)),
        ("very nested percent signs", |n| format!("%{}41", "25".repeat(n))),
        ("ampersands", |n| "&amp;".repeat(n)),
        ("very nested ampersands", |n| format!("&{}lt;", "amp;".repeat(n))),
        ("numbered", |n| "&#".repeat(n)),
        ("numbers without end", |n| format!("&#{}", "0".repeat(n * 4))),
        ("backslashes", |n| r"\".repeat(n * 4)),
        ("escapes", |n| r"\u0041\\u0041%41".repeat(n)),
        ("base64", |n| STANDARD.encode("a needl in a stack ".repeat(n))),
        ("base64 of base64", |n| STANDARD.encode(STANDARD.encode("a needl in a stack ".repeat(n)))),
        ("base64 of base64 of base64", |n| STANDARD.encode(STANDARD.encode(STANDARD.encode("a stack ".repeat(n))))),
        ("base64 in words", |n| "bmVlZGw gbmVl ZGw= ".repeat(n)),
        ("single letters", |n| "b m V l ".repeat(n)),
        ("matches", |n| "needle ".repeat(n)),
        ("hidden matches", |n| "%6eeedle n\u{200b}eedle bmVlZGxl ".repeat(n)),
        ("marks", |n| format!("a{}", "\u{301}".repeat(n))),
        ("brackets", |n| "[".repeat(n * 4) + "]"),
    ];
    for screen in screens() {
        for (name, input) in inputs {
            let (small, large) = (input(N), input(N * 2));
            let growth = growth(&screen, &small, &large);
            assert!(growth <= 2.2, "{name}: twice the input takes {growth:.2} times as long");
        }
    }
}

#[test]
fn s19_what_is_huge_is_refused_in_time() {
    let [everywhere, fields] = screens();
    let text = |screen: &Screen, text: &str| {
        let done = screen.text(text, Place::of(""), &Findings::default(), &mut Counts::default());
        done.map(drop).map_err(super::Refused::reason)
    };
    assert_eq!(text(&everywhere, &"x".repeat(100 << 20)), Err("unscannable"));
    assert_eq!(text(&everywhere, &"[".repeat(10_000)), Ok(()));
    assert_eq!(text(&fields, &("[".repeat(10_000) + &"]".repeat(10_000))), Err("unscannable"));
    let deep = (0..10_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    assert_eq!(judged(&everywhere, &deep).0, Some("unscannable"));
    // It would be dropped level by level, on the stack.
    unnest(deep);
    let wide: Value = (0..200_000).map(|n| (format!("k{n}"), Value::Null)).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(judged(&everywhere, &wide).0, None);
    // Many texts that one decodes to.
    let mut value = json!("a text".repeat(1_000));
    let (findings, mut counts) = (Findings::default(), Counts::default());
    assert_eq!(everywhere.value(&mut value, Keys::Data, Place::of(""), &findings, &mut counts), Ok(()));
}

fn unnest(mut value: Value) {
    while let Value::Array(mut items) = value {
        value = items.pop().unwrap_or_default();
    }
}
