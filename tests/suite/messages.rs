//! Messages that no client sends: malformed, ambiguous, too deep, too long, or other than their headers say.

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Era, Fixture, Request, Server};

const META: &str =
    r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// A modern `tools/call` of `hello` with headers of the test's choice.
fn call(method: &str, name: &str, version: &str) -> Request {
    let params = format!(r#"{{"name":"hello","arguments":{{}},"_meta":{META}}}"#);
    Request::post(format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{params}}}"#))
        .bearer(&Cast::ALICE.token())
        .header("MCP-Protocol-Version", version)
        .header("Mcp-Method", method)
        .header("Mcp-Name", name)
}

#[test]
fn s11_headers_that_disagree_with_the_body_are_refused() {
    let server = Fixture::new().serve();
    let good = call("tools/call", "hello", "2026-07-28");
    assert_eq!(good.send(server.address).status, 200);
    assert_eq!(call("tools/call", "=?base64?aGVsbG8=?=", "2026-07-28").send(server.address).status, 200);
    let bad = [
        call("tools/list", "hello", "2026-07-28"),
        call("Tools/Call", "hello", "2026-07-28"),
        call("tools/call", "whoami", "2026-07-28"),
        call("tools/call", "Hello", "2026-07-28"),
        call("tools/call", "hello,hello", "2026-07-28"),
        call("tools/call", "=?base64?d2hvYW1p?=", "2026-07-28"),
        call("tools/call", "=?base64?!!!?=", "2026-07-28"),
        call("tools/call", "", "2026-07-28"),
        call("tools/call", "hello", "2025-11-25"),
        call("tools/call", "hello", "2027-01-01"),
        call("", "hello", "2026-07-28"),
        good.clone().header("Mcp-Name", "hello"),
        good.clone().header("Mcp-Name", "whoami"),
        good.clone().header("Mcp-Method", "tools/call"),
        good.clone().header("MCP-Protocol-Version", "2026-07-28"),
        good.clone().header("MCP-Protocol-Version", "2025-11-25"),
        call("tools/call", "h\u{e9}llo", "2026-07-28"),
    ];
    for (at, request) in bad.iter().enumerate() {
        let answer = request.send(server.address);
        assert_eq!((answer.status, answer.code()), (400, -32020), "{at}: {answer:?}");
        assert_eq!(answer.json()["id"], 5, "{at}");
    }
    assert_eq!(server.fixture.calls("hello").len(), 2, "and nothing ran");
    assert!(server.fixture.calls("whoami").is_empty());
}

#[test]
fn s11_headers_of_a_session_may_not_lie_either() {
    let server = Fixture::new().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    let message = alice.message("tools/call", json!({"name": "hello", "arguments": {}}));
    assert_eq!(alice.http_request(&message).header("Mcp-Name", "hello").send(server.address).status, 200);
    for (header, value) in [("Mcp-Name", "whoami"), ("Mcp-Method", "tools/list")] {
        let answer = alice.http_request(&message).header(header, value).send(server.address);
        assert_eq!((answer.status, answer.code()), (400, -32020), "{header}");
    }
}

