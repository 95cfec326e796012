//! What is too much, too deep or too hidden to be looked at is blocked, in bounded time, with one record.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{assert_blocked, filtered, told};
use crate::harness::{Caller, Cast, Door, Era, Fixture, Reply};

const FILTERS: &str = "argument_filters: [{name: hay-filter, pattern: needle, fields: ['*', text]}]
response_filters: [{name: hay-filter, pattern: needle, action: redact}]\n";

fn encoded(levels: usize, text: &str) -> String {
    (0..levels).fold(text.to_owned(), |text, _| STANDARD.encode(text))
}

/// What a call is answered with, if it takes no longer than it may and has one record.
#[track_caller]
fn timed(fixture: &Fixture, call: impl FnOnce() -> Reply) -> Reply {
    let (began, before) = (Instant::now(), fixture.audit("call").len());
    let reply = call();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(fixture.audit("call").len(), before + 1, "exactly one record");
    reply
}

#[test]
fn s19_what_cannot_be_looked_at_is_blocked() {
    let hidden = "a sentence that is long enough to be no accident";
    for door in Door::ALL {
        let fixture = filtered(FILTERS);
        let mut alice = fixture.caller(door, Cast::ALICE);
        let mut say = |text: &str| timed(&fixture, || alice.call("echo_text", json!({"text": text})));
        for levels in 0..=4 {
            assert!(!say(&encoded(levels, hidden)).is_error(), "{door:?} {levels}");
        }
        for text in [
            encoded(5, hidden),
            encoded(9, hidden),
            format!("%{}41", "25".repeat(1_000)),
            format!("&{}lt;", "amp;".repeat(1_000)),
        ] {
            assert_blocked(&format!("{door:?}"), &say(&text));
            assert_eq!(told(&fixture), ("blocked".into(), "unscannable".into(), vec![]), "{door:?}");
        }
        // Harmless, however long.
        for text in ["%25".repeat(300_000), "&amp;".repeat(200_000), "a".repeat(1_000_000), "\\".repeat(500_000)] {
            let reply = say(&text);
            assert!(!reply.is_error(), "{door:?}: {}", &text[..5]);
        }
    }
}

#[test]
fn s27_who_sends_what_is_hard_to_look_at_keeps_nobody_waiting() {
    // One thread serves all.
    let fixture = filtered(FILTERS).env("TOKIO_WORKER_THREADS", "1");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    alice.patient(Duration::from_secs(60));
    let mut carol = server.caller(Cast::CAROL, Era::Modern);
    let (slow, quick) = std::thread::scope(|scope| {
        let slow = scope.spawn(move || {
            let text = "%2526amp;#x41;QUJDREVGR0hJSktM+".repeat(60_000);
            let began = Instant::now();
            (alice.call("echo_text", json!({"text": text})), began.elapsed())
        });
        std::thread::sleep(Duration::from_millis(500));
        let mut longest = Duration::ZERO;
        while !slow.is_finished() {
            let began = Instant::now();
            assert!(!carol.call("nothing", json!({})).is_error());
            longest = longest.max(began.elapsed());
        }
        (slow.join().expect("a reply").1, longest)
    });
    assert!(slow > Duration::from_secs(2), "it was no long look: {slow:?}");
    assert!(quick < slow / 3, "somebody else waited {quick:?} of {slow:?}");
}

#[test]
fn s19_s22_huge_values_end_in_a_verdict() {
    // Both transports and both generations, each once: it takes its time.
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Modern)] {
        let fixture = filtered(FILTERS).env("FIXTURE_MAX_REQUEST", (32 << 20).to_string());
        let mut alice = fixture.caller(door, Cast::ALICE);
        alice.patient(Duration::from_secs(60));
        let text = |alice: &mut Caller, text: &str| timed(&fixture, || alice.call("echo_text", json!({"text": text})));
        // JSON in a text: 10,000 deep, and a million keys.
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let reply = text(&mut alice, &deep);
        assert_eq!(reply.verdict(), "blocked", "{door:?}");
        let keys: String = (0..1_000_000).map(|n| format!("\"k{n}\":0,")).collect();
        let reply = text(&mut alice, &format!("{{{keys}\"%6eeedle\":0}}"));
        assert_blocked(&format!("{door:?}"), &reply);
        assert_eq!(told(&fixture).1, "argument_filter", "{door:?}");
        let reply = text(&mut alice, &"x".repeat(20 << 20));
        assert_eq!((reply.verdict(), told(&fixture).1.as_str()), ("blocked", "unscannable"), "{door:?}");
        // As it is, it is refused before the guard.
        let value: Value = (0..260_000).map(|n| (format!("k{n}"), json!(0))).collect::<serde_json::Map<_, _>>().into();
        let before = fixture.audit("call").len();
        assert_eq!(alice.call("echo", json!({"value": value})).code(), -32602, "{door:?}");
        assert_eq!(fixture.audit("call").len(), before, "{door:?}");
        // A result of 100 MB.
        let reply = timed(&fixture, || alice.call("big", json!({"bytes": 100_000_000})));
        assert_blocked(&format!("{door:?}"), &reply);
        assert_eq!(told(&fixture).1, "unscannable", "{door:?}");
    }
}
