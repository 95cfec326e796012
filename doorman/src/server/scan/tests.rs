//! What is refused and how, and the facts of what passes.

use super::{Code, Envelope, Kind, ScanLimits, VALUES, scan};

pub(super) fn code(message: &[u8]) -> Option<i32> {
    scan(message, &ScanLimits::default()).err().map(|refusal| refusal.code.number())
}

/// A legal call whose one argument is `value`.
pub(super) fn with(value: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{{"a":{value}}}}}}}"#)
}

#[test]
fn json_values() {
    let accepted = [
        "0",
        "-0",
        "-0.0",
        "12",
        "1.5e3",
        "1E+2",
        "1e-999",
        "0e999",
        "1.7976931348623157e308",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1,2]",
        " [ ] ",
        "\t{\r\n}",
        r#""""#,
        r#""\u00e9é\n\/\\\"""#,
        r#""\ud83d\ude00""#,
        r#""0123456789abcdef\t""#,
        "\"\u{7f}\u{80}\u{2028}😀\"",
        r#"{"a":{"a":1},"b":{"a":1}}"#,
        r#"[{"a":1},{"a":1}]"#,
        r#"{"a":1,"A":2,"\u0061\u0000":3}"#,
    ];
    for value in accepted {
        assert_eq!(code(with(value).as_bytes()), None, "{value}");
    }
    let malformed = [
        "",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1.8e308",
        "tru",
        "TRUE",
        "nul",
        "undefined",
        "'a'",
        "a",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":}",
        "[}",
        "{]",
        "// c\n1",
        "/**/1",
        r#""\x41""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\ud800x""#,
        r#""\ud83d\ud83d""#,
        "\"a\nb\"",
        "\"\u{0}\"",
        "\"0123456\u{1f}\"",
        "\"unfinished",
        "\u{a0}1",
        "\u{feff}1",
    ];
    for value in malformed {
        assert_eq!(code(with(value).as_bytes()), Some(-32700), "{value}");
    }
    let long = "9".repeat(400);
    assert_eq!(code(with(&long).as_bytes()), Some(-32700));
    assert_eq!(code(with(&long[..308]).as_bytes()), None);
}

#[test]
fn whole_messages() {
    let call = with("1");
    let call = call.as_bytes();
    let malformed: [&[&[u8]]; 8] = [
        &[],
        &[b" "],
        &[b"\xEF\xBB\xBF", call],
        &[call, b"x"],
        &[call, b"\n", call],
        &[call, b"\0"],
        &[b"{\"jsonrpc\":\"2.0\",\"method\":\"\xFF\"}"],
        &[b"{\"jsonrpc\":\"2.0\",\"method\":\"\xED\xA0\x80\"}"],
    ];
    for parts in malformed {
        assert_eq!(code(&parts.concat()), Some(-32700), "{}", parts.concat().escape_ascii());
    }
    let others: [&[&[u8]]; 4] = [&[b"[]"], &[b"[", call, b"]"], &[b"\"jsonrpc\""], &[b"null"]];
    for parts in others {
        assert_eq!(code(&parts.concat()), Some(-32600), "{}", parts.concat().escape_ascii());
    }
    let padded: &[&[u8]] = &[b" \r\n\t", call, b"\r\n"];
    assert_eq!(code(&padded.concat()), None);
}

