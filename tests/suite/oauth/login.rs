//! Tokens as real grants issue them, and a login by the Python SDK's own OAuth client, from nothing but the server's URL.

use std::{
    net::TcpListener,
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use serde_json::{Value, json};

use super::{admitted, asking, refused, taking};
use crate::harness::{Authority, Fixture, Server, installed};

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}")).to_owned()
}

#[test]
fn tokens_of_both_grants_are_good_signed_and_opaque() {
    let authority = Authority::shared();
    let (signed, opaque) = (taking(authority).serve(), asking(authority, |_| {}).serve());
    for (server, end) in [(&signed, ""), (&opaque, "-opaque")] {
        let token = text(&authority.granted(&format!("service{end}"), "mcp invoices:read"), "access_token");
        let who = admitted(server, "a client for itself", &token);
        assert_eq!(
            (&who["subject"], &who["agent_id"]),
            (&json!(format!("service{end}")), &json!(format!("service{end}")))
        );
        let login = authority.login(json!({"client_id": format!("app{end}"), "scope": "mcp"}));
        let who = admitted(server, "a client for a user", &text(&login, "access_token"));
        assert_eq!((&who["subject"], &who["agent_type"]), (&json!("ada"), &json!("reader")));
    }
}

#[test]
fn s07_what_comes_beside_an_access_token_is_none() {
    let authority = Authority::shared();
    let servers = [taking(authority).serve(), asking(authority, |_| {}).serve()];
    let login = authority.login(json!({"scope": "openid offline_access mcp"}));
    for (what, server) in ["signed", "opaque"].into_iter().zip(&servers) {
        for member in ["id_token", "refresh_token"] {
            refused(server, &format!("{what} {member}"), &text(&login, member));
        }
    }
    admitted(&servers[0], "and it itself", &text(&login, "access_token"));
}

/// A port that nobody has, out of those that the system gives to nobody who doesn't ask for them.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8_000).unwrap_or_default();
    let ports = std::iter::repeat_with(|| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000);
    ports.take(8_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port")
}

/// A fixture at the URL that it says it has.
fn reachable(fixture: Fixture, authority: &Authority, change: impl FnOnce(&mut Value)) -> Server {
    let port = free_port();
    let mut file = json!({"resource": format!("http://127.0.0.1:{port}/mcp"), "issuers": [authority.entry()]});
    change(&mut file);
    fixture.auth(&file).serve_on(port)
}

/// Logs in with the SDK and calls tools; gives what its client saw.
#[track_caller]
fn logs_in(server: &Server, mode: &str, more: &[&str]) -> Value {
    let url = format!("http://{}/mcp", server.address);
    let mut client = Command::new(installed("python-2/bin/python"));
    client.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/external/oauth_client.py")).arg(url).args(["--mode", mode]);
    client.args(["--call", "whoami", "--call", r#"get_invoice={"id": "1"}"#, "--account", "ada"]).args(more);
    let output = client.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{mode}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().rfind(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON in {said}"));
    serde_json::from_str(line).expect("JSON")
}

const DOCUMENT: &str = "https://client.example/doorman.json";

#[test]
fn the_python_sdk_logs_in_end_to_end() {
    let authority = Authority::start();
    authority.register(&json!({"documents": {DOCUMENT: {
        "client_name": "doorman's tests",
        "redirect_uris": ["http://127.0.0.1:8123/callback"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }}}));
    let server =
        reachable(Fixture::new(), &authority, |file| file["scopes_supported"] = json!(["mcp", "invoices:read"]));
    for mode in ["legacy", "2026-07-28"] {
        for more in [&[][..], &["--document", DOCUMENT]] {
            let seen = logs_in(&server, mode, more);
            let who = &seen["calls"]["whoami"]["structured"];
            assert_eq!((&who["subject"], &who["agent_id"]), (&json!("ada"), &json!("ada")), "{seen}");
            assert_eq!(seen["calls"]["get_invoice"]["structured"]["customer"], "ACME", "{seen}");
            assert_eq!(seen["tools"], json!(["get_invoice", "hello", "journal", "touch", "whoami"]), "{seen}");
        }
    }
    assert_eq!(server.fixture.calls("whoami").len(), 4);
}

/// A client asks for what the challenge says that everybody needs, and gets no more.
#[test]
fn s02_the_sdk_asks_for_the_base_scopes_of_the_challenge() {
    let authority = Authority::start();
    let server = reachable(Fixture::new(), &authority, |file| {
        file["required_scopes"] = json!(["mcp"]);
        file["scopes_supported"] = json!(["mcp"]);
    });
    for mode in ["legacy", "2026-07-28"] {
        let seen = logs_in(&server, mode, &[]);
        assert_eq!(seen["challenges"][0]["scope"], "mcp", "{seen}");
        assert_eq!(seen["calls"]["whoami"]["structured"]["subject"], "ada", "{seen}");
        assert_eq!(seen["calls"]["get_invoice"]["code"], -32602, "{seen}");
    }
}

/// A client that calls what it may discover and lacks the scopes of, asks for those, and is let through.
#[test]
fn s02_the_sdk_steps_up_for_what_it_may_discover() {
    let authority = Authority::start();
    let fixture = Fixture::new().env("FIXTURE_DISCOVERABLE", "get_invoice");
    let server = reachable(fixture, &authority, |file| file["required_scopes"] = json!(["mcp"]));
    for mode in ["legacy", "2026-07-28"] {
        let seen = logs_in(&server, mode, &[]);
        assert_eq!(seen["challenges"][0]["scope"], "mcp", "{seen}");
        let (second, third) = (&seen["challenges"][1], seen["challenges"].get(2));
        assert_eq!(
            (&second["error"], &second["scope"]),
            (&json!("insufficient_scope"), &json!("invoices:read")),
            "{seen}"
        );
        assert!(third.is_none(), "{seen}");
        assert_eq!(seen["calls"]["get_invoice"]["structured"]["customer"], "ACME", "{seen}");
    }
}
