//! What strangers are told: where to ask for a token, and for what (RFC 9728, RFC 6750), and nothing else (S02, S12).

use serde_json::{Value, json};

use super::{admitted, call, initialize, trusting};
use crate::{
    harness::{Authority, Cast, Fixture, RESOURCE, Request, Server},
    identity::ping,
};

const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
const PLACE: &str = r#"resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#;

fn serving(change: impl FnOnce(&mut Value)) -> Server {
    let mut file = trusting([Authority::shared().entry()]);
    change(&mut file);
    Fixture::new().auth(&file).serve()
}

fn requiring(scopes: Value) -> Server {
    serving(|file| file["required_scopes"] = scopes)
}

#[test]
fn s12_a_challenge_says_where_the_metadata_is_and_what_everybody_needs() {
    let bare = serving(|_| {});
    let listing = serving(|file| file["scopes_supported"] = json!(["mcp", "invoices:read"]));
    let requiring = requiring(json!(["mcp", "misc:use"]));
    for (server, end) in [(&bare, ""), (&listing, ""), (&requiring, r#", scope="mcp misc:use""#)] {
        for request in [ping(), initialize()] {
            let refused = request.send(server.address);
            let challenge = refused.header("www-authenticate");
            assert_eq!((refused.status, challenge), (401, Some(&*format!("Bearer {PLACE}{end}"))));
            let refused = request.bearer("x.y.z").send(server.address);
            let challenge = refused.header("www-authenticate");
            let expected = format!(r#"Bearer error="invalid_token", {PLACE}{end}"#);
            assert_eq!((refused.status, challenge), (401, Some(&*expected)));
        }
    }
    // Static tokens alone have no metadata.
    let refused = ping().send(Fixture::new().serve().address);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn s02_base_scopes_are_asked_of_everybody_and_named() {
    let authority = Authority::shared();
    let server = requiring(json!(["mcp", "misc:use"]));
    let scopes = ["mcp", "misc:use", "mcp:x misc:use", "MCP misc:use", "invoices:read", ""];
    let lacking = scopes.map(|scope| json!({ "scope": scope })).into_iter().chain([json!({"scope": null})]);
    for token in authority.tokens(lacking) {
        for request in [ping(), initialize()] {
            let answer = request.bearer(&token).send(server.address);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert_eq!(answer.status, 403, "{answer:?}");
            assert!(challenge.starts_with(r#"Bearer error="insufficient_scope", "#), "{challenge}");
            assert!(challenge.contains(r#"scope="mcp misc:use""#) && challenge.contains(PLACE), "{challenge}");
            assert!(answer.header("mcp-session-id").is_none() && !format!("{answer:?}").contains(&token));
        }
    }
    assert_eq!(server.fixture.calls("whoami").len(), 0);
    // Who has them is told of no others: what it lacks of a tool's isn't there.
    let token = authority.token(json!({"scope": "misc:use mcp"}));
    admitted(&server, "enough", &token);
    assert_eq!(server.fixture.calls("whoami").len(), 1);
    // Expired or forged, it isn't lacking scopes.
    let tokens = [json!({"scope": "", "expires_in": -3600}), json!({"scope": "", "key": "foreign"})];
    for token in authority.tokens(tokens) {
        assert_eq!(call(&server, &token).status, 401);
    }
}

#[test]
fn s12_the_metadata_is_public_and_holds_only_what_is_listed() {
    let authority = Authority::shared();
    let server = serving(|_| {});
    let answer = Request::new("GET", METADATA).send(server.address);
    let mut metadata = answer.value();
    assert!(answer.header("content-type").is_some_and(|it| it.starts_with("application/json")), "{answer:?}");
    let name = metadata.as_object_mut().expect("an object").remove("resource_name");
    assert!(name.is_some_and(|it| it.is_string()));
    let expected = json!({
        "resource": RESOURCE,
        "authorization_servers": [authority.issuer],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(metadata, expected);

    // Neither what everybody needs nor what tools need is listed unless the operator does.
    let server = serving(|file| file["required_scopes"] = json!(["mcp"]));
    assert_eq!(Request::new("GET", METADATA).send(server.address).value().get("scopes_supported"), None);
    let server = serving(|file| {
        file["required_scopes"] = json!(["mcp"]);
        file["scopes_supported"] = json!(["invoices:read"]);
        file["implies"] = json!({"secret:scope": ["invoices:read"]});
    });
    let metadata = Request::new("GET", METADATA).send(server.address);
    assert_eq!(metadata.value()["scopes_supported"], json!(["invoices:read"]));
    for hidden in ["secret:scope", "invoices:write", "admin", "introspect"] {
        assert!(!metadata.body.contains(hidden), "{metadata:?}");
    }
    // It is the same for everybody, and no reason to look at a token.
    for token in [Cast::ALICE.token(), "wrong".to_owned(), authority.token(json!({"key": "foreign"}))] {
        let again = Request::new("GET", METADATA).bearer(&token).send(server.address);
        assert_eq!((again.status, &again.body), (200, &metadata.body));
    }
}

#[test]
fn s12_no_other_route_is_public() {
    let server = serving(|_| {});
    let root = "/.well-known/oauth-protected-resource";
    let others = [
        &*format!("{root}/mcp/"),
        &format!("{root}/mcp/x"),
        &format!("{root}/other"),
        &format!("{root}/MCP"),
        &format!("{root}//mcp"),
        &format!("/mcp{root}"),
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/",
        "/jwks",
        "/mcp/",
        "/",
    ]
    .map(str::to_owned);
    for target in others {
        let answer = Request::new("GET", &*target).send(server.address);
        assert!(matches!(answer.status, 401 | 404), "{target}: {answer:?}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = Request::new(method, METADATA).send(server.address);
        assert!((400..500).contains(&answer.status), "{method}: {answer:?}");
    }
    // Without --auth there is no such route.
    let without = Request::new("GET", METADATA).send(Fixture::new().serve().address);
    assert!(matches!(without.status, 401 | 404), "{without:?}");
}

/// Where anonymous callers are let in, a bad token still isn't.
#[test]
fn s07_a_bad_token_is_not_the_same_as_none() {
    let authority = Authority::shared();
    let file = trusting([authority.entry()]);
    let server = Fixture::new().auth(&file).env("FIXTURE_ANONYMOUS", "1").serve();
    assert_eq!(ping().send(server.address).status, 200);
    for wrong in [json!({"key": "foreign"}), json!({"expires_in": -3600}), json!({"audience": "https://other.example"})]
    {
        assert_eq!(call(&server, &authority.token(wrong)).status, 401);
    }
    assert_eq!(admitted(&server, "good", &authority.token(json!({})))["verified"], true);
}
