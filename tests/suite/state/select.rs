//! Who says where counts are kept: the command line, manifests, both.

use serde_json::json;

use super::{limited, server::Redis, verdict};
use crate::harness::{Cast, Era, Fixture};

const GRANT: &str = "scopes: [misc:use, docs:read]\n";

fn with(kinds: [(&str, &str); 2]) -> Fixture {
    kinds.iter().fold(Fixture::bare().tokens(&Cast::ALL), |fixture, (kind, state)| {
        fixture.manifest_of(kind, &format!("{GRANT}{state}"))
    })
}

#[test]
fn s23_a_manifest_of_scoped_mcps_selects_the_store() {
    let redis = Redis::start();
    let state =
        format!("rate_limits: {{global: 3/hour}}\nstate_backend:\n  type: dragonfly\n  url: '{}'\n", redis.url());
    let serve = || with([("reader", &state), ("admin", "rate_limits: {global: 3/hour}\n")]).serve();
    let (one, two) = (serve(), serve());
    let mut passed = 0;
    for server in [&one, &two, &one, &two, &one] {
        passed += usize::from(verdict(&server.caller(Cast::ALICE, Era::Modern).call("hello", json!({}))) == "ok");
    }
    assert_eq!(passed, 3);
    // An agent of a manifest that says nothing counts there, too.
    let mut root = two.caller(Cast::ROOT, Era::Modern);
    assert!(!root.call("hello", json!({})).is_error());
    assert!(redis.say("DBSIZE").starts_with(":2"), "{}", redis.say("DBSIZE"));
}

#[test]
fn s04_contradictions_are_told_with_their_place() {
    let file = |name: &str| format!("state_backend: {{type: file, path: /nowhere/{name}}}\n");
    let (code, said) = with([("reader", &file("a")), ("admin", &file("b"))]).refuses();
    assert_eq!(code, 1);
    assert!(said.contains("admin.yaml:3:16: expected the store that the other manifests"), "{said}");
    let (_, said) = with([("reader", &file("a")), ("admin", "")]).arg("--state").arg("memory").refuses();
    assert!(said.contains("reader.yaml:3:16: expected the store"), "{said}");
    for (state, expected) in [
        ("state_backend: {type: dragonfly}", ":3:16: expected `url`, because of its `type`"),
        ("state_backend: {type: file}", ":3:16: expected `path`"),
        ("state_backend: {type: file, path: here}", ":3:35: expected an absolute path"),
        ("state_backend: {type: in_process, url: 'redis://x'}", ":3:40: expected no `url`"),
        ("state_backend: {type: redis, url: 'http://hunter2@x'}", ":3:35: expected memory, file:PATH, or a URL"),
        ("state_backend: {type: sqlite}", ":3:23: expected in_process or file"),
        ("state_backend: {typ: file}", ":3:17: unknown key"),
    ] {
        let (_, said) = with([("reader", &format!("{state}\n")), ("admin", "")]).refuses();
        assert!(said.contains(expected), "{state}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let (code, said) = limited("1/h").arg("--state").arg("redis://:hunter2hunter2@host:x").refuses();
    assert!(code != 0 && said.contains("--state: expected memory") && !said.contains("hunter2"), "{said}");
}
