//! Counts that several processes share, on real files and a real `redis-server`, with all that can happen to them.

mod file;
mod redis;
mod select;
mod server;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Caller, Cast, Era, Fixture, Reply, Request, Server, eventually};

/// A server that counts in this store.
fn serve(fixture: Fixture, store: &str) -> Server {
    fixture.arg("--state").arg(store).serve()
}

fn limited(rate: &str) -> Fixture {
    Fixture::new().env("FIXTURE_RATE", rate)
}

fn alice(server: &Server) -> Caller {
    server.caller(Cast::ALICE, Era::Modern)
}

/// `ok`, or the verdict of a refusal.
fn verdict(reply: &Reply) -> String {
    if reply.is_error() { reply.verdict().to_owned() } else { "ok".to_owned() }
}

/// How one call ends, and in what time.
fn call(caller: &mut Caller) -> (String, Duration) {
    let began = Instant::now();
    let reply = caller.call("hello", json!({}));
    (verdict(&reply), began.elapsed())
}

/// How many of so many calls pass; the others are refused by a rate.
fn passing(caller: &mut Caller, calls: usize) -> usize {
    let verdicts: Vec<_> = (0..calls).map(|_| call(caller).0).collect();
    let passed = verdicts.iter().filter(|verdict| *verdict == "ok").count();
    let limited = verdicts.iter().filter(|verdict| *verdict == "rate_limited").count();
    assert_eq!(passed + limited, calls, "{verdicts:?}");
    passed
}

/// How many calls pass of six callers' six each, through two servers at the same time.
fn passing_at_once(servers: &[Server; 2]) -> usize {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|n| scope.spawn(move || passing(&mut alice(&servers[n % 2]), 6))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

/// While the store doesn't answer, every call is refused in band within this time, the record says why, and `/health`
/// tells.
#[track_caller]
fn refuses_for_its_state(server: &Server, caller: &mut Caller) {
    let reply = caller.call("hello", json!({}));
    assert_eq!(verdict(&reply), "error", "{reply:?}");
    assert!(reply.text().contains("limits can't be checked"), "{reply:?}");
    let last = server.fixture.calls("hello").pop().expect("a record");
    assert_eq!((last["verdict"].as_str(), last["reason"].as_str()), (Some("error"), Some("state")));
    let (_, took) = call(caller);
    assert!(took < Duration::from_millis(400), "{took:?}");
    let health = Request::new("GET", "/health").send(server.address);
    assert_eq!((health.status, &*health.body), (503, r#"{"status":"degraded","state":"unavailable"}"#));
    let ready = Request::new("GET", "/ready").send(server.address);
    assert_eq!((ready.status, &*ready.body), (503, r#"{"status":"not ready","parts":["state"]}"#));
    assert!(server.process.stderr().contains("the state store doesn't answer"), "{}", server.process.stderr());
}

/// Calls are decided again without a restart, as `/health` says; gives the verdict of the first that is.
#[track_caller]
fn recovers(server: &Server, caller: &mut Caller) -> String {
    eventually("the store", || {
        let health = Request::new("GET", "/health").send(server.address);
        (&*health.body == r#"{"status":"ok","state":"ok"}"#).then_some(())
    });
    assert_eq!(Request::new("GET", "/ready").send(server.address).status, 200);
    eventually("a decision", || Some(call(caller).0).filter(|verdict| verdict != "error"))
}
