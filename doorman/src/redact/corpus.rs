//! One corpus, all stages: `tests/data/redaction.json`.

use serde::Deserialize;
use serde_json::Value;

use super::{Counts, Plan, Redactor};
use crate::credentials::Secret;

#[derive(Deserialize)]
struct Corpus {
    redaction: Vec<Recorded>,
    redaction_leaks: Vec<Recorded>,
    redaction_false_positives: Vec<Recorded>,
    cases: Vec<Case>,
}

/// What must be gone and what must still be there.
#[derive(Deserialize)]
struct Recorded {
    input: Value,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    must_not_contain: Vec<String>,
    #[serde(default)]
    must_contain: Vec<String>,
    should_survive: Option<String>,
    not_ours: Option<String>,
}

/// The exact result.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) input: Value,
    pub(super) expect: Value,
    #[serde(default)]
    redact: Vec<String>,
    #[serde(default)]
    reveal: Vec<String>,
    #[serde(default)]
    secrets: Vec<String>,
}

impl Case {
    pub(super) fn all() -> Vec<Case> {
        corpus().cases
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.redact, &self.reveal, &self.secrets)
    }
}

fn corpus() -> Corpus {
    match serde_json::from_str(include_str!("../../../tests/data/redaction.json")) {
        Ok(corpus) => corpus,
        Err(error) => panic!("the corpus is malformed: {error}"),
    }
}

fn plan(redact: &[String], reveal: &[String], secrets: &[String]) -> Plan {
    let builder = secrets.iter().fold(Redactor::builder(), |b, s| b.secret(&Secret::new(s.as_str())));
    let redact: Vec<&str> = redact.iter().map(String::as_str).collect();
    let reveal: Vec<&str> = reveal.iter().map(String::as_str).collect();
    match builder.build().and_then(|redactor| redactor.plan(&redact, &reveal)) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

/// The result as the recorded cases write it: any mask is `«redacted»`, spacing doesn't count.
fn recorded(plan: &Plan, input: &Value) -> String {
    let mut value = input.clone();
    assert_eq!(plan.value(&mut value, &mut Counts::default()), Ok(()));
    let text = value.to_string();
    let mut out = String::new();
    for (i, part) in text.split("«redacted:").enumerate() {
        out.push_str(if i > 0 { "«redacted»" } else { "" });
        out.push_str(if i > 0 { part.split_once('»').map_or(part, |(_, rest)| rest) } else { part });
    }
    squeeze(&out)
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn recorded_cases() {
    let Corpus { redaction, redaction_leaks, redaction_false_positives, .. } = corpus();
    let mut seen = 0;
    for case in redaction.iter().chain(&redaction_leaks).chain(&redaction_false_positives) {
        let out = recorded(&plan(&case.keys, &[], &[]), &case.input);
        for gone in &case.must_not_contain {
            assert!(case.not_ours.is_some() || !out.contains(&squeeze(gone)), "{gone} is still in {out}");
        }
        for kept in case.must_contain.iter().chain(&case.should_survive) {
            assert!(case.not_ours.is_some() || out.contains(&squeeze(kept)), "{kept} is not in {out}");
        }
        seen += 1;
    }
    assert_eq!(seen, 40);
}

#[test]
fn exact_cases() {
    for case in Case::all() {
        let mut value = case.input.clone();
        assert_eq!(case.plan().value(&mut value, &mut Counts::default()), Ok(()), "{}", case.name);
        assert_eq!(value.to_string(), case.expect.to_string(), "{}", case.name);
    }
}
