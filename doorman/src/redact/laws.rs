//! What holds for every input: redaction is idempotent, linear, total, and true to the widened schema.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::corpus::Case;
use super::{Blocked, Counts, Kind, Plan, Redactor};
use crate::testing::{Random, cpu_time};

fn plan() -> Plan {
    let builder = Redactor::builder().pattern(r"EMP-\d+").detect(Kind::Ip).detect(Kind::Mac);
    match builder.build().and_then(|redactor| redactor.plan(&["iban"], &["contact"])) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

const PIECES: [&str; 72] = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "415-555-0100",
    "123-45-6789",
    "alice@example.com",
    "+49 151 1234567",
    "(030)",
    "password",
    "=",
    ":",
    ": ",
    " ",
    "-",
    ".",
    ",",
    "/",
    "\"",
    "'",
    "\\",
    "\n",
    "@",
    "%40",
    "&",
    ";",
    "«",
    "»",
    "x",
    "token",
    "1",
    "555",
    "0100",
    "12",
    "2026-06-20",
    "\u{200b}",
    "４",
    "＠",
    "ä",
    "漢",
    "Authorization",
    "Bearer abcDEF123",
    "git",
    "://",
    "u:p@h",
    "-----BEGIN RSA PRIVATE KEY-----",
    "{",
    "}",
    "[",
    "]",
    "467 3395",
    "phone",
    "call ",
    "order ",
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "https://h/?token=abc123",
    "10.0.0.1",
    "00:1a:2b:3c:4d:5e",
    "EMP-17",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "session=9f3a61c2",
    "Basic dXNlcjpwYXNz",
    "bWFpbCBhbGljZUBleGFtcGxlLmNvbSBub3c=",
    "%20",
    "&#64;",
    "\\u0040",
    "\\n",
    "x12",
    "#",
    "?",
    "«redacted:phone»",
    "«redacted:",
];

fn text(random: &mut Random) -> String {
    (0..random.below(12)).map(|_| *random.pick(&PIECES)).collect()
}

#[test]
fn idempotent() {
    let plan = plan();
    let mut random = Random(1);
    for _ in 0..40_000 {
        let input = text(&mut random);
        let Ok(once) = plan.text(&input, &mut Counts::default()) else { continue };
        let mut counts = Counts::default();
        let twice = plan.text(&once, &mut counts);
        assert_eq!(twice.as_deref(), Ok(&*once), "from {input:?}");
        assert!(counts.is_empty() || input.contains(['{', '[']), "{counts:?} from {input:?}");
    }
    for case in Case::all() {
        let (plan, mut value) = (case.plan(), case.expect.clone());
        let mut counts = Counts::default();
        assert_eq!(plan.value(&mut value, &mut counts), Ok(()));
        assert_eq!((value, counts.is_empty()), (case.expect, true), "{}", case.name);
    }
}

#[test]
fn spans_are_what_is_masked() {
    let plan = plan();
    let mut random = Random(3);
    for _ in 0..20_000 {
        let input = text(&mut random);
        let spans = plan.spans(&input);
        assert!(spans.is_sorted_by(|a, b| a.end <= b.start), "{spans:?} in {input:?}");
        // What is JSON or base64 as a whole is written anew.
        if super::embedded::may_be_json(&input) || super::encoded::decode(&input).is_some() {
            continue;
        }
        let (mut expected, mut at) = (String::new(), 0);
        for span in &spans {
            expected.push_str(&input[at..span.start]);
            expected.push_str(span.kind.mask());
            at = span.end;
        }
        expected.push_str(&input[at..]);
        let masked = plan.text(&input, &mut Counts::default());
        // In spans a secret is a secret, whether its key or its form says so.
        assert_eq!(
            masked.map(|text| text.replace("«redacted:key»", "«redacted:secret»")),
            Ok(expected.replace("«redacted:key»", "«redacted:secret»"))
        );
    }
}

#[test]
fn total() {
    let plan = plan();
    let mut random = Random(4);
    const CHARS: [char; 24] = [
        '0', '1', '9', 'a', 'Z', '@', '.', '-', '_', ':', '/', '%', '&', '#', ';', '\\', 'u', ' ', '«', '»', '４',
        '\u{200b}', '漢', '=',
    ];
    for _ in 0..40_000 {
        let input: String = (0..random.below(40)).map(|_| *random.pick(&CHARS)).collect();
        let Ok(once) = plan.text(&input, &mut Counts::default()) else { continue };
        assert_eq!(plan.text(&once, &mut Counts::default()).as_deref(), Ok(&*once), "from {input:?}");
    }
}

