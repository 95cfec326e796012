//! How much of labelled synthetic text is found, and how much else: `tests/data/redaction`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Plan, Redactor};

/// A sentence, and what is to be masked in it: kind, start and end in code points.
#[derive(Deserialize)]
struct Sentence {
    text: String,
    spans: Vec<(String, usize, usize)>,
}

#[derive(Default, Clone, Copy)]
struct Score {
    hits: f64,
    found: f64,
    labelled: f64,
}

impl Score {
    fn precision(self) -> f64 {
        if self.found == 0.0 { 1.0 } else { self.hits / self.found }
    }

    fn recall(self) -> f64 {
        if self.labelled == 0.0 { 1.0 } else { self.hits / self.labelled }
    }

    fn f1(self) -> f64 {
        2.0 * self.precision() * self.recall() / (self.precision() + self.recall())
    }
}

fn sentences() -> Vec<Sentence> {
    match serde_json::from_str(include_str!("../../../tests/data/redaction/sentences.json")) {
        Ok(sentences) => sentences,
        Err(error) => panic!("the sentences are malformed: {error}"),
    }
}

fn plan() -> Plan {
    match Redactor::builder().build().and_then(|redactor| redactor.plan(&[], &[])) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

/// What is found, as labels are written.
fn found(plan: &Plan, text: &str) -> Vec<(String, usize, usize)> {
    let chars = |end: usize| text[..end].chars().count();
    plan.spans(text).iter().map(|s| (s.kind.name().to_owned(), chars(s.start), chars(s.end))).collect()
}

#[test]
fn enough_is_found_and_little_else() {
    const FLOORS: [(&str, f64); 5] = [("email", 1.0), ("ssn", 1.0), ("iban", 0.976), ("card", 0.962), ("phone", 0.651)];
    let plan = plan();
    let mut scores = BTreeMap::<String, Score>::new();
    let verbose = std::env::var_os("REDACTION_MISSES").is_some();
    for Sentence { text, spans } in sentences() {
        let found = found(&plan, &text);
        for (kind, ..) in &found {
            scores.entry(kind.clone()).or_default().found += 1.0;
        }
        for span in &spans {
            let score = scores.entry(span.0.clone()).or_default();
            score.labelled += 1.0;
            score.hits += f64::from(u8::from(found.contains(span)));
        }
        if verbose && found != spans {
            let piece = |(kind, start, end): &(String, usize, usize)| {
                format!("{kind}:{}", text.chars().skip(*start).take(end - start).collect::<String>())
            };
            let missed = spans.iter().filter(|s| !found.contains(s)).map(piece).collect::<Vec<_>>();
            let extra = found.iter().filter(|s| !spans.contains(s)).map(piece).collect::<Vec<_>>();
            eprintln!("- {missed:?} + {extra:?} in {text:?}");
        }
    }
    for (kind, score) in &scores {
        eprintln!(
            "{kind:12} precision {:.3} recall {:.3} F1 {:.3} of {}",
            score.precision(),
            score.recall(),
            score.f1(),
            score.labelled
        );
    }
    for (kind, floor) in FLOORS {
        let f1 = scores.get(kind).map_or(0.0, |score| score.f1());
        assert!(f1 >= floor, "F1 of {kind} is {f1:.3}, below {floor}");
    }
}

/// Texts that are hard, one way or the other.
#[derive(Deserialize)]
struct Adversarial {
    /// With `⟦kind|…⟧` around what is to be masked.
    mask: Vec<String>,
    survive: Vec<String>,
}

/// A text without its labels, and the labels.
fn unlabelled(text: &str) -> (String, Vec<(String, usize, usize)>) {
    let (mut plain, mut spans) = (String::new(), Vec::new());
    for part in text.split_inclusive('⟧') {
        let (before, labelled) = part.split_once('⟦').unwrap_or((part, ""));
        plain.push_str(before);
        if let Some((kind, value)) = labelled.trim_end_matches('⟧').split_once('|') {
            let start = plain.chars().count();
            plain.push_str(value);
            spans.push((kind.to_owned(), start, plain.chars().count()));
        }
    }
    (plain, spans)
}

#[test]
fn adversarial_texts() {
    let texts: Adversarial = match serde_json::from_str(include_str!("../../../tests/data/redaction/adversarial.json"))
    {
        Ok(texts) => texts,
        Err(error) => panic!("the texts are malformed: {error}"),
    };
    let plan = plan();
    let piece = |text: &str, (kind, start, end): &(String, usize, usize)| {
        format!("{kind}:{}", text.chars().skip(*start).take(end - start).collect::<String>())
    };
    let mut wrong = Vec::new();
    for text in &texts.mask {
        let (text, expected) = unlabelled(text);
        let found = found(&plan, &text);
        if found != expected {
            wrong.push(format!("{text:?}: {:?}", found.iter().map(|span| piece(&text, span)).collect::<Vec<_>>()));
        }
    }
    for text in &texts.survive {
        let found = found(&plan, text);
        if !found.is_empty() {
            wrong.push(format!("{text:?}: {:?}", found.iter().map(|span| piece(text, span)).collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), texts.mask.len() + texts.survive.len(), wrong.join("\n"));
}
