//! Who calls: tokens over HTTP, the launch configuration on stdio, and nobody.

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, Request, SECRET, digest};

/// A request that any caller may make.
pub(crate) fn ping() -> Request {
    Request::post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#)
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "whoami")
}

/// What somebody sees whom nobody vouches for.
const PUBLIC: [&str; 4] = ["hello", "journal", "touch", "whoami"];

#[test]
fn s06_without_a_verified_principal_nothing_scoped_is_there() {
    for era in [Era::Session, Era::Modern] {
        // On stdio without a launch configuration.
        let mut nobody = Fixture::new().unnamed(era);
        assert_eq!(nobody.names(), PUBLIC);
        assert_eq!(nobody.call("whoami", json!({})).structured()["verified"], false);
        assert_eq!(nobody.call("get_invoice", json!({"id": "1"})).code(), -32602);

        // Over HTTP without a token, where the application lets anonymous callers in.
        let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
        let mut nobody = server.stranger(era);
        assert_eq!(nobody.names(), PUBLIC);
        assert_eq!(nobody.call("whoami", json!({})).structured()["verified"], false);
        assert_eq!(nobody.call("get_invoice", json!({"id": "1"})).code(), -32602);

        // Verified, but as no agent.
        let fixture =
            Fixture::bare().manifest("reader", "[invoices:read]").env("DOORMAN_BEARER_TOKEN", "s3cret-bearer");
        let server = fixture.serve();
        let mut bearer = server.bearing("s3cret-bearer", era);
        assert_eq!(bearer.names(), PUBLIC);
        assert_eq!(bearer.call("whoami", json!({})).structured()["verified"], true);
    }
}

#[test]
fn s06_a_token_in_the_environment_makes_its_agent() {
    let fixture = Fixture::bare()
        .manifest("reader", "[invoices:read]")
        .env("DOORMAN_BEARER_TOKEN", "s3cret-bearer")
        .launched_by(Cast::ALICE);
    for era in [Era::Session, Era::Modern] {
        let mut alice = fixture.serve().bearing("s3cret-bearer", era);
        assert_eq!(alice.call("whoami", json!({})).structured()["agent_id"], "alice");
        assert!(!alice.call("get_invoice", json!({"id": "1"})).is_error());
        // On stdio the launcher's token verifies against the file.
        let fixture = Fixture::new().env("DOORMAN_BEARER_TOKEN", Cast::BOB.token());
        assert_eq!(fixture.unnamed(era).call("whoami", json!({})).structured()["agent_id"], "bob");
    }
    let (code, said) = Fixture::new().env("DOORMAN_BEARER_TOKEN", "not-a-token-of-anybody").refuses();
    assert!(code == 1 && said.contains("DOORMAN_BEARER_TOKEN doesn't verify"), "{code} {said}");
    assert!(!said.contains("not-a-token-of-anybody"), "{said}");
}

