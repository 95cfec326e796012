//! What connections cost that do nothing, too much, or too little (S27).

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::list;
use crate::harness::{Cast, Era, Fixture, Request, Server, eventually};

fn connect(server: &Server, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    stream.write_all(sent).expect("the server reads");
    stream
}

/// What comes until the connection ends.
fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest));
    String::from_utf8_lossy(&rest).into_owned()
}

/// How many were refused for a reason, by the audit log.
pub(super) fn refused(server: &Server, reason: &str) -> u64 {
    let records = server.fixture.audit("rejected");
    records.iter().filter(|it| it["reason"] == reason).filter_map(|it| it["count"].as_u64()).sum()
}

#[test]
fn s27_slow_heads_cost_a_connection_only() {
    let server = Fixture::new().serve();
    let begun = Instant::now();
    let mut slow: Vec<_> = (0..40).map(|_| connect(&server, b"POST /mcp HTTP/1.1\r\nHost: localh")).collect();
    slow.extend((0..40).map(|_| connect(&server, b"")));
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(!alice.call("get_invoice", json!({"id": "INV-1"})).is_error());
    for stream in &mut slow {
        assert_eq!(rest(stream), "");
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(20), "{took:?}");
    eventually("their count", || (refused(&server, "slow_head") == 80).then_some(()));
    assert!(server.fixture.audit("rejected").len() < 10, "they are counted together");
}

#[test]
fn s27_slow_bodies_cost_a_request_only() {
    let server = Fixture::new().serve();
    let request = list().header("Content-Length", "100000").header("Connection", "close").bytes(server.address);
    let mut slow = connect(&server, &request);
    let mut dripping = slow.try_clone().expect("a socket");
    let drip = thread::spawn(move || {
        while dripping.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
    });
    let begun = Instant::now();
    let answer = rest(&mut slow);
    let took = begun.elapsed();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(took > Duration::from_secs(25) && took < Duration::from_secs(50), "{took:?}");
    drop(slow);
    drip.join().expect("it ends");
    eventually("its count", || (refused(&server, "too_slow") == 1).then_some(()));
}

#[test]
fn s22_refusals_before_the_guard_are_aggregated() {
    let server = Fixture::new().serve();
    let mut many = list();
    for line in 0..100 {
        many = many.header(&format!("x{line}"), "y");
    }
    for request in [&many, &list().header("x", "y".repeat(33_000))] {
        for _ in 0..50 {
            let answer = rest(&mut connect(&server, &request.bytes(server.address)));
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        }
    }
    for _ in 0..50 {
        let answer = rest(&mut connect(&server, b"no HTTP at all\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    for (reason, count) in [("large_head", 100), ("malformed_head", 50)] {
        eventually(reason, || (refused(&server, reason) == count).then_some(()));
    }
    let lines = server.fixture.audit("rejected").len();
    assert!(lines <= 12, "{lines} lines");
    assert!(server.fixture.audit("call").is_empty());
}

#[test]
fn s27_a_flood_of_connections_is_counted_and_leaves_nothing() {
    let server = Fixture::new().arg("--max-connections").arg("32").serve();
    let held: Vec<_> = (0..32).map(|_| connect(&server, b"")).collect();
    for _ in 0..200 {
        let begun = Instant::now();
        assert_eq!(rest(&mut connect(&server, b"")), "");
        assert!(begun.elapsed() < Duration::from_secs(5), "it is closed at once");
    }
    eventually("their count", || (refused(&server, "too_many_connections") == 200).then_some(()));
    let lines = server.fixture.audit("rejected").len();
    assert!(lines <= 10, "{lines} lines");
    drop(held);
    eventually("room", || {
        let answer = rest(&mut connect(&server, b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"));
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
}

#[test]
fn s27_a_system_without_room_is_asked_again() {
    let server = Fixture::new().serve();
    let id = rustix::process::Pid::from_child(&server.process.child());
    let bound = |files| {
        let limit = rustix::process::Rlimit { current: Some(files), maximum: Some(4096) };
        rustix::process::prlimit(Some(id), rustix::process::Resource::Nofile, limit).expect("a bound");
    };
    bound(40);
    let held: Vec<_> = (0..80).map(|_| connect(&server, b"")).collect();
    eventually("the error", || server.process.stderr().contains("no connection can be accepted").then_some(()));
    thread::sleep(Duration::from_secs(1));
    assert_eq!(server.process.stderr().matches("no connection can be accepted").count(), 1);
    drop(held);
    assert_eq!(Request::new("GET", "/health").send(server.address).status, 200);
}

#[test]
fn both_versions_of_http_are_spoken() {
    let server = Fixture::new().serve();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.expect("the server listens");
        let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        drop(tokio::spawn(connection));
        let mut sender = sender.ready().await.expect("it takes requests");
        let request = |host: &str| {
            let uri = format!("http://{host}/mcp");
            axum::http::Request::post(uri).header("authorization", "Bearer x").body(()).expect("a request")
        };
        let mut statuses = Vec::new();
        for host in ["localhost", "evil.example.com"] {
            let (answer, _) = sender.send_request(request(host), true).expect("sent");
            statuses.push(answer.await.expect("an answer").status().as_u16());
        }
        statuses
    });
    assert_eq!(answer, [401, 403], "the same rules hold");
    assert_eq!(Request::post("{}").send(server.address).status, 401);
}
