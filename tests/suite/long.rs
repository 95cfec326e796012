//! What takes minutes: run by `tests/run --full`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::harness::{Cast, Door, Era, Fixture, Numbers, Request, Wire, digest};

/// A message, damaged in one to three places.
fn damaged(numbers: &mut Numbers) -> Vec<u8> {
    const SEEDS: [&str; 6] = [
        r#"{"jsonrpc":"2.0","id":-7,"method":"tools/list","params":{"a":[1,-2.5e3,true,null,{"b":"c\n"}]}}"#,
        r#"{"jsonrpc":"2.0","id":"x","method":"ping","params":{"\u00e9":"\ud83d\ude00","n":0.1,"m":1E-2}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no/such\",\"params\":{\"k\":\"\u{1F600}\u{7f}\",\"l\":[[[[]]],{}]}}",
        r#"{"jsonrpc":"2.0","id":9007199254740993,"result":{}}"#,
        r#"[1,"2",{"3":4}]"#,
    ];
    const PIECES: [&[u8]; 24] = [
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\t",
        b"0",
        b"01",
        b"-",
        b"1e999",
        b"e",
        b".",
        b"tru",
        b"null",
        b"\\u",
        b"\\ud800",
        b"\x01",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
    ];
    let mut bytes = SEEDS[numbers.next(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..=numbers.next(3) {
        let at = numbers.next(bytes.len().max(1));
        match numbers.next(4) {
            0 => drop(bytes.splice(at..at, PIECES[numbers.next(PIECES.len())].iter().copied())),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ if at < bytes.len() => bytes[at] = (numbers.next(255) + 1) as u8,
            _ => {}
        }
    }
    bytes.retain(|byte| *byte != b'\n' && *byte != b'\r');
    bytes
}

/// Whatever the bytes, the scan takes for JSON exactly what `serde_json` does, and the next message is heard.
#[test]
#[ignore = "takes minutes"]
fn s11_the_scan_agrees_with_serde_json() {
    const MESSAGES: usize = 200_000;
    let mut alice = Fixture::new().env("DOORMAN_LOG", "off").caller(Door::Stdio(Era::Session), Cast::ALICE);
    let mut numbers = Numbers::new(0);
    let mut refused = 0;
    for round in 0..MESSAGES {
        let bytes = damaged(&mut numbers);
        let is_json = serde_json::from_slice::<Value>(&bytes).is_ok() || bytes.trim_ascii().is_empty();
        let marker = format!("m{round}");
        let lines = alice.lines();
        lines.line(&bytes);
        lines.line(json!({"jsonrpc": "2.0", "id": marker, "method": "ping"}).to_string());
        let mut parse_error = false;
        loop {
            let message = lines.next();
            parse_error |= message["error"]["code"] == -32700;
            if message["id"] == *marker {
                break;
            }
        }
        assert_eq!(parse_error, !is_json, "{:?}", String::from_utf8_lossy(&bytes));
        refused += usize::from(parse_error);
    }
    assert!(refused > MESSAGES / 10 && refused < MESSAGES * 9 / 10, "{refused} of {MESSAGES}: not a fair mixture");
}

/// Many anonymous callers, each from an address of its own: memory stays bounded, and who used up a limit stays limited.
#[test]
#[ignore = "takes minutes"]
fn s23_many_callers_cost_bounded_memory_and_free_nobody() {
    const CALLERS: u32 = 120_000;
    let server = Fixture::new()
        .env("DOORMAN_LOG", "off")
        .env("FIXTURE_ANONYMOUS", "1")
        .env("FIXTURE_RATE", "2/day per_caller")
        .serve();
    let mut nobody = server.stranger(Era::Modern);
    let message = nobody.message("tools/call", json!({"name": "hello", "arguments": {}}));
    let request = nobody.http_request(&message).header("Connection", "close").bytes(server.address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let call = async |from: Ipv4Addr| -> String {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((from, 0))).expect("all of 127/8 is this machine");
        let mut stream = socket.connect(server.address).await.expect("the server listens");
        stream.write_all(&request).await.expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let limited = |answer: &str| answer.contains("rate_limited");
    let attacker = Ipv4Addr::new(127, 255, 0, 1);
    runtime.block_on(async {
        for _ in 0..2 {
            assert!(!limited(&call(attacker).await));
        }
        assert!(limited(&call(attacker).await));
        let before = server.process.memory();
        for caller in 0..CALLERS {
            let [_, a, b, c] = caller.to_be_bytes();
            drop(call(Ipv4Addr::new(127, a + 1, b, c)).await);
        }
        let grown = server.process.memory().saturating_sub(before);
        eprintln!("{CALLERS} anonymous callers: {} KiB", grown >> 10);
        assert!(grown < 32 << 20, "{grown} bytes");
        assert!(limited(&call(attacker).await), "a flood of others frees nobody");
    });
}

/// Sessions of all callers together are bounded, too.
#[test]
#[ignore = "takes minutes"]
fn s10_sessions_are_capped_in_all() {
    const BEARERS: usize = 140;
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;
    let fixture = Fixture::bare().manifest("reader", "[invoices:read]").env("DOORMAN_LOG", "off");
    let mut tokens = String::from("tokens:\n");
    for bearer in 0..BEARERS {
        let digest = digest(&format!("t{bearer}"));
        tokens += &format!("  - {{sha256: {digest}, agent_id: a{bearer}, agent_type: reader}}\n");
    }
    let path = fixture.private("tokens.yaml", &tokens);
    let server = fixture.arg("--tokens").arg(path).serve();
    let mut wire = Wire::connect(server.address);
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for bearer in 0..BEARERS {
        let request = Request::post(initialize).bearer(&format!("t{bearer}")).bytes(server.address);
        for _ in 0..32 {
            let answer = wire.exchange(&request).expect("an answer");
            *statuses.entry(answer.status).or_default() += 1;
        }
    }
    assert_eq!(statuses, [(200, 4_096), (503, BEARERS * 32 - 4_096)].into());
    eprintln!("4,096 sessions: {} MiB", server.process.memory() >> 20);
}

/// A flood without tokens costs memory to nobody and time to itself.
#[test]
#[ignore = "takes minutes"]
fn s27_a_flood_of_strangers_leaves_nothing() {
    let server = Fixture::new().env("DOORMAN_LOG", "off").serve();
    let request = Request::post("x".repeat(1_000)).bearer("wrong").bytes(server.address);
    let mut wires: Vec<Wire> = (0..32).map(|_| Wire::connect(server.address)).collect();
    let before = server.process.memory();
    for _ in 0..2_000 {
        for wire in &mut wires {
            assert_eq!(wire.exchange(&request).expect("an answer").status, 401);
        }
    }
    let grown = server.process.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes");
    std::thread::sleep(Duration::from_secs(1));
    assert!(server.fixture.audit("rejected").len() < 120, "aggregated");
    assert_eq!(server.caller(Cast::ALICE, Era::Modern).call("hello", json!({})).text(), "hello");
}

/// What is listed is what can be reached, for some thousand grants and catalogs.
#[test]
#[ignore = "takes minutes"]
fn s02_listed_is_reachable_for_many_grants() {
    let looked_at = crate::knowledge::views::hold(2, 20, 10);
    eprintln!("{looked_at} capabilities of callers");
    assert!(looked_at > 30_000, "{looked_at}");
}