#[test]
fn envelopes() {
    let refused = [
        r#"{}"#,
        r#"{"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0 ","id":1,"method":"a"}"#,
        r#"{"jsonrpc":null,"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1.0,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1e2,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":-0,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","x":[{"a":1,"a":2}]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","$serde_json::private::RawValue":"{}"}"#,
    ];
    for message in refused {
        assert_eq!(code(message.as_bytes()), Some(-32600), "{message}");
    }
    let accepted = [
        (r#"{"jsonrpc":"2.0","id":-9223372036854775808,"method":"a"}"#, Kind::Request),
        (r#"{"\u006asonrpc":"\u0032.0","id":"","method":"a","params":{}}"#, Kind::Request),
        (r#"{"jsonrpc":"2.0","method":"a","extra":[1]}"#, Kind::Notification),
        (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Kind::Response),
        (r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, Kind::Response),
        (r#"{"jsonrpc":"2.0","error":{}}"#, Kind::Response),
    ];
    for (message, kind) in accepted {
        let scanned = scan(message.as_bytes(), &ScanLimits::default());
        assert_eq!(scanned.map(|envelope| envelope.kind), Ok(kind), "{message}");
    }
}

#[test]
fn s11_duplicate_keys_in_params() {
    let many: String = (0..50).map(|n| format!("\"k{n}\":0,")).collect();
    for value in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"[[{"b":{"x":1,"y":2,"x":3}}]]"#,
        r#"{"😀":1,"\ud83d\ude00":2}"#,
        r#"{"$serde_json::private::Number":"1e999"}"#,
        &format!("{{{many}\"k\\u00310\":1}}"),
    ] {
        assert_eq!(code(with(value).as_bytes()), Some(-32602), "{value}");
    }
    assert_eq!(code(with(&format!("{{{many}\"k50\":1}}")).as_bytes()), None);
    // The keys of a closed object are forgotten, those of an open one are not.
    assert_eq!(code(with(r#"{"a":{"b":{"a":1}},"b":1,"a":2}"#).as_bytes()), Some(-32602));
}

#[test]
fn s27_what_is_kept_for_long_is_short() {
    let id = |bytes: usize| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"a"}}"#, "x".repeat(bytes - 2));
    assert_eq!(code(id(256).as_bytes()), None);
    assert_eq!(code(id(257).as_bytes()), Some(-32600));
    let padded = |method: &str, bytes: usize| {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        message.clone() + &" ".repeat(bytes - message.len())
    };
    assert_eq!(code(padded("subscriptions/listen", 128 << 10).as_bytes()), None);
    assert_eq!(code(padded("subscriptions/listen", (128 << 10) + 1).as_bytes()), Some(-32602));
    assert_eq!(code(padded("tools/call", (128 << 10) + 1).as_bytes()), None);
}

#[test]
fn depth_counts_every_level() {
    // Message, params and arguments are three.
    let nested =
        |depth: usize, open: &str, close: &str| with(&[open.repeat(depth), "1".into(), close.repeat(depth)].concat());
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        assert_eq!(code(nested(61, open, close).as_bytes()), None);
        assert_eq!(code(nested(62, open, close).as_bytes()), Some(-32602));
        assert_eq!(code(nested(100_000, open, close).as_bytes()), Some(-32602));
        let deepest = nested(124, open, close);
        assert!(scan(deepest.as_bytes(), &ScanLimits::depth(usize::MAX)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok());
        assert!(scan(nested(125, open, close).as_bytes(), &ScanLimits::depth(usize::MAX)).is_err());
    }
    assert_eq!(code("[".repeat(1_000_000).as_bytes()), Some(-32700));
    let beside = format!(r#"{{"jsonrpc":"2.0","method":"a","x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(code(beside.as_bytes()), Some(-32600));
}

#[test]
fn answers_carry_the_id_when_there_is_one() {
    let id = |message: &str| scan(message.as_bytes(), &ScanLimits::default()).expect_err(message).id;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (message, expected) in [
        (r#"{"jsonrpc":"2.0","id":7,"method":"a","params":{"a":1,"a":2}}"#.to_owned(), Some("7")),
        (r#"{"method":"a","params":{"a":1,"a":2},"jsonrpc":"2.0","id":"\u0041b"}"#.to_owned(), Some(r#""\u0041b""#)),
        (format!(r#"{{"method":"a","params":{{"a":{deep}}},"jsonrpc":"2.0","id":9}}"#), Some("9")),
        (r#"{"id":7,"params":{"id":8,"x":1e999}}"#.to_owned(), Some("7")),
        (r#"{"params":{"id":8,"x":1e999},"id":7}"#.to_owned(), None),
        (r#"{"id":7,"id":8}"#.to_owned(), None),
        (r#"{"id":7,"\u0069d":7}"#.to_owned(), None),
        (r#"{"id":null}"#.to_owned(), None),
        (r#"[{"id":7}]"#.to_owned(), None),
    ] {
        assert_eq!(id(&message).as_deref(), expected, "{message:.60}");
    }
}

#[test]
fn refusals_say_where_and_not_what() {
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"canary":1,"canary":2}}"#;
    let refusal = scan(message.as_bytes(), &ScanLimits::default()).expect_err("duplicate");
    assert_eq!(refusal.to_string(), "duplicate key (at byte 58)");
    let refusal = scan(b"{\"canary\":\"\xFF\"}", &ScanLimits::default()).expect_err("not UTF-8");
    assert_eq!(refusal.to_string(), "malformed JSON: not UTF-8 (at byte 11)");
}

#[test]
fn facts_are_decoded() {
    let facts = |message| scan(message, &ScanLimits::default()).expect("legal");
    let call = br#"{"method":"tools\/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},
        "arguments":{"name":"x"},"name":"ec\u0068o","uri":"u"},"jsonrpc":"2.0","id":"a\"b"}"#;
    assert_eq!(
        facts(call),
        Envelope {
            kind: Kind::Request,
            method: Some("tools/call".into()),
            id: Some(r#""a\"b""#),
            target: Some("echo".into()),
            protocol_version: Some("2026-07-28".into()),
        }
    );
    let read = facts(br#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"n","uri":"u"}}"#);
    assert_eq!(read.target.as_deref(), Some("u"));
    let list = facts(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"n","_meta":{"name":1}}}"#);
    assert_eq!((list.target, list.protocol_version), (None, None));
    let number = facts(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":4}}"#);
    assert_eq!(number.target, None);
}

#[test]
fn s27_a_message_of_countless_values_is_refused() {
    let message = |n: usize| {
        let zeros = vec!["0"; n].join(",");
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"arguments":{{"a":[{zeros}]}}}}}}"#)
    };
    assert!(scan(message(VALUES - 10).as_bytes(), &ScanLimits::default()).is_ok());
    let refusal = scan(message(VALUES).as_bytes(), &ScanLimits::default()).unwrap_err();
    assert_eq!((refusal.code, refusal.id.as_deref()), (Code::Params, Some("1")));
}
