//! Two laws of the gate: over mutated messages it agrees with `serde_json`, and its time grows with length only.

use std::{collections::HashSet, time::Duration};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    Code, ScanLimits, scan,
    tests::{code, with},
};
use crate::testing::{Random, cpu_time};

/// Accepts what `serde_json` accepts if no object in it has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Check;
        impl<'de> Visitor<'de> for Check {
            type Value = Unique;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON without duplicate keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut seen = HashSet::new();
                while let Some((key, Unique)) = map.next_entry::<String, Unique>()? {
                    if !seen.insert(key) {
                        return Err(A::Error::custom("duplicate"));
                    }
                }
                Ok(Unique)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
                while seq.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Check)
    }
}

#[test]
fn agrees_with_serde_json_on_mutated_messages() {
    let seeds = [
        with(r#"{"b":[1,-2.5e3,true,null],"c":"x\ud83d\ude00\n","a":{"a":0}}"#),
        r#"{"jsonrpc":"2.0","id":"x","method":"a","params":{"a":1,"b":{"c":[[],{}]}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","result":{"k":1e308,"l":"é"},"id":12}"#.to_owned(),
        r#" { "jsonrpc" : "2.0" , "method" : "n" , "params" : { "u" : "\u0061\ud800" } } "#.to_owned(),
    ];
    let tokens: [&[u8]; 34] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u0061",
        b"\\ud800",
        b"\\udc00",
        b"\"a\":1,",
        b"\"a\"",
        b"0",
        b"-",
        b".",
        b"e9",
        b"1e309",
        b"true",
        b"null",
        b" ",
        b"\n",
        b"\0",
        b"\x1f",
        b"\x7f",
        b"\xC3",
        b"\xA9",
        b"\xFF",
        b"\xEF\xBB\xBF",
        b"\"id\":1,",
        b"E+",
        b"/",
        b"9",
        b"nul",
    ];
    let mut dice = Random(0x9E37_79B9_7F4A_7C15);
    let (mut passed, mut malformed) = (0, 0);
    for round in 0..60_000 {
        let mut message = seeds[round % seeds.len()].clone().into_bytes();
        for _ in 0..=dice.below(3) {
            let at = dice.below(message.len());
            let end = (at + dice.below(4)).min(message.len());
            match dice.below(4) {
                0 => drop(message.drain(at..end)),
                1 => message[at] ^= 1 << dice.below(8),
                2 => drop(message.splice(at..at, tokens[dice.below(tokens.len())].iter().copied())),
                _ => drop(message.splice(at..end, tokens[dice.below(tokens.len())].iter().copied())),
            }
            if message.is_empty() {
                break;
            }
        }
        let text = message.escape_ascii();
        let parses = serde_json::from_slice::<serde_json::Value>(&message).is_ok();
        match scan(&message, &ScanLimits::default()) {
            Ok(_) => {
                passed += 1;
                assert!(serde_json::from_slice::<Unique>(&message).is_ok(), "passed: {text}");
            }
            Err(refusal) => {
                malformed += usize::from(refusal.code == Code::Parse);
                assert_eq!(refusal.code == Code::Parse, !parses, "{refusal}: {text}");
            }
        }
        if parses && let Err(error) = serde_json::from_slice::<Unique>(&message) {
            assert!(code(&message).is_some(), "{error}: {text}");
        }
    }
    assert!(passed > 1_000 && malformed > 10_000, "{passed} passed, {malformed} malformed");
}

/// The thread's own CPU time, the best of three: what the machine's other work disturbs least.
fn time(message: &[u8]) -> Duration {
    let run = || drop(std::hint::black_box(scan(std::hint::black_box(message), &ScanLimits::default())));
    let once = |()| cpu_time(run);
    [(); 3].map(once).into_iter().min().unwrap_or_default()
}

#[test]
fn time_grows_with_length_only() {
    let keys = |count: usize, prefix: &str| {
        with(&format!("{{{}}}", (0..count).map(|n| format!("\"{prefix}{n}\":0")).collect::<Vec<_>>().join(",")))
    };
    let shapes: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("keys", &|n| keys(n, "")),
        ("keys of one long prefix", &|n| keys(n / 8, &"x".repeat(100))),
        ("escaped keys", &|n| keys(n / 2, "\\u0061")),
        ("deep arrays", &|n| with(&["[", "]"].map(|bracket| bracket.repeat(n)).concat())),
        ("deep objects", &|n| with(&[&"{\"a\":".repeat(n), "1", &"}".repeat(n)].concat())),
        ("digits", &|n| with(&"1".repeat(n * 8))),
    ];
    for (name, shape) in shapes {
        let (small, large) = (shape(50_000), shape(200_000));
        let ratio = time(large.as_bytes()).as_secs_f64() / time(small.as_bytes()).as_secs_f64();
        // Four times the length; a quadratic path would take sixteen times as long.
        assert!(ratio < 9.0, "{name}: four times the length took {ratio:.1} times as long");
    }
    assert_eq!(code(keys(100_000, "").as_bytes()), None);
}
