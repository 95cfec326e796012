//! A verifier of tokens of the application's own, whatever it does.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, Request, Wire, digest, eventually};

/// An application that takes tickets, beside everybody's tokens.
fn office() -> Fixture {
    Fixture::new().env("FIXTURE_TICKETS", "1")
}

fn hello(token: &str) -> Request {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "hello", "arguments": {}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        },
    }});
    Request::post(message.to_string())
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "hello")
        .bearer(token)
}

#[test]
fn s06_a_verifiers_word_makes_a_caller() {
    for era in [Era::Session, Era::Modern] {
        let server = office().serve();
        let mut dora = server.bearing("ticket/dora/reader/60", era);
        let who = dora.call("whoami", json!({}));
        assert_eq!((&who.structured()["agent_id"], &who.structured()["verified"]), (&json!("dora"), &json!(true)));
        assert!(!dora.call("get_invoice", json!({"id": "1"})).is_error(), "her manifest grants it");
        assert_eq!(dora.call("refund", json!({"id": "1"})).code(), -32602);
        // Static tokens go on beside it.
        let mut bob = server.caller(Cast::BOB, era);
        assert_eq!(bob.call("whoami", json!({})).structured()["agent_id"], "bob");
    }
}

#[test]
fn s03_a_token_opens_no_more_than_it_says_and_its_manifest_grants() {
    let server = office().serve();
    let names = |token: &str| server.bearing(token, Era::Modern).names();
    let all = names("ticket/dora/reader/60");
    let some = names("ticket/dora/reader/60/invoices:read+invoices:write+admin:all");
    assert!(all.len() > some.len() && some.contains(&"get_invoice".to_owned()), "{some:?}");
    assert!(!some.contains(&"refund".to_owned()), "the manifest doesn't grant it: {some:?}");
    assert!(!some.contains(&"echo".to_owned()) && all.contains(&"echo".to_owned()), "the token doesn't say it");
    let public = names("ticket/dora/unheard-of/60/invoices:read");
    assert!(!public.contains(&"get_invoice".to_owned()), "no manifest for this type: {public:?}");
}

#[test]
fn s07_a_token_that_expires_is_one_no_more() {
    let server = office().serve();
    assert_eq!(hello("ticket/dora/reader/0").send(server.address).status, 401);
    assert_eq!(hello("ticket/dora/reader/60").send(server.address).status, 200);
}

