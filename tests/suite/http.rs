//! Where an HTTP request says it comes from and goes to, and which routes there are.

mod connections;
mod flood;
mod proxies;
mod ready;
mod tls;

use crate::harness::{Cast, Era, Fixture, Request, Server};

/// A request that is answered if nothing is wrong with its addressing.
fn list() -> Request {
    let meta =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    Request::post(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#))
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/list")
        .bearer(&Cast::ALICE.token())
}

#[test]
fn s10_only_our_own_host_is_answered() {
    let server =
        Fixture::new().arg("--allow-host").arg("mcp.example.com").arg("--allow-host").arg("a.example:81").serve();
    let port = server.address.port();
    let ok = ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "mcp.example.com", "MCP.EXAMPLE.COM"];
    let mut hosts: Vec<(String, u16)> = ok.iter().map(|host| ((*host).to_owned(), 200)).collect();
    hosts.extend(ok.iter().map(|host| (format!("{host}:{port}"), 200)));
    hosts.push(("mcp.example.com:9".to_owned(), 200));
    hosts.push(("a.example:81".to_owned(), 200));
    let no = [
        "evil.example.com",
        "evil.example.com:80",
        "mcp.example.com.evil.org",
        "evil-mcp.example.com",
        "sub.mcp.example.com",
        "a.example",
        "a.example:82",
        "localhost.evil.org",
        "localhost:",
        "localhost:99999",
        "localhost.",
        "127.0.0.1.nip.io",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::]",
        "[::2]",
        "[::ffff:127.0.0.1]",
        "::1",
        "user@localhost",
        "localhost@evil.example.com",
        "evil.example.com@localhost",
        "user:pass@127.0.0.1",
        "localhost, evil.example.com",
        "localhost/evil",
        "localhost evil",
        "",
        "null",
        "*",
    ];
    hosts.extend(no.iter().map(|host| ((*host).to_owned(), 403)));
    for (host, expected) in hosts {
        let answer = list().without_host().header("Host", &host).send(server.address);
        // Hyper itself may refuse what is no host at all.
        let fits = answer.status == expected || (expected == 403 && answer.status == 400);
        assert!(fits, "{host:?}: {answer:?}");
    }
    let two = |a: &str, b: &str| list().without_host().header("Host", a).header("Host", b).send(server.address).status;
    assert!(matches!(two("localhost", "localhost"), 400 | 403));
    assert!(matches!(two("localhost", "evil.example.com"), 400 | 403));
    assert!(matches!(list().without_host().send(server.address).status, 400 | 403));
    let reasons = server.fixture.audit("rejected");
    assert!(reasons.iter().any(|record| record["reason"] == "host"), "{reasons:?}");
}

#[test]
fn s10_an_absolute_target_must_agree_with_the_host() {
    let server = Fixture::new().serve();
    let address = server.address;
    let status =
        |target: &str, host: &str| list().target(target).without_host().header("Host", host).send(address).status;
    assert_eq!(status(&format!("http://{address}/mcp"), &address.to_string()), 200);
    assert_eq!(status("http://localhost/mcp", "localhost"), 200);
    for (target, host) in [
        ("http://evil.example.com/mcp", "localhost"),
        ("http://localhost/mcp", "evil.example.com"),
        ("http://evil.example.com/mcp", "evil.example.com"),
        ("http://localhost/mcp", "127.0.0.1"),
        ("http://localhost:1/mcp", "localhost"),
        ("http://user@localhost/mcp", "localhost"),
    ] {
        let status = status(target, host);
        assert!(matches!(status, 400 | 403), "{target} {host}: {status}");
    }
}