#[test]
fn bounded() {
    let plan = plan();
    let redact = |mut value: Value| plan.value(&mut value, &mut Counts::default());
    let nested = |levels| (0..levels).fold(json!("x"), |inner, _| json!([inner]));
    assert_eq!(redact(nested(Plan::MAX_DEPTH)), Ok(()));
    assert_eq!(redact(nested(Plan::MAX_DEPTH + 1)), Err(Blocked::TooDeep));
    let embedded = |levels| (0..levels).fold(json!(["x"]), |inner, _| json!([inner.to_string()]));
    assert_eq!(redact(embedded(Plan::MAX_EMBEDDED)), Ok(()));
    assert_eq!(redact(embedded(Plan::MAX_EMBEDDED + 1)), Err(Blocked::EmbeddedTooDeep));
    assert_eq!(redact(json!(["x".repeat(Plan::MAX_BYTES), "x"])), Err(Blocked::TooLarge));
    assert_eq!(redact(json!(format!("[{}0]", "0,".repeat(Plan::MAX_VALUES)))), Err(Blocked::TooManyValues));
    // Depth counts through strings.
    assert_eq!(redact(json!([nested(Plan::MAX_DEPTH).to_string()])), Err(Blocked::TooDeep));
}

/// The time that one run takes.
fn time(plan: &Plan, text: &str) -> Duration {
    cpu_time(|| {
        let result = plan.text(text, &mut Counts::default());
        assert!(result.is_ok() || text.starts_with('['));
    })
}

/// Whether twice the input takes clearly less than the four times as long that a quadratic step would take.
///
/// The least times of many runs are compared: what the work needs, without what the machine adds.
fn is_linear(plan: &Plan, small: &str, large: &str) -> bool {
    /// Enough for many runs of what is linear; what isn't is given up soon.
    const PATIENCE: Duration = Duration::from_secs(3);
    let (mut least_small, mut least_large, mut spent) = (Duration::MAX, Duration::MAX, Duration::ZERO);
    while spent < PATIENCE {
        let (one, two) = (time(plan, small), time(plan, large));
        least_small = least_small.min(one);
        least_large = least_large.min(two);
        spent += one + two;
        if least_large.as_secs_f64() < 2.6 * least_small.as_secs_f64().max(1e-5) {
            return true;
        }
    }
    false
}

