//! Requests of nobody, in numbers (S10, S22, S27).

use std::{
    thread,
    time::{Duration, Instant},
};

use super::connections::refused;
use crate::harness::{Cast, Era, Fixture, Request, Wire, eventually};

/// Requests that are refused, on a few connections and by turns for different reasons.
fn flood(requests: usize) {
    const THREADS: usize = 4;
    let server = Fixture::new().env("DOORMAN_LOG", "info").serve();
    let strange = [
        Request::post("{}"),
        Request::post("{}").bearer("no-such-token"),
        Request::post("{}").bearer(&"x".repeat(8_000)),
        Request::new("GET", "/mcp?access_token=s3cr3t"),
        Request::post("{}").header("Origin", "http://evil.example.com"),
        Request::new("DELETE", "/mcp").header("Mcp-Session-Id", "0"),
    ];
    let run = |requests: usize| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut wire = Wire::connect(server.address);
                    for number in 0..requests / THREADS {
                        let bytes = strange[number % strange.len()].bytes(server.address);
                        let status = match wire.exchange(&bytes) {
                            Ok(answer) => answer.status,
                            // A body that isn't read ends a connection.
                            Err(_) => {
                                wire = Wire::connect(server.address);
                                wire.exchange(&bytes).expect("an answer").status
                            }
                        };
                        assert!(matches!(status, 400 | 401 | 403), "{status}");
                    }
                });
            }
        });
    };
    // Everything is there that is made once.
    run(600);
    let (memory, said, begun) = (server.process.memory(), server.process.written(), Instant::now());
    run(requests);
    let took = begun.elapsed();
    let grown = server.process.memory().saturating_sub(memory);
    assert!(grown < 8 << 20, "{requests} requests of nobody grew the process by {grown} bytes");
    let reasons = ["no_token", "bad_token", "token_in_query", "origin"];
    let all = || reasons.iter().map(|reason| refused(&server, reason)).sum::<u64>();
    eventually("their count", || (all() >= (requests + 600) as u64 / 4 * 4).then_some(()));
    let lines = server.fixture.audit("rejected").len() as u64;
    let most = (took + Duration::from_secs(3)).as_secs() * reasons.len() as u64 + 2 * reasons.len() as u64;
    assert!(lines <= most, "{lines} lines in {took:?}");
    let said = server.process.written() - said;
    assert!(said < 2_000, "{said} bytes of log: {}", server.process.stderr());
    assert!(server.caller(Cast::ALICE, Era::Session).names().contains(&"get_invoice".to_owned()));
}

#[test]
fn s27_unauthenticated_requests_leave_memory_where_it_was() {
    flood(5_000);
}

#[test]
#[ignore = "takes a minute"]
fn s27_a_hundred_thousand_unauthenticated_requests_leave_memory_where_it_was() {
    flood(100_000);
}
