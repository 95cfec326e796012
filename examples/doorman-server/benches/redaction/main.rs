//! `doorman-server redact` beside mcp-doorman, Presidio's pattern recognizers and a plain combined regular expression: the
//! CPU time of each for the same texts, and precision and recall on the labelled sentences of `tests/data/redaction`.
//!
//! `cargo bench -p doorman-server --bench redaction` takes a few minutes, most of it Presidio's, which is installed from
//! PyPI into the target folder (`python3` with `venv`).

#![allow(clippy::print_stdout)]

#[path = "../../../../doorman/benches/figures/machine.rs"]
mod machine;
#[path = "../beside/python.rs"]
mod python;

use std::{collections::BTreeMap, error::Error, fs, path::Path, process::Command, time::Instant};

use serde_json::Value;

/// What anything here returns.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

const PACKAGES: [&str; 2] = ["mcp-doorman==0.2.0", "presidio-analyzer==2.2.366"];

/// How much text each is given.
const BYTES: usize = 10_000_000;

fn main() -> Outcome<()> {
    println!("{}", machine::describe());
    let environment = python::environment("redaction-baselines", &PACKAGES)?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sentences = here.join("../../tests/data/redaction/sentences.json");
    let folder = tempfile::tempdir()?;
    let manifest = folder.path().join("all.yaml");
    let modules = "modules: {filesystem: {mode: read, config: {base_path: /srv}}}";
    fs::write(&manifest, format!("agent_type: a\n{modules}\nredaction: {{detect: [ip, mac]}}\n"))?;
    let texts = texts(&fs::read_to_string(&sentences)?)?;
    let mut baseline = Command::new(environment.join("bin/python"));
    baseline.arg(here.join("benches/redaction/baseline.py")).arg(env!("CARGO_BIN_EXE_doorman-server"));
    baseline.args([&manifest, &sentences]);
    for (name, text) in &texts {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        baseline.arg(path);
    }
    let output = baseline.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let measured: Value = serde_json::from_slice(&output.stdout)?;
    println!(
        "\n{:34}{:>10}{:>12}{:>10}{:>14}{:>12}",
        "10 MB, ms of CPU", "doorman", "all kinds", "regex", "mcp-doorman", "Presidio"
    );
    for (name, text) in &texts {
        let times = &measured["ms"][folder.path().join(name).to_string_lossy().as_ref()];
        let ms = |of: &str| times[of].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:34}{:>10.1}{:>12.1}{:>10.1}{:>14.0}{:>12.0}",
            ms("doorman"),
            ms("all kinds"),
            plain(text)?,
            ms("mcp-doorman"),
            ms("Presidio")
        );
    }
    println!("doorman's are whole processes; the others are functions in a process that has started.\n");
    let found: BTreeMap<String, BTreeMap<String, [f64; 3]>> = serde_json::from_value(measured["found"].clone())?;
    println!("{:34}email, phone, ssn, card, iban", "precision / recall / F1");
    for (name, kinds) in found {
        let scores = ["email", "phone", "ssn", "card", "iban"].map(|kind| {
            let [hits, found, labelled] = kinds[kind];
            format!("{:.3}/{:.3}/{:.3}", hits / found.max(1.0), hits / labelled, 2.0 * hits / (found + labelled))
        });
        println!("{name:34}{}", scores.join("  "));
    }
    Ok(())
}

/// Prose, lines of a log, and the labelled sentences, which hold something in every other line.
fn texts(sentences: &str) -> Outcome<Vec<(&'static str, String)>> {
    let sentences: Vec<Value> = serde_json::from_str(sentences)?;
    let dense: Vec<&str> = sentences.iter().filter_map(|it| it["text"].as_str()).collect();
    let prose = "The committee met on Tuesday and agreed on most points, though the question of what comes next remains \
                 open; a report is due by the end of the quarter.";
    let log = "2026-11-29T14:03:49.123456Z INFO request{id=7f3a9c21 method=GET path=/v1/items/8812} finished in 12 ms \
               status=200 bytes=5321";
    let mailed =
        "Please write to ada.lovelace@example.com before Friday if the numbers in the second table look wrong to you.";
    let mixed = [vec![prose; 9], vec![mailed]].concat();
    Ok(vec![
        ("prose", filled(&[prose])),
        ("prose, a mail address every kB", filled(&mixed)),
        ("lines of a log", filled(&[log])),
        ("labelled sentences", filled(&dense)),
    ])
}

fn filled(lines: &[&str]) -> String {
    let mut text = String::with_capacity(BYTES + 1024);
    for line in lines.iter().cycle() {
        if text.len() >= BYTES {
            break;
        }
        text.push_str(&line.replace('\n', " "));
        text.push('\n');
    }
    text
}

/// One regular expression for e-mail, phone, SSN and card, as one would write it in a hurry.
fn plain(text: &str) -> Outcome<f64> {
    let regex = regex::Regex::new(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}|\b\d{3}-\d{2}-\d{4}\b|\b(?:\d[ -]?){13,19}\b|\+?\d[\d ().-]{7,}\d",
    )?;
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let began = Instant::now();
            for line in text.lines() {
                std::hint::black_box(regex.replace_all(line, "«redacted»"));
            }
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Ok(times[2])
}
