//! What fuzzers throw bytes at: each target takes any bytes and panics if a law doesn't hold. `doorman/fuzz` runs them; a
//! unit test replays what was found once and the corpora.

use std::borrow::Cow;

use base64::Engine;
use serde_json::{Map, Value};

use crate::{
    audit::Verifier,
    filter::{Filter, Findings, Keys, Place, Screen},
    manifest::Manifest,
    redact::{Counts, Decoded, Kind, Plan, Redactor, Span, Unescaped, decode_base64},
    server::{ScanCode, ScanLimits, scan},
};

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders.
pub const TARGETS: [(&str, Target); 7] = [
    ("redactor", redactor),
    ("decoders", decoders),
    ("filters", filters),
    ("scan", raw_json),
    ("grammars", grammars),
    ("manifest", manifest),
    ("audit_verifier", audit_verifier),
];

/// Redacting twice is redacting once; what isn't masked stays byte for byte; places are in order, and JSON stays JSON. The
/// first byte says whether all kinds are looked for.
pub fn redactor(data: &[u8]) {
    let Some((flags, data)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(data);
    let plan = plan(flags % 2 == 1);
    let mut counts = Counts::default();
    if let Ok(once) = plan.text(&text, &mut counts) {
        // A member that JSON says twice is sent once, as it was read.
        let same = || once == text || value(&once).is_some_and(|it| Some(it) == value(&text));
        assert!(!counts.is_empty() || same(), "{text:?} changed without a mask: {once:?}");
        let twice = plan.text(&once, &mut Counts::default());
        assert_eq!(twice.as_deref(), Ok(&*once), "{text:?} is redacted again");
    }
    let mut end = 0;
    for span in plan.spans(&text) {
        assert!(end <= span.start && span.start < span.end, "{span:?} in {text:?}");
        assert!(text.get(span.start..span.end).is_some(), "{span:?} parts a character of {text:?}");
        end = span.end;
    }
    match plan.json(&text, &mut Counts::default()) {
        Ok(Some(redacted)) => assert!(parses(redacted.as_bytes()), "{text:?} is no JSON any more: {redacted:?}"),
        Ok(None) => assert!(!parses(text.as_bytes()), "{text:?} is JSON"),
        Err(_) => {}
    }
}

/// A text in base64 is written as it was read; an unescaped one says of each of its bytes where it comes from.
pub fn decoders(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(Decoded::Text(inner, alphabet)) = decode_base64(&text) {
        let written = alphabet.encode(&inner);
        match decode_base64(&written) {
            // Too short to be looked at: it was longer by line breaks.
            None if written.len() < 8 => {}
            Some(Decoded::Text(again, _)) => assert_eq!(again, inner),
            _ => panic!("{inner:?} is written as no text"),
        }
    }
    if let Some(unescaped) = Unescaped::of(&text) {
        for (start, c) in unescaped.text.char_indices() {
            let Span { start, end, .. } = unescaped.origin(Span { kind: Kind::Key, start, end: start + c.len_utf8() });
            assert!(text.get(start..end).is_some_and(|it| !it.is_empty()), "{start}..{end} in {text:?}");
        }
    }
}

/// What a filter masks isn't found again, and what it doesn't mask stays; any text is looked at to its end, or refused.
pub fn filters(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let filters = [
        Filter::responses("tokens", "ghp_[a-z0-9]{4}").redact(),
        Filter::responses("words", r"\bneedle|a b").case_insensitive().redact(),
    ];
    let (screen, findings) = (Screen::of(&filters, Map::new()), Findings::default());
    let masked =
        |text: &str, counts: &mut Counts| screen.text(text, Place::of("/text"), &findings, counts).map(Cow::into_owned);
    let mut counts = Counts::default();
    if let Ok(once) = masked(&text, &mut counts) {
        // A member that JSON says twice is sent once, as it was read.
        let same = || once == text || value(&once).is_some_and(|it| Some(it) == value(&text));
        assert!(!counts.is_empty() || same(), "{text:?} changed without a mask: {once:?}");
        assert_eq!(masked(&once, &mut Counts::default()).as_ref(), Ok(&once), "{text:?} is masked again");
    }
    let fields = Screen::of(&[Filter::arguments("names", "needle").fields(["path", "/a/*"])], Map::new());
    let value = serde_json::from_slice::<Value>(data).unwrap_or_else(|_| Value::from(&*text));
    let _ = fields.inspect(&value, Keys::Data, Place::of("/arguments"), &findings);
}

/// What passes the gate parses behind it; what it says isn't JSON doesn't.
pub fn raw_json(data: &[u8]) {
    match scan(data, &ScanLimits::default()) {
        Ok(_) => assert!(serde_json::from_slice::<Value>(data).is_ok_and(|it| it.is_object())),
        Err(refusal) => {
            assert!(refusal.code != ScanCode::Parse || !parses(data), "JSON is refused: {refusal}");
            assert!(!refusal.to_string().is_empty());
        }
    }
}

/// What a grammar reads it writes, and reads again as the same.
pub fn grammars(data: &[u8]) {
    use doorman_grammar::{breaker, duration, glob, name, rate, scope, size, uri};
    let text = String::from_utf8_lossy(data);
    if let Ok(spec) = rate::parse(&text) {
        let rules: Vec<String> = spec.rules().iter().map(ToString::to_string).collect();
        let again = rate::parse(&rules.join("; "));
        assert_eq!(again.as_ref().map(|it| it.rules()).ok(), Some(spec.rules()), "{rules:?} of {text:?}");
    }
    let _ = (rate::parse_for_tool(&text), breaker::parse(&text), duration::parse(&text), size::parse(&text));
    let _ = (scope::parse(&text), name::tool(&text), name::instance(&text), name::agent(&text));
    if let Ok(glob) = glob::parse(&text) {
        let literal = text.replace(['*', '?'], "x");
        assert!(glob.matches(&literal), "{text:?} doesn't match {literal:?}");
    }
    let _ = (uri::parse(&text), uri::parse_within(&text));
}

/// Whatever is wrong with a manifest is told without what stands there or in the environment.
pub fn manifest(data: &[u8]) {
    const HELD: &str = "held-by-the-environment";
    let text = String::from_utf8_lossy(data);
    if let Err(errors) = Manifest::parse_with("m.yaml", &text, &|_| Some(HELD.to_owned())) {
        let told = errors.to_string();
        assert!(told.contains("m.yaml") && !told.contains(HELD) || text.contains(HELD), "{told} for {text:?}");
    }
}

/// Any bytes are verified, in one pass; all findings are told and counted.
pub fn audit_verifier(data: &[u8]) {
    let mut told = 0;
    let mut verifier = Verifier::new(&[], |_| told += 1);
    let read = data.split(|byte| *byte == 0).enumerate().try_for_each(|(i, file)| verifier.file(&i.to_string(), file));
    let report = verifier.end();
    assert!(read.is_ok(), "memory can be read");
    assert_eq!(report.findings, told);
}

fn plan(all: bool) -> Plan {
    let builder = Redactor::builder();
    let builder = if all { builder.detect(Kind::Ip).detect(Kind::Mac) } else { builder };
    match builder.build().and_then(|redactor| redactor.plan(&["iban"], &["contact"])) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn parses(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    #[allow(clippy::print_stdout, reason = "which input it was that failed")]
    fn what_was_found_once_and_the_corpora_hold() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        for (name, target) in TARGETS {
            let mut inputs = 0;
            for folder in ["corpus", "regressions"].map(|folder| root.join(folder).join(name)) {
                for entry in fs::read_dir(&folder).into_iter().flatten() {
                    let path = entry.expect("an entry").path();
                    println!("{}", path.display());
                    target(&fs::read(path).expect("an input"));
                    inputs += 1;
                }
            }
            assert!(inputs > 0, "{name} has no corpus");
        }
    }
}