#[test]
fn linear() {
    const N: usize = 10_000;
    let plan = plan();
    type Grown = fn(usize) -> String;
    let inputs: [(&str, Grown); 42] = [
        ("letters", |n| "a".repeat(n * 4)),
        ("address", |n| "a@".to_owned() + &"a.".repeat(n * 2)),
        ("at-signs", |n| "a@".repeat(n)),
        ("escaped at-signs", |n| "a%40".repeat(n)),
        ("digits", |n| "1".repeat(n * 8)),
        ("single digits", |n| "1-".repeat(n)),
        ("card digits", |n| "4 ".repeat(n)),
        ("phone-like", |n| "415 555 ".repeat(n)),
        ("invisible", |n| "1\u{200b}".repeat(n)),
        ("only invisible", |n| "1".to_owned() + &"\u{200b}".repeat(n * 4)),
        ("brackets", |n| "[".repeat(n * 8) + "]"),
        ("braces", |n| "{".repeat(n * 8)),
        ("pairs", |n| "a=".repeat(n)),
        ("open quotes", |n| "password=\"".repeat(n)),
        ("open quotes, two sorts", |n| "password=\"password='\\".repeat(n)),
        ("open containers", |n| "password=[x\n".repeat(n)),
        ("open containers on more lines", |n| "password=[\n".repeat(n)),
        ("delimiters", |n| "password=".to_owned() + &",a;b&".repeat(n)),
        ("colons and spaces", |n| "password:".to_owned() + &" ".repeat(n * 8) + "x"),
        ("quotes and at-signs", |n| "\"@".repeat(n)),
        ("urls", |n| "://a:".repeat(n)),
        ("tokens", |n| "eyJ.".repeat(n)),
        ("glued prefixes", |n| "eyJ".repeat(n)),
        ("prefixes that begin words", |n| "eyJ-".repeat(n)),
        ("prefixes before a payload", |n| "eyJ-".repeat(n) + ".a"),
        ("keys", |n| "sk-".repeat(n)),
        ("keys of two prefixes", |n| "sk-sk-AKIA".repeat(n)),
        ("pem", |n| "-----BEGIN X-----".repeat(n)),
        ("plus", |n| "+(".repeat(n) + "1"),
        ("ibans", |n| "DE89 ".repeat(n)),
        ("base64", |n| "YWxpY2VA".repeat(n)),
        ("base64, many", |n| "YWxpY2VAYWxpY2VAYWxpY2VA ".repeat(n)),
        ("escapes", |n| "%40\\u0040&#64;".repeat(n)),
        ("escapes that are none", |n| "%4&#6\\u00".repeat(n)),
        ("escapes on many lines", |n| "a%40\n".repeat(n)),
        ("matches with neighbours on many lines", |n| "x-415-555-0100-1 555-0100\n".repeat(n / 8)),
        ("parameters", |n| "https://h/?".to_owned() + &"a=1&".repeat(n)),
        ("phones and words", |n| "call 5551234567 ".repeat(n)),
        ("headers", |n| "eyJhbGciOiJI.".repeat(n)),
        ("addresses", |n| "1:2:".repeat(n)),
        ("masks", |n| "«redacted:phone»1".repeat(n)),
        ("escaped json", |n| json!({"a": ["x", "y\"z"]}).to_string().repeat(n)),
    ];
    for (name, input) in inputs {
        let (small, large) = (input(N), input(N * 2));
        assert!(is_linear(&plan, &small, &large), "{name}: twice the input takes more than 2.6 times as long");
    }
}

/// A schema and a value that fits it.
fn sample(random: &mut Random, depth: usize) -> (Value, Value) {
    const KEYS: [&str; 16] = [
        "id",
        "name",
        "value",
        "email",
        "password",
        "token",
        "ssn",
        "iban",
        "contact",
        "amount",
        "key",
        "data",
        "apiKey",
        "note",
        "next_token",
        "phone",
    ];
    const TEXTS: [&str; 8] = [
        "open",
        "password",
        "a@b.com",
        "415-555-0100",
        "123-45-6789",
        "4111111111111111",
        "secret=x",
        "{\"password\":1}",
    ];
    match random.below(if depth == 0 { 10 } else { 17 }) {
        0 => (json!({"type": "string", "format": "email"}), json!("alice@example.com")),
        1 => {
            let text = *random.pick(&TEXTS);
            (json!({"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[^«]*$"}), json!(text))
        }
        2 => (json!({"enum": TEXTS}), json!(random.pick(&TEXTS))),
        3 => (json!({"type": "string", "const": "a@b.com"}), json!("a@b.com")),
        4 => (json!({"type": "integer", "format": "int64"}), json!(random.pick(&[7_i64, 4_111_111_111_111_111, -1]))),
        5 => (
            json!({"type": ["number", "null"]}),
            random.pick(&[json!(4111111111111111.0), json!(null), json!(0.5)]).clone(),
        ),
        6 => (json!({"type": "integer", "format": "int32", "minimum": 0}), json!(42)),
        7 => (json!({"type": "boolean"}), json!(true)),
        8 => (json!({"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]+$"}), json!("pwd")),
        9 => random
            .pick(&[
                (json!({"type": "string", "format": "date"}), json!("2026-06-20")),
                (json!({"type": "string", "format": "date-time"}), json!("2026-06-20T10:00:00+02:00")),
                (json!({"type": "string", "format": "uuid"}), json!("550e8400-e29b-41d4-a716-446655440000")),
                (json!({"type": "string", "minLength": 6}), json!("a@b.com")),
            ])
            .clone(),
        10 => {
            let (schema, value) = sample(random, depth - 1);
            let key = if random.below(2) == 0 { *random.pick(&KEYS) } else { "a@b.com" };
            (
                json!({"type": "object", "additionalProperties": schema, "propertyNames": {"maxLength": 12}}),
                json!({key: value}),
            )
        }
        11 => {
            let (schema, value) = sample(random, depth - 1);
            (json!({"type": "array", "items": schema, "uniqueItems": true}), json!([value]))
        }
        12 => {
            let (schema, value) = sample(random, depth - 1);
            (json!({"oneOf": [schema, {"type": "object", "required": ["none"]}]}), value)
        }
        13 => {
            let (schema, value) = sample(random, depth - 1);
            let pair =
                json!({"type": "array", "prefixItems": [{"type": "string"}, schema], "minItems": 2, "maxItems": 2});
            (json!({"type": "array", "items": pair}), json!([[random.pick(&KEYS), value]]))
        }
        14 => {
            let items = json!({"enum": KEYS});
            (json!({"type": "array", "items": items}), json!([random.pick(&KEYS), random.pick(&KEYS)]))
        }
        15 => {
            let (schema, value) = sample(random, depth - 1);
            let first = json!([{"type": "string"}]);
            (
                json!({"type": "array", "prefixItems": first, "items": schema, "contains": {"const": value}}),
                json!([random.pick(&KEYS), value]),
            )
        }
        _ => {
            let (mut schemas, mut values) = (Map::new(), Map::new());
            for _ in 0..=random.below(5) {
                let key = *random.pick(&KEYS);
                let (schema, value) = sample(random, depth - 1);
                schemas.insert(key.to_owned(), schema);
                values.insert(key.to_owned(), value);
            }
            let required: Vec<&String> = values.keys().collect();
            let schema = json!({
                "type": "object", "properties": schemas, "required": required, "additionalProperties": false,
            });
            (schema, Value::Object(values))
        }
    }
}

