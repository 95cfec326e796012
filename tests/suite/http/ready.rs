//! Whether calls can be served now.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use crate::harness::{Cast, Era, Fixture, Request, Response, Server, eventually};

pub(crate) fn ready(server: &Server) -> Response {
    Request::new("GET", "/ready").send(server.address)
}

#[test]
fn s24_a_server_whose_audit_log_fails_is_not_ready() {
    let fixture = Fixture::new();
    let target = fixture.path("sink");
    fs::write(&target, "").expect("writes");
    let server = fixture.audit_to(&target).serve();
    let well = ready(&server);
    assert_eq!((well.status, &*well.body), (200, r#"{"status":"ready"}"#));
    let turn = |to: &str| {
        fs::remove_file(&target).expect("it is there");
        symlink(to, &target).expect("links");
    };
    turn("/dev/full");
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(alice.call("get_invoice", json!({"id": "INV-1"})).is_error());
    let ill = eventually("the end of readiness", || Some(ready(&server)).filter(|it| it.status == 503));
    assert_eq!(ill.body, r#"{"status":"not ready","parts":["audit"]}"#);
    assert_eq!(Request::new("GET", "/health").send(server.address).status, 200, "it lives");
    let kept = server.fixture.path("kept");
    fs::write(&kept, "").expect("writes");
    turn(&kept);
    eventually("readiness, without a call", || Some(ready(&server)).filter(|it| it.status == 200));
    assert!(!alice.call("get_invoice", json!({"id": "INV-1"})).is_error());
}
