//! What is read of a log is what stands there, whoever wrote it.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use super::super::line::escaped;
use super::entry::{visible, visible_json};
use super::{Entry, Filter, Follow, Stats, last};
use crate::lines::{Lines, Read};

fn call(n: u64) -> String {
    format!(
        r#"{{"ts":"2026-01-01T00:00:{:02}.000000Z","seq":{n},"kind":"call","agent_id":"a","agent_type":"t","capability":"get","verdict":"ok","reason":"ok","duration_us":{n}}}"#,
        n % 60
    )
}

#[test]
fn lines_of_any_length_take_bounded_memory() {
    let mut text = b"one\n".to_vec();
    text.resize(text.len() + (3 << 20), b'x');
    text.extend_from_slice(b"\n\ntwo\nthr");
    let mut lines = Lines::new(text.as_slice());
    for expected in
        [Read::Whole(b"one"), Read::TooLong(3 << 20), Read::Whole(b""), Read::Whole(b"two"), Read::Torn(b"thr")]
    {
        assert_eq!(lines.next().expect("reads"), Some(expected));
    }
    assert_eq!(lines.next().expect("reads"), None);
}

#[test]
fn s20_nothing_in_a_log_reaches_the_terminal_that_it_obeys() {
    let all: String = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
    assert!(!visible(&all).chars().any(|c| escaped(c) && !"\"\\".contains(c)));
    let line = concat!(
        r#"{"ts":"\u001b[2J","kind":"call","agent_id":""#,
        "\u{9b}31m\u{202e}",
        r#"","capability":"\r\n","verdict":"\u0007"}"#
    );
    let shown = Entry::of(line.as_bytes()).expect("a record").to_string();
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
    let json = visible_json(line);
    assert!(!json.chars().any(|c| c.is_control() || c == '\u{202e}'), "{json:?}");
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(read(&json), read(line));
}

#[test]
fn the_last_lines_come_from_as_many_files_as_it_takes() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let lines = |range: std::ops::Range<u64>| range.map(|n| call(n) + "\n").collect::<String>();
    fs::write(dir.path().join("log.2"), lines(1..5)).expect("writes");
    fs::write(dir.path().join("log.1"), lines(5..8)).expect("writes");
    fs::write(&log, lines(8..11) + "{\"torn").expect("writes");
    let seqs = |count: usize, filter: &Filter| -> Vec<u64> {
        let lines = last(&log, count, filter).expect("reads").lines;
        lines.iter().filter_map(|line| Entry::of(line)?.duration_us).collect()
    };
    assert_eq!(seqs(2, &Filter::default()), [9, 10]);
    assert_eq!(seqs(5, &Filter::default()), [6, 7, 8, 9, 10]);
    assert_eq!(seqs(100, &Filter::default()), (1..11).collect::<Vec<_>>());
    assert_eq!(seqs(0, &Filter::default()), [0; 0]);
    assert_eq!(seqs(5, &Filter { agent: Some("b".into()), ..Filter::default() }), [0; 0]);
    assert_eq!(seqs(1, &Filter { agent: Some("a".into()), kind: Some("call".into()), ..Filter::default() }), [10]);
}

#[test]
fn what_is_added_is_followed_over_rotations() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let numbered = |n: u32| dir.path().join(format!("log.{n}"));
    fs::write(&log, call(1) + "\n").expect("writes");
    let end = last(&log, 0, &Filter::default()).expect("reads").at;
    let mut follow = Follow::from(&log, end);
    let mut poll = || {
        let mut seen = Vec::new();
        let filter = Filter::default();
        follow
            .poll(&filter, |line| seen.push(Entry::of(line).and_then(|it| it.duration_us).unwrap_or(0)))
            .expect("reads");
        seen
    };
    assert_eq!(poll(), [0; 0]);
    let append = |text: String| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&log).expect("opens");
        file.write_all(text.as_bytes()).expect("writes");
    };
    append(call(2) + "\n" + &call(3)[..10]);
    assert_eq!(poll(), [2]);
    append(call(3)[10..].to_owned() + "\n" + &call(4) + "\n");
    fs::rename(&log, numbered(1)).expect("renames");
    assert_eq!(poll(), [3, 4]);
    append(call(5) + "\n");
    fs::rename(numbered(1), numbered(2)).expect("renames");
    fs::rename(&log, numbered(1)).expect("renames");
    append(call(6) + "\n");
    assert_eq!(poll(), [5, 6], "one file came and went between two looks");
    fs::write(&log, "").expect("cuts");
    assert_eq!(poll(), [0; 0]);
    append(call(7) + "\n");
    assert_eq!(poll(), [7]);
}