#[test]
fn s24_a_verifier_that_cant_say_lets_nobody_in() {
    let fixture = office();
    let server = fixture.serve();
    for (token, status) in [
        ("ticket-of-nobody", 401),
        ("ticket-lost", 503),
        ("ticket-cursed", 503),
        ("ticket-poor", 403),
        ("ticket/dora/../60", 401),
    ] {
        let refused = hello(token).send(server.address);
        assert_eq!(refused.status, status, "{token}: {refused:?}");
        let challenge = refused.header("www-authenticate");
        match status {
            401 => assert_eq!(challenge, Some(r#"Bearer error="invalid_token""#)),
            403 => {
                assert_eq!(challenge, Some(r#"Bearer error="insufficient_scope", scope="tickets:read tickets:more""#));
            }
            _ => assert_eq!((challenge, refused.header("retry-after")), (None, Some("5"))),
        }
    }
    assert_eq!(hello("ticket/dora/reader/60").send(server.address).status, 200, "it goes on");
    assert_eq!(fixture.calls("hello").len(), 1);
    // What a verifier panics with may be the token.
    let seen = server.process.stderr() + &fixture.audit_text();
    assert!(!seen.contains("ticket-cursed"), "{seen}");
}

#[test]
fn s27_a_verifier_that_hangs_costs_its_own_request_only() {
    let server = office().serve();
    let address = server.address;
    let slow = thread::spawn(move || hello("ticket-slow").send(address).status);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(hello("ticket/dora/reader/60").send(address).status, 200);
    assert_eq!(slow.join().expect("it ends"), 503);
}

#[test]
fn s06_on_stdio_the_launchers_token_is_the_verifiers_to_judge() {
    for era in [Era::Session, Era::Modern] {
        let mut dora = office().env("DOORMAN_BEARER_TOKEN", "ticket/dora/reader/60").unnamed(era);
        assert_eq!(dora.call("whoami", json!({})).structured()["agent_id"], "dora");
        assert!(!dora.call("get_invoice", json!({"id": "1"})).is_error());
        // A static one is the operator's own, and no verifier sees it.
        let mut bob = office().env("DOORMAN_BEARER_TOKEN", Cast::BOB.token()).unnamed(era);
        assert_eq!(bob.call("whoami", json!({})).structured()["agent_id"], "bob");
    }
    for token in ["ticket-of-nobody", "ticket-lost", "ticket-cursed", "ticket/dora/reader/0"] {
        let (code, said) = office().env("DOORMAN_BEARER_TOKEN", token).refuses();
        assert!(code == 1 && said.contains("DOORMAN_BEARER_TOKEN doesn't verify") && !said.contains(token), "{said}");
    }
}

#[test]
fn s08_the_operators_tokens_are_shown_to_no_verifier() {
    const SHOWN: &str = "was shown to the office";
    let server = office().serve();
    assert_eq!(hello(&Cast::BOB.token()).send(server.address).status, 200);
    assert!(!server.process.stderr().contains(SHOWN));
    assert_eq!(hello("token-of-nobody").send(server.address).status, 401);
    eventually("a look at what isn't his", || server.process.stderr().contains(SHOWN).then_some(()));
    let mut bob = office().env("DOORMAN_BEARER_TOKEN", Cast::BOB.token()).unnamed(Era::Modern);
    assert_eq!(bob.call("whoami", json!({})).structured()["agent_id"], "bob");
    assert!(!bob.process().stderr().contains(SHOWN));
}

#[test]
fn s08_nor_those_that_have_expired_or_were_taken_back() {
    let fixture = office();
    let server = fixture.serve();
    let entry = |cast: Cast, more: &str| {
        format!("  - {{sha256: {}, agent_id: {}, agent_type: {}{more}}}\n", digest(&cast.token()), cast.id, cast.kind)
    };
    let expired = entry(Cast::BOB, ", expires: 2020-01-01T00:00:00Z");
    fixture.private("tokens.yaml", &format!("tokens:\n{}{expired}", entry(Cast::ALICE, "")));
    server.process.reload();
    for token in [Cast::BOB.token(), Cast::ROOT.token()] {
        assert_eq!(hello(&token).send(server.address).status, 401);
    }
    assert_eq!(hello("token-of-nobody").send(server.address).status, 401);
    let said = eventually("a look at what isn't the operator's", || {
        let said = server.process.stderr();
        said.contains("was shown to the office").then_some(said)
    });
    assert_eq!(said.matches("was shown to the office").count(), 1, "{said}");
}

#[test]
fn s26_a_stream_ends_with_the_token_that_opened_it() {
    for era in [Era::Session, Era::Modern] {
        let fixture = Fixture::new();
        let server = fixture.serve();
        let (mut alice, mut bob) = (server.caller(Cast::ALICE, era), server.caller(Cast::BOB, era));
        let (mut ended, mut goes_on) = (alice.listen(&[]), bob.listen(&["memo://noise"]));
        // Another token for the same agent; and bob's is as it was.
        let entry = |token: &str, cast: Cast| {
            format!("  - {{sha256: {}, agent_id: {}, agent_type: {}}}\n", digest(token), cast.id, cast.kind)
        };
        let tokens = entry("another-token-of-alice", Cast::ALICE) + &entry(&Cast::BOB.token(), Cast::BOB);
        fixture.private("tokens.yaml", &format!("tokens:\n{tokens}"));
        server.process.reload();
        let began = Instant::now();
        while ended.event().is_some() {}
        assert!(began.elapsed() < Duration::from_secs(4), "{era:?}: her stream goes on");
        bob.call("touch", json!({"uri": "memo://noise"}));
        assert!(bob.heard(&mut goes_on).contains(&"memo://noise".to_owned()), "{era:?}");
    }
}

#[test]
fn s27_a_verifier_that_takes_its_time_is_asked_for_an_address_so_often_only() {
    let server = office().arg("--trusted-proxy").arg("127.0.0.1/32").serve();
    let from = |token: &str, address: &str| hello(token).header("X-Forwarded-For", address);
    let waiting: Vec<Wire> = (0..40)
        .map(|_| {
            let mut wire = Wire::connect(server.address);
            wire.send(&from("ticket-slow", "203.0.113.7").bytes(server.address)).expect("the server reads");
            wire
        })
        .collect();
    eventually("the bound", || (from("guess", "203.0.113.7").send(server.address).status == 429).then_some(()));
    assert_eq!(from("ticket/dora/reader/60", "198.51.100.7").send(server.address).status, 200);
    drop(waiting);
}

#[test]
fn s27_guesses_hold_up_nobody_whose_token_has_been_good() {
    let server = office().arg("--trusted-proxy").arg("127.0.0.1/32").serve();
    let from = |token: &str| hello(token).header("X-Forwarded-For", "203.0.113.7").send(server.address).status;
    assert_eq!(from("ticket/dora/reader/60"), 200);
    let seen: Vec<u16> = (0..40).map(|guess| from(&format!("guess-{guess}"))).collect();
    assert!(seen[..20].iter().all(|it| *it == 401) && seen.contains(&429), "{seen:?}");
    assert_eq!(from("ticket/emil/reader/60"), 429, "one that nobody has seen yet has to wait");
    assert_eq!(from("ticket/dora/reader/60"), 200);
    assert_eq!(from(&Cast::BOB.token()), 200, "and so has the operator's own");
    let elsewhere = hello("ticket/emil/reader/60").header("X-Forwarded-For", "198.51.100.7");
    assert_eq!(elsewhere.send(server.address).status, 200);
}

#[test]
fn s07_on_stdio_a_verifiers_word_is_asked_for_again() {
    let mut dora = office().env("DOORMAN_BEARER_TOKEN", "ticket/dora/reader/2").unnamed(Era::Modern);
    assert_eq!(dora.call("whoami", json!({})).structured()["agent_id"], "dora");
    thread::sleep(Duration::from_secs(5));
    // This office says the same each time it is asked, for two seconds; between two words there may be a moment.
    let known = (0..10).any(|_| {
        thread::sleep(Duration::from_millis(300));
        dora.call("whoami", json!({})).structured()["agent_id"] == "dora"
    });
    assert!(known, "the verifier stands by its word");
}

#[test]
fn s10_who_has_a_session_is_asked_at_every_request() {
    let fixture = office();
    let server = fixture.serve();
    let mut dora = server.bearing("ticket/dora/reader/60", Era::Session);
    dora.call("hello", json!({}));
    let session = dora.session().expect("a session").to_owned();
    let ping = |token: &str| {
        let body = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
        let request = Request::post(body).header("Mcp-Session-Id", &session).bearer(token);
        request.header("MCP-Protocol-Version", "2025-11-25").send(server.address).status
    };
    assert_eq!(ping("ticket/dora/reader/60"), 200);
    assert_eq!(ping("ticket/dora/reader/0"), 401, "her token has expired");
    assert_eq!(ping("ticket/emil/reader/60"), 404, "another's session isn't there");
    assert_eq!(ping("ticket-lost"), 503);
}

#[test]
fn s01_every_door_serves_the_same_to_a_verified_caller() {
    let listed = |door: Door| match door {
        Door::Http(era) => office().serve().bearing("ticket/dora/reader/60", era).names(),
        Door::Stdio(era) => office().env("DOORMAN_BEARER_TOKEN", "ticket/dora/reader/60").unnamed(era).names(),
    };
    let all: Vec<_> = Door::ALL.into_iter().map(listed).collect();
    assert!(all.iter().all(|names| *names == all[0]) && all[0].contains(&"get_invoice".to_owned()));
}