#[test]
fn redacted_values_fit_widened_schemas() {
    let built = Redactor::builder().build().and_then(|redactor| redactor.plan(&["iban"], &["contact"]));
    let Ok(plan) = built else { panic!("builds") };
    let mut random = Random(2);
    let (mut fitted, mut changed) = (0, 0);
    let fits = |schema: &Value, value: &Value| {
        let validator = jsonschema::options().should_validate_formats(true).build(schema);
        validator.map(|v| v.is_valid(value)).unwrap_or_default()
    };
    for _ in 0..4_000 {
        let (schema, value) = sample(&mut random, 3);
        if !fits(&schema, &value) {
            continue;
        }
        fitted += 1;
        let (mut widened, mut redacted) = (schema.clone(), value.clone());
        plan.widen(&mut widened);
        assert!(fits(&widened, &value), "{value} no longer fits {widened}, from {schema}");
        assert_eq!(plan.value(&mut redacted, &mut Counts::default()), Ok(()));
        assert!(fits(&widened, &redacted), "{redacted} (from {value}) doesn't fit {widened}, from {schema}");
        changed += usize::from(redacted != value);
    }
    assert!(fitted > 3_000 && changed > 1_500, "{fitted} fitted, {changed} changed");
}

/// Filters may mask in numbers and words as well, before redaction does.
#[test]
fn filtered_values_fit_widened_schemas() {
    let built = Redactor::builder().build().and_then(|redactor| redactor.plan(&["iban"], &["contact"]));
    let Ok(plan) = built else { panic!("builds") };
    let mut random = Random(3);
    let (mut fitted, mut changed) = (0, 0);
    let fits = |schema: &Value, value: &Value| {
        let validator = jsonschema::options().should_validate_formats(true).build(schema);
        validator.map(|v| v.is_valid(value)).unwrap_or_default()
    };
    let filters = [crate::filter::Filter::responses("f", "[0-9]{2}|[aeo]").redact()];
    for _ in 0..2_000 {
        let (schema, value) = sample(&mut random, 3);
        if !fits(&schema, &value) {
            continue;
        }
        fitted += 1;
        let screen = crate::filter::tests::screen(&filters, &schema);
        let masked = |value: &Value| screen.masked(value);
        let (mut widened, mut left) = (schema.clone(), screen.masked(&value).unwrap_or_else(|| value.clone()));
        plan.widen_with(&mut widened, Some(&masked));
        changed += usize::from(left != value);
        assert!(fits(&widened, &value), "{value} no longer fits {widened}, from {schema}");
        assert_eq!(plan.value(&mut left, &mut Counts::default()), Ok(()));
        assert!(fits(&widened, &left), "{left} (from {value}) doesn't fit {widened}, from {schema}");
    }
    assert!(fitted > 1_500 && changed > 1_000, "{fitted} fitted, {changed} changed");
}