#[test]
fn stats_count_calls_and_take_bounded_memory() {
    let mut stats = Stats::since(None);
    let began = Instant::now();
    let mut text = String::new();
    for n in 0..20_000_u64 {
        text += &call(n).replace("\"a\"", &format!("\"a{n}\""));
        text.push('\n');
    }
    text += "{\"ts\":\"3\",\"kind\":\"intent\",\"call\":\"c1\"}\n{\"ts\":\"3\",\"kind\":\"intent\",\"call\":\"c2\"}\n";
    text += "{\"ts\":\"3\",\"kind\":\"call\",\"call\":\"c1\",\"verdict\":\"ok\"}\nnonsense\n";
    text += "{\"ts\":\"3\",\"kind\":\"rejected\",\"reason\":\"malformed\",\"count\":7}\n";
    stats.file(text.as_bytes()).expect("reads");
    assert!(began.elapsed() < Duration::from_secs(10));
    let json = stats.to_json();
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(4_097));
    assert_eq!(json["rows"][0]["calls"], 20_000 + 1 - 4_096);
    assert_eq!((&json["intents_without_call"], &json["unreadable"]), (&1.into(), &1.into()));
    assert_eq!(json["rejected"]["malformed"], 7);
    let mut late = Stats::since(Some("2026-01-01T00:00:30".into()));
    late.file(text.as_bytes()).expect("reads");
    assert!(late.to_json()["rejected"]["malformed"] == 7);
    let first: u64 =
        late.to_json()["rows"].as_array().expect("rows").iter().filter_map(|row| row["calls"].as_u64()).sum();
    assert!(first < 11_000, "{first}");
}

#[test]
fn whatever_a_log_says_stats_neither_panic_nor_grow() {
    let wide = "\u{1b}".repeat(20_000);
    let wide = serde_json::to_string(&wide).expect("JSON");
    let mut text = String::new();
    for n in 0..200 {
        let record = r#"{"ts":"3","kind":"call","agent_id":W,"capability":W,"verdict":W,"call":W,"duration_us":18446744073709551615}"#;
        text += &(record.replace('W', &format!("\"{n}{}", &wide[1..])) + "\n");
        text += "{\"ts\":\"3\",\"kind\":\"recovered\",\"lost\":18446744073709551615}\n";
        text += "{\"ts\":\"3\",\"kind\":\"rejected\",\"reason\":\"r\",\"count\":18446744073709551615}\n";
        text += &(r#"{"ts":"3","kind":"intent","call":W}"#.replace('W', &wide) + "\n");
    }
    let mut stats = Stats::since(None);
    stats.file(text.as_bytes()).expect("reads");
    let (shown, json) = (stats.to_string(), stats.to_json());
    assert!(shown.len() < 1 << 20 && json.to_string().len() < 1 << 20, "{}", shown.len());
    assert!(shown.contains('…') && json["lost"] == u64::MAX && json["rejected"]["r"] == u64::MAX);
}

#[test]
fn the_last_lines_take_bounded_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let line = [vec![b'x'; 1 << 20], vec![b'\n']].concat();
    for name in ["log", "log.1"] {
        fs::write(dir.path().join(name), line.repeat(50)).expect("writes");
    }
    let ending = last(&log, 100, &Filter::default()).expect("reads");
    assert!(ending.cut && ending.lines.len() == 64, "{}", ending.lines.len());
    let ending = last(&log, 60, &Filter::default()).expect("reads");
    assert!(!ending.cut && ending.lines.len() == 60, "{}", ending.lines.len());
}

#[test]
fn a_pipe_in_a_logs_place_holds_up_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let made = std::process::Command::new("mkfifo").arg(&log).status().expect("mkfifo");
    assert!(made.success());
    assert!(last(&log, 1, &Filter::default()).is_err());
    assert!(super::open_regular(&log).is_err());
}