/// What is refused before it is parsed: the message, the code, and whether its id can be told.
fn malformed() -> Vec<(Vec<u8>, i64)> {
    let within = |arguments: &str| {
        let params = format!(r#"{{"name":"hello","arguments":{arguments},"_meta":{META}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{params}}}"#).into_bytes()
    };
    let mut cases: Vec<(Vec<u8>, i64)> = vec![
        (b"{".to_vec(), -32700),
        (b"nonsense".to_vec(), -32700),
        (b"{'a': 1}".to_vec(), -32700),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list"} {}"#.to_vec(), -32700),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list",}"#.to_vec(), -32700),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"a":NaN}}"#.to_vec(), -32700),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"a":"\ud800"}}"#.to_vec(), -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/list\",\"params\":{\"a\":\"\xff\"}}".to_vec(), -32700),
        (b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/list\"}".to_vec(), -32700),
        (br#"[{"jsonrpc":"2.0","id":5,"method":"tools/list"}]"#.to_vec(), -32600),
        (b"[]".to_vec(), -32600),
        (b"7".to_vec(), -32600),
        (b"null".to_vec(), -32600),
        (b"{}".to_vec(), -32600),
        (br#"{"id":5,"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"1.0","id":5,"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":5,"method":7}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":[]}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":5,"id":6,"method":"tools/list"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","method":"tools/call"}"#.to_vec(), -32600),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","m\u0065thod":"tools/call"}"#.to_vec(), -32600),
        (within(r#"{"a":1,"a":2}"#), -32602),
        (within(r#"{"a":{"b":[{"c":1,"\u0063":2}]}}"#), -32602),
        (within(&format!("{{\"a\":{}{}}}", "[".repeat(80), "]".repeat(80))), -32602),
        (within(&format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70))), -32602),
    ];
    let twice = format!(
        r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"name":"hello","name":"purge","_meta":{META}}}}}"#
    );
    cases.push((twice.into_bytes(), -32602));
    cases
}

#[test]
fn s11_malformed_and_ambiguous_messages_have_the_codes_of_the_contract() {
    let server = Fixture::new().serve();
    for (body, code) in malformed() {
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = Request::post(body).bearer(&Cast::ALICE.token()).send(server.address);
        assert_eq!((answer.status, answer.code()), (400, code), "{text}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let bomb = "[".repeat(1_000_000);
    let answer = Request::post(bomb).bearer(&Cast::ALICE.token()).send(server.address);
    assert_eq!((answer.status, answer.code()), (400, -32700), "an unclosed bomb");
    assert!(server.fixture.audit("call").is_empty(), "nothing of it reached the guard");
    let rejected = server.fixture.audit("rejected");
    assert!(rejected.len() < 5 && rejected[0]["reason"] == "malformed", "aggregated: {rejected:?}");
}

#[test]
fn s11_stdio_answers_what_http_answers_and_goes_on() {
    for era in [Era::Session, Era::Modern] {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(Door::Stdio(era), Cast::ALICE);
        alice.call("hello", json!({}));
        for (line, code) in malformed() {
            if line.contains(&b'\n') {
                continue;
            }
            let lines = alice.lines();
            lines.line(&line);
            let answer = lines.next();
            assert_eq!(answer["error"]["code"], code, "{}: {answer}", String::from_utf8_lossy(&line));
        }
        assert_eq!(alice.call("hello", json!({})).text(), "hello", "the next line is heard");
        assert_eq!(fixture.calls("hello").len(), 2);
        // White space and empty lines are nothing.
        alice.lines().send("\n  \n\r\n");
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
}

#[test]
fn what_is_too_long_is_refused_and_never_held() {
    const MOST: usize = 10_000;
    let fixture = Fixture::new().env("FIXTURE_MAX_REQUEST", MOST.to_string());
    let server: Server = fixture.serve();
    let padded = |length: usize| {
        let bare = br#"{"jsonrpc":"2.0","id":5,"method":"no/such","params":{"a":""}}"#.len();
        format!(r#"{{"jsonrpc":"2.0","id":5,"method":"no/such","params":{{"a":"{}"}}}}"#, "x".repeat(length - bare))
    };
    let send = |length: usize| Request::post(padded(length)).bearer(&Cast::ALICE.token()).send(server.address);
    assert_ne!(send(MOST).status, 413);
    assert_eq!(send(MOST + 1).status, 413);
    assert_eq!(send(50 * MOST).status, 413);
    // A length that isn't said is counted.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 2 * MOST, "x".repeat(2 * MOST));
    let chunked = Request::post(chunk).header("Transfer-Encoding", "chunked").bearer(&Cast::ALICE.token());
    assert_eq!(chunked.send(server.address).status, 413);
    // A token comes first: who has none can't even make it read.
    assert_eq!(Request::post(padded(50 * MOST)).send(server.address).status, 401);

    let mut alice =
        Fixture::new().env("FIXTURE_MAX_REQUEST", MOST.to_string()).caller(Door::Stdio(Era::Session), Cast::ALICE);
    alice.call("hello", json!({}));
    let lines = alice.lines();
    for length in [MOST + 1, 100 * MOST] {
        lines.line(padded(length));
        let answer: Value = lines.next();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(null)), "{answer}");
    }
    lines.line(padded(MOST));
    assert_eq!(lines.next()["error"]["code"], -32601);
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
}

#[test]
fn names_that_could_forge_a_line_are_not_repeated() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        for name in [
            "a\nb",
            "\u{1b}[31mred",
            "a\u{202e}b",
            "a\"b",
            "../x",
            "",
            " ",
            "\u{feff}hello",
            "hell\u{43e}",
            &"x".repeat(200),
        ] {
            let reply = alice.call(name, json!({}));
            assert_eq!(reply.message["error"]["message"], "Unknown tool", "{door:?} {name:?}: {reply:?}");
        }
        let records = fixture.audit("call");
        assert!(records.len() == 10 && records.iter().all(|record| record["capability"] == "(invalid)"), "{records:?}");
        assert!(!fixture.audit_text().contains('\u{1b}'));
    }
}

#[test]
fn params_that_fit_no_method_are_said_to_be_that() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for params in [json!({"name": "hello", "arguments": [1]}), json!({"name": "hello", "arguments": "x"})] {
            let reply = alice.request("tools/call", params.clone());
            assert_eq!(reply.code(), -32602, "{door:?} {params}: {reply:?}");
        }
        assert_eq!(alice.call("hello", json!({})).text(), "hello");
    }
}

#[test]
fn the_id_of_a_cancelled_request_is_not_free_again() {
    let mut alice = Fixture::new().caller(Door::Stdio(Era::Session), Cast::ALICE);
    let (id, _) = alice.begin("tools/call", json!({"name": "slow", "arguments": {"ms": 60_000}}));
    alice.notify("notifications/cancelled", json!({"requestId": id}));
    let again =
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "hello", "arguments": {}}});
    alice.lines().line(again.to_string());
    // Else it could get the answer that the cancelled one still had.
    assert_eq!(alice.lines().answer(&id).code(), -32600);
    assert_eq!(alice.call("hello", json!({})).text(), "hello");
}
