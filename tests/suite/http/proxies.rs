//! Whose address counts, and how often somebody may try (S10, S27).

use std::fs;

use serde_json::json;

use super::{connections::refused, list};
use crate::harness::{Cast, Fixture, Request, Response, Server, eventually};

/// Somebody without a token calls a tool that is public.
fn hello(server: &Server, headers: &[(&str, &str)]) -> Response {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "hello", "arguments": {}, "_meta": meta});
    let request =
        Request::post(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string())
            .header("MCP-Protocol-Version", "2026-07-28")
            .header("Mcp-Method", "tools/call")
            .header("Mcp-Name", "hello");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send(server.address)
}

fn may_call(server: &Server, headers: &[(&str, &str)]) -> bool {
    let answer = hello(server, headers);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    answer["error"].is_null() && answer["result"]["isError"] != true
}

#[test]
fn s10_forwarded_addresses_count_only_from_trusted_proxies() {
    let anonymous = || Fixture::new().env("FIXTURE_ANONYMOUS", "1").env("FIXTURE_RATE", "2/h per_caller");
    let (one, other) = ([("X-Forwarded-For", "203.0.113.1")], [("X-Forwarded-For", "203.0.113.2")]);
    let behind = anonymous().arg("--trusted-proxy").arg("127.0.0.0/8").arg("--trusted-proxy").arg("10.0.0.0/8").serve();
    assert!(may_call(&behind, &one) && may_call(&behind, &one) && !may_call(&behind, &one));
    assert!(may_call(&behind, &[("Forwarded", "for=203.0.113.2;proto=https, for=10.1.1.1")]));
    assert!(may_call(&behind, &other) && !may_call(&behind, &other), "the same caller, said in another way");
    let lie = [("X-Forwarded-For", "203.0.113.99, 203.0.113.1")];
    assert!(!may_call(&behind, &lie), "what the proxy hasn't seen counts for nothing");
    let direct = anonymous().serve();
    assert!(may_call(&direct, &one) && may_call(&direct, &other), "this machine's own address");
    for header in [one, other, [("Forwarded", "for=203.0.113.3")], [("X-Real-IP", "203.0.113.4")]] {
        assert!(!may_call(&direct, &header), "{header:?}");
    }
}

#[test]
fn s10_development_mode_is_not_reached_through_a_proxy() {
    for proxy in [None, Some("127.0.0.1")] {
        let fixture = Fixture::bare().env("FIXTURE_DEV", "1");
        let server = match proxy {
            None => fixture.serve(),
            Some(proxy) => fixture.arg("--trusted-proxy").arg(proxy).serve(),
        };
        assert_eq!(hello(&server, &[]).status, 200);
        for header in ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"] {
            assert_eq!(hello(&server, &[(header, "127.0.0.1")]).status, 403, "{proxy:?} {header}");
        }
    }
}

#[test]
fn networks_of_proxies_are_said_exactly() {
    for network in ["10.0.0.0/33", "proxy.example.com", "0.0.0.0/0", ""] {
        let (code, said) = Fixture::new().arg("--trusted-proxy").arg(network).refuses();
        assert!(code != 0 && said.contains("--trusted-proxy"), "{network}: {said}");
    }
}

#[test]
fn s27_who_comes_with_bad_tokens_waits() {
    let bursts = Fixture::new();
    let told = bursts.path("refusals");
    let server = bursts.arg("--trusted-proxy").arg("127.0.0.1").env("FIXTURE_REFUSALS", &told).serve();
    let from = |address: &str, token: &str| {
        let request = Request::post("{}").header("X-Forwarded-For", address).bearer(token);
        request.send(server.address)
    };
    let answers: Vec<_> = (0..60).map(|number| from("203.0.113.7", &format!("guess-{number}"))).collect();
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    let (refused_at, held_up) = (count(401), count(429));
    assert!((30..45).contains(&refused_at) && refused_at + held_up == 60, "{refused_at}, {held_up}");
    let last = answers.iter().rfind(|answer| answer.status == 429).expect("one is held up");
    assert_eq!(last.header("retry-after"), Some("1"));
    assert_eq!(last.header("www-authenticate"), None);
    let good = list().header("X-Forwarded-For", "203.0.113.7").send(server.address);
    assert_eq!(good.status, 200, "a token that is known is let in from there, too");
    assert_eq!(from("203.0.113.8", "guess").status, 401, "nobody else waits");
    (0..60).for_each(|_| drop(from("198.51.100.1", "another guess")));
    eventually("the count", || (refused(&server, "too_many_attempts") >= held_up as u64).then_some(()));
    let said = eventually("the hook", || fs::read_to_string(&told).ok().filter(|said| !said.is_empty()));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("3 ") && said.contains("bad_token") && said.contains("too_many_attempts"), "{said}");
    let warned = server.process.stderr().matches("many requests are being refused").count();
    assert_eq!(warned, 1);
    for cast in [Cast::ALICE.token(), "guess".to_owned(), "203.0.113".to_owned()] {
        assert!(!said.contains(&cast) && !server.process.stderr().contains(&cast), "{cast}");
    }
}
