//! The file of `--auth` is read again with the others: what it says holds from the next call (S26).

use serde_json::{Value, json};

use super::{admitted, call, refused, status, trusting};
use crate::harness::{Authority, Cast, Era, Fixture, Request, Server};

fn rewritten(server: &Server, file: &Value) -> String {
    server.fixture.private("auth.yaml", &file.to_string());
    server.process.reload()
}

#[test]
fn s26_issuers_come_and_go_without_a_restart() {
    let (one, two) = (Authority::shared(), Authority::start());
    let tokens = [one, &two].map(|it| it.token(json!({"scope": "invoices:read"})));
    let file = |issuers: &[&Authority]| trusting(issuers.iter().map(|it| it.entry()));
    let server = Fixture::new().auth(&file(&[one])).serve();
    let mut ada = server.bearing(&tokens[0], Era::Session);
    admitted(&server, "there", &tokens[0]);
    refused(&server, "not yet there", &tokens[1]);

    assert!(rewritten(&server, &file(&[one, &two])).contains("reloaded"));
    admitted(&server, "there", &tokens[0]);
    admitted(&server, "there by now", &tokens[1]);
    assert!(!ada.call("get_invoice", json!({"id": "1"})).is_error(), "in the session that it had, too");
    let metadata = || Request::new("GET", "/.well-known/oauth-protected-resource/mcp").send(server.address).value();
    assert_eq!(metadata()["authorization_servers"], json!([one.issuer, two.issuer]));

    assert!(rewritten(&server, &file(&[&two])).contains("reloaded"));
    refused(&server, "gone", &tokens[0]);
    let message = ada.message("tools/list", json!({}));
    assert_eq!(ada.exchange(&message).status, 401, "in the session that it had, too");
    admitted(&server, "still there", &tokens[1]);
    admitted(&server, "nobody's business", &Cast::ALICE.token());
    assert_eq!(metadata()["authorization_servers"], json!([two.issuer]));
}

#[test]
fn s26_an_invalid_auth_file_changes_nothing_and_says_why() {
    let authority = Authority::shared();
    let file = trusting([authority.entry()]);
    let server = Fixture::new().auth(&file).serve();
    let token = authority.token(json!({}));
    admitted(&server, "before", &token);
    for broken in
        [json!({}), json!({"resource": "s3cret", "issuers": []}), json!({"surplus": "s3cret"}), json!("s3cret")]
    {
        let said = rewritten(&server, &broken);
        assert!(said.contains("RELOAD REFUSED") && said.contains("auth.yaml"), "{broken}: {said}");
        assert!(!said.contains("s3cret"), "no value is repeated: {said}");
        admitted(&server, "as before", &token);
        refused(&server, "as before", &authority.token(json!({"key": "foreign"})));
    }
    let mut narrower = file;
    narrower["required_scopes"] = json!(["admin"]);
    assert!(rewritten(&server, &narrower).contains("reloaded"));
    let answer = call(&server, &token);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.header("www-authenticate").is_some_and(|it| it.contains(r#"scope="admin""#)), "{answer:?}");
}

/// What is known of an issuer outlives a reload that doesn't change what is said of it.
#[test]
fn s24_s26_a_reload_while_the_issuer_is_down_costs_nobody_anything() {
    let authority = Authority::start();
    let server = Fixture::new().auth(&trusting([authority.entry()])).serve();
    let tokens = authority.tokens([json!({"scope": "invoices:read"}), json!({"sub": "bea"})]);
    admitted(&server, "before", &tokens[0]);
    authority.close();
    server.fixture.file("reader.yaml", "agent_type: reader\nscopes: [misc:use]\n");
    assert!(server.process.reload().contains("reloaded"));
    for token in &tokens {
        assert_eq!(status(&server, token), 200);
    }
    let mut ada = server.bearing(&tokens[0], Era::Modern);
    assert_eq!(ada.call("get_invoice", json!({"id": "1"})).code(), -32602, "and the new policy holds");
}