#[test]
fn s10_only_our_own_pages_may_call() {
    let server = Fixture::new().arg("--allow-origin").arg("https://app.example.com").serve();
    let port = server.address.port();
    let own = [
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
        format!("http://[::1]:{port}"),
        format!("HTTP://LOCALHOST:{port}"),
        "https://app.example.com".to_owned(),
        "https://app.example.com:443".to_owned(),
    ];
    for origin in own {
        let answer = list().header("Origin", &origin).send(server.address);
        assert_eq!(answer.status, 200, "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://evil.example.com",
        "https://evil.example.com",
        "http://localhost",
        "http://localhost:1",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.org",
        "https://sub.app.example.com",
        "https://app.example.com/",
        "https://app.example.com@evil.org",
        "https://evil.org#https://app.example.com",
        "https://user@app.example.com",
        "file://",
        "chrome-extension://abc",
        "app.example.com",
        "https://app.example.com, https://evil.org",
    ] {
        let answer = list().header("Origin", origin).send(server.address);
        assert_eq!(answer.status, 403, "{origin}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let two = list().header("Origin", "https://app.example.com").header("Origin", "https://evil.org");
    assert_eq!(two.send(server.address).status, 403);
    // Addressing is settled before anybody is let in, so a page learns nothing of tokens.
    let stranger = Request::post("{}").header("Origin", "http://evil.example.com");
    assert_eq!(stranger.send(server.address).status, 403);
}

#[test]
fn s12_every_route_but_those_of_health_asks_for_a_token() {
    let server = Fixture::new().serve();
    let health = Request::new("GET", "/health").send(server.address);
    assert_eq!((health.status, &*health.body), (200, r#"{"status":"ok"}"#));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        let answer = Request::new(method, "/mcp").send(server.address);
        assert_eq!(answer.status, 401, "{method}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        for path in [
            "/",
            "/mcp/",
            "/mcp/x",
            "/MCP",
            "//mcp",
            "/mcp%2f",
            "/./mcp",
            "/health/../mcp",
            "/metrics",
            "/sse",
            "/.well-known/x",
        ] {
            let answer = Request::new(method, path).send(server.address);
            assert!(matches!(answer.status, 401 | 404), "{method} {path}: {answer:?}");
        }
    }
    for method in ["POST", "DELETE", "PUT"] {
        for path in ["/health", "/ready"] {
            assert_eq!(Request::new(method, path).send(server.address).status, 405, "{method} {path}");
        }
    }
    for method in ["PUT", "PATCH", "OPTIONS", "TRACE"] {
        let answer = Request::new(method, "/mcp").bearer(&Cast::ALICE.token()).send(server.address);
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
    }
}

#[test]
fn beyond_this_machine_tokens_and_tls_are_asked_for() {
    let anywhere = |fixture: Fixture| fixture.arg("--http").arg("0.0.0.0:0").refuses();
    let (code, said) = anywhere(Fixture::bare());
    assert!(code == 1 && said.contains("refusing to serve 0.0.0.0:0") && said.contains("--tokens"), "{said}");
    let (code, said) = anywhere(Fixture::new());
    assert!(code == 1 && said.contains("--behind-tls-proxy"), "{said}");
    let (code, said) = anywhere(Fixture::bare().arg("--behind-tls-proxy"));
    assert!(code == 1 && said.contains("--tokens"), "{said}");
    let (code, said) = anywhere(Fixture::bare().env("FIXTURE_ANONYMOUS", "1").arg("--behind-tls-proxy"));
    assert!(code == 1 && said.contains("--tokens"), "{said}");
    for address in ["[::]:0", "[::ffff:0.0.0.0]:0"] {
        let (code, said) = Fixture::bare().arg("--http").arg(address).refuses();
        assert!(code == 1 && said.contains("refusing to serve"), "{address}: {said}");
    }
}

#[test]
fn an_existing_application_can_mount_it() {
    let fixture = Fixture::bare();
    let manifest = fixture.file("reader.yaml", "agent_type: reader\nscopes: [invoices:read]\n");
    let fixture = fixture
        .env("FIXTURE_MANIFEST", manifest)
        .launched_by(Cast::ALICE)
        .env("DOORMAN_BEARER_TOKEN", "s3cret-bearer")
        .env("FIXTURE_EMBEDDED", "127.0.0.1:0");
    let server: Server = fixture.serve();
    let own = Request::new("GET", "/own").send(server.address);
    assert_eq!((own.status, &*own.body), (200, "the application's own"));
    assert_eq!(Request::post("{}").send(server.address).status, 401);
    for era in [Era::Session, Era::Modern] {
        let mut alice = server.bearing("s3cret-bearer", era);
        let reply = alice.call("get_invoice", serde_json::json!({"id": "INV-1"}));
        assert_eq!(reply.structured()["id"], "INV-1");
        assert_eq!(alice.call("create_invoice", serde_json::json!({})).code(), -32602);
    }
}