#[test]
fn s06_no_token_is_401_and_a_bad_one_always_is() {
    let server = Fixture::new().serve();
    let refused = ping().send(server.address);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    let open = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
    assert_eq!(ping().send(open.address).status, 200);
    for address in [server.address, open.address] {
        let refused = ping().bearer("token-of-mallory").send(address);
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
}

#[test]
fn s08_a_token_in_the_query_is_refused() {
    let fixture = Fixture::new();
    let server = fixture.serve();
    let token = Cast::ALICE.token();
    for key in ["access_token", "token", "ACCESS_TOKEN", "access%5Ftoken", "%61ccess_token", "authorization", "bearer"]
    {
        for query in [format!("{key}={token}"), format!("a=b&{key}={token}"), key.to_owned()] {
            for request in [ping(), ping().bearer(&token)] {
                let refused = request.target(format!("/mcp?{query}")).send(server.address);
                assert_eq!(refused.status, 400, "{query}: {refused:?}");
                assert!(!refused.body.contains(&token));
            }
        }
    }
    let other = ping().bearer(&token).target("/mcp?tokens=1&a=token").send(server.address);
    assert_eq!(other.status, 200, "{other:?}");
    assert!(fixture.calls("whoami").len() == 1);
    assert!(!fixture.audit_text().contains(&token) && !server.process.stderr().contains(&token));
}

#[test]
fn s08_the_inbound_token_is_nowhere() {
    for (fixture, token) in [
        (Fixture::new(), Cast::ALICE.token()),
        (
            Fixture::bare()
                .manifest("reader", "[misc:use]")
                .launched_by(Cast::ALICE)
                .env("DOORMAN_LOG", "trace,rmcp=trace,hyper=trace")
                .env("DOORMAN_BEARER_TOKEN", "b3arer/\"of+alice\""),
            "b3arer/\"of+alice\"".to_owned(),
        ),
    ] {
        for era in [Era::Session, Era::Modern] {
            let server = fixture.serve();
            let mut alice = server.bearing(&token, era);
            let mut seen = String::new();
            for (tool, arguments) in [
                ("whoami", json!({})),
                ("environment", json!({"name": "DOORMAN_BEARER_TOKEN"})),
                ("environment", json!({"name": "HTTP_AUTHORIZATION"})),
                ("explode", json!({})),
                ("fail_internal", json!({})),
                ("no_such_tool", json!({})),
                ("constrained", json!({"count": "x"})),
            ] {
                seen += &alice.call(tool, arguments).everything();
            }
            seen += &ping().bearer(&format!("{token}x")).send(server.address).body;
            seen += &server.process.stderr();
            seen += &fixture.audit_text();
            assert!(!seen.contains(&token) && !seen.contains(r#"b3arer/\"of"#), "{seen}");
        }
    }
}

#[test]
fn s09_any_bytes_as_a_token_are_401() {
    let server = Fixture::new().serve();
    let token = Cast::ALICE.token();
    let mut tokens: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        token.as_bytes()[..5].to_vec(),
        format!("{token} ").into_bytes(),
        format!(" {token}").into_bytes(),
        format!("{token},{token}").into_bytes(),
        token.to_uppercase().into_bytes(),
        "t\u{f6}ken-\u{1F600}".as_bytes().to_vec(),
        vec![0xff; 64],
        vec![b'x'; 16_000],
        digest(&token).into_bytes(),
    ];
    tokens.extend((0x21..=0xff_u8).filter(|byte| *byte != 0x7f).map(|byte| vec![byte]));
    for bytes in tokens {
        let trimmed = bytes.trim_ascii_end() == token.as_bytes();
        let refused = ping().header("Authorization", [b"Bearer ", &*bytes].concat()).send(server.address);
        // White space at a header's end isn't part of it (RFC 9110 §5.5).
        assert_eq!(refused.status, if trimmed { 200 } else { 401 }, "{bytes:?}");
    }
    for byte in (0..0x20_u8).filter(|byte| *byte != b'\t').chain([0x7f]) {
        let refused = ping().header("Authorization", [b"Bearer a".to_vec(), vec![byte], b"b".to_vec()].concat());
        let status = refused.send(server.address).status;
        assert!(matches!(status, 400 | 401), "{byte}: {status}");
    }
    for scheme in ["Basic YTpi", "bearer", "Bearer", "Digest x", &format!("Token {token}"), &token] {
        assert_eq!(ping().header("Authorization", scheme).send(server.address).status, 401, "{scheme}");
    }
    let two = ping().bearer(&token).bearer(&token).send(server.address);
    assert_eq!(two.status, 401);
    assert_eq!(ping().header("Authorization", format!("bEARER {token}")).send(server.address).status, 200);
}

#[test]
fn s09_token_files_are_private_exact_and_expire() {
    let entry =
        |token: &str, rest: &str| format!("  - {{sha256: {}, agent_id: a, agent_type: reader{rest}}}\n", digest(token));
    let with = |mode: u32, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let fixture = Fixture::bare().manifest("reader", "[invoices:read]");
        let path = fixture.private("tokens.yaml", text);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changes the mode");
        fixture.arg("--tokens").arg(path)
    };
    let good = format!("tokens:\n{}", entry("one", ""));
    for mode in [0o644, 0o640, 0o604, 0o620, 0o660] {
        let (code, said) = with(mode, &good).refuses();
        assert!(code == 1 && said.contains("mode 0600"), "{mode:o}: {said}");
    }
    for (text, place, expected) in [
        (format!("tokens:\n{}{}", entry("one", ""), entry("one", "")), ":3:", "twice"),
        (good.replace("agent_id: a", "agent_id: ../a"), ":2:", "agent id"),
        (good.replace("agent_id: a, ", ""), ":2:", "`agent_id` is missing"),
        (good.replace("agent_type: reader", &format!("agent_type: reader, token: {SECRET}")), ":2:", "unknown key"),
        (good.replace(&digest("one"), "hunter2"), ":2:", "64 hexadecimal digits"),
        (good.replace("reader}", "reader, expires: hunter2}"), ":2:", "expected a time"),
        ("tokens: []\n".to_owned(), "", "at least one token"),
        (String::new(), "", ""),
        ("tokens: {}\n".to_owned(), ":1:", "expected"),
    ] {
        let (code, said) = with(0o600, &text).refuses();
        assert!(code == 1 && said.contains(place) && said.contains(expected), "{text}: {said}");
        assert!(said.contains("tokens.yaml") && !said.contains("hunter2"), "{said}");
    }
    let expiring = format!(
        "tokens:\n{}{}",
        entry("past", ", expires: 2020-01-01T00:00:00Z"),
        entry("future", ", expires: 2199-01-01T00:00:00Z")
    );
    let server = with(0o600, &expiring).serve();
    assert_eq!(ping().bearer("past").send(server.address).status, 401);
    assert_eq!(ping().bearer("future").send(server.address).status, 200);
    let (code, said) = Fixture::bare().arg("--tokens").arg("/nowhere/tokens.yaml").refuses();
    assert!(code == 1 && said.contains("can't be read"), "{said}");
}

#[test]
fn s03_an_agent_without_a_manifest_has_nothing() {
    for era in [Era::Session, Era::Modern] {
        let mut stray = Fixture::new().caller(Door::Http(era), Cast::STRAY);
        assert_eq!(stray.names(), PUBLIC);
        // Tokens without any manifest at all.
        let fixture = Fixture::bare();
        let tokens = format!("tokens:\n  - {{sha256: {}, agent_id: a, agent_type: reader}}\n", digest("one"));
        let tokens = fixture.private("tokens.yaml", &tokens);
        assert_eq!(fixture.arg("--tokens").arg(tokens).serve().bearing("one", era).names(), PUBLIC);
        assert_eq!(Fixture::bare().caller(Door::Stdio(era), Cast::ROOT).names(), PUBLIC);
    }
}

#[test]
fn development_mode_grants_everything_and_says_so() {
    for era in [Era::Session, Era::Modern] {
        let fixture = Fixture::bare().env("FIXTURE_DEV", "1");
        let server = fixture.serve();
        let mut developer = server.stranger(era);
        assert!(developer.names().contains(&"purge".to_owned()));
        assert!(!developer.call("purge", json!({})).is_error());
        assert!(server.process.stderr().contains("WARNING: development mode"));
        let mut developer = Fixture::bare().env("FIXTURE_DEV", "1").unnamed(era);
        assert!(developer.names().contains(&"purge".to_owned()));
        assert!(developer.lines().process.stderr().contains("WARNING: development mode"));
    }
    let (code, said) = Fixture::bare().env("FIXTURE_DEV", "1").arg("--http").arg("0.0.0.0:0").refuses();
    assert!(code == 1 && said.contains("this machine only"), "{said}");
}
