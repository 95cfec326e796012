//! Tokens and the secret with which their issuer is asked: where they go, and that they go nowhere else (S08, S17, S18).

use serde_json::json;

use super::{RESOURCE, trusting};
use crate::{
    harness::{Authority, Era, Fixture, INTROSPECTOR, Request, Server},
    identity::ping,
};

/// The parts of a token that would tell it: the whole of it, and of a signed one what it says, and the signature.
fn parts(token: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = token.split('.').filter(|it| it.len() > 20).collect();
    parts.push(token);
    parts
}

#[track_caller]
fn assert_none(what: &str, text: &str, tokens: &[&String]) {
    for part in tokens.iter().flat_map(|token| parts(token)) {
        assert!(!text.contains(part), "{what} holds {part}");
    }
}

/// All that the server says to somebody who bears a token and does everything.
fn said_to(server: &Server, token: &str, good: bool) -> String {
    let mut seen = String::new();
    for request in [ping(), super::initialize()] {
        seen += &format!("{:?}", request.clone().bearer(token).send(server.address));
        seen += &format!("{:?}", request.target(format!("/mcp?access_token={token}")).send(server.address));
    }
    seen += &format!("{:?}", Request::new("GET", "/health").bearer(token).send(server.address));
    let metadata = "/.well-known/oauth-protected-resource/mcp";
    seen += &format!("{:?}", Request::new("GET", metadata).bearer(token).send(server.address));
    for era in [Era::Session, Era::Modern].into_iter().filter(|_| good) {
        let mut caller = server.bearing(token, era);
        for (tool, arguments) in [
            ("whoami", json!({})),
            ("environment", json!({"name": "HTTP_AUTHORIZATION"})),
            ("explode", json!({})),
            ("fail_internal", json!({})),
            ("fail_from_source", json!({})),
            ("no_such_tool", json!({})),
            ("constrained", json!({"count": "x"})),
        ] {
            seen += &caller.call(tool, arguments).everything();
        }
        seen += &caller.greeting().to_string();
        seen += &format!("{:?}", caller.list());
    }
    seen
}

#[test]
fn s08_a_token_is_in_no_outgoing_request_log_record_or_error() {
    let (signing, answering) = (Authority::start(), Authority::start());
    let fixture = Fixture::new();
    let asked = answering.asked(&fixture.private("secret", INTROSPECTOR));
    let ops = fixture.path("ops.jsonl");
    let fixture = fixture
        .auth(&trusting([signing.entry(), asked]))
        .env("DOORMAN_LOG", "trace,rmcp=trace,hyper=trace,hyper_util=trace,reqwest=trace")
        .arg("--ops-log")
        .arg(&ops);
    let scope = "misc:use invoices:read";
    let opaque = |audience: &str| json!({"format": "opaque", "scope": scope, "audience": audience});
    let signed = signing.tokens([
        json!({ "scope": scope }),
        json!({"audience": "https://other.example"}),
        json!({"expires_in": -3600}),
        json!({"key": "foreign"}),
        json!({"issuer": "https://other.example"}),
    ]);
    let asked_about = [
        answering.token(opaque(RESOURCE)),
        answering.token(opaque("https://other.example")),
        // Whose it is can't be seen: it goes to the one that is asked, and not to the one that issued it.
        signing.token(opaque(RESOURCE)),
        "canary-that-is-nobodys-4711".to_owned(),
    ];
    let server = fixture.serve();
    let mut seen = String::new();
    for (token, good) in signed.iter().zip([true, false, false, false, false]) {
        seen += &said_to(&server, token, good);
    }
    for (token, good) in asked_about.iter().zip([true, false, false, false]) {
        seen += &said_to(&server, token, good);
    }
    assert!(seen.contains("\"ada\""), "who is let in is answered: {seen}");

    let all: Vec<&String> = signed.iter().chain(&asked_about).collect();
    assert_none("an answer", &seen, &all);
    assert_none("a record", &fixture.audit_text(), &all);
    let log = server.process.stderr();
    assert!(log.contains("TRACE") || log.contains("trace"), "all is logged that can be");
    assert_none("the log", &log, &all);
    assert_none("the log", &std::fs::read_to_string(&ops).expect("a log"), &all);

    assert_none("what the issuer of signed tokens got", &signing.received(), &all);
    let received = answering.received();
    let signed: Vec<&String> = signed.iter().collect();
    assert_none("what the other issuer got", &received, &signed);
    for token in &asked_about {
        let times = received.matches(&**token).count();
        assert_eq!(times, received.matches(&format!("token={token}&")).count(), "in a form and nowhere else");
        assert!(times > 0, "it was asked about");
    }
    for request in answering.requests() {
        assert_none("an address or a header", &request.to_string(), &all);
    }
    for text in [&seen, &log, &fixture.audit_text(), &signing.received()] {
        assert_no_secret(text);
    }
}

/// The secret in the forms in which it is sent and kept.
#[track_caller]
fn assert_no_secret(text: &str) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for form in [INTROSPECTOR.to_owned(), STANDARD.encode(format!("introspector:{INTROSPECTOR}"))] {
        assert!(!text.contains(&form), "{text}");
    }
}

#[test]
fn s18_the_introspection_secret_is_private_and_never_told() {
    use std::os::unix::fs::PermissionsExt;
    let authority = Authority::shared();
    let with = |mode: u32, name: &str| {
        let fixture = Fixture::new();
        let file = fixture.private("secret", INTROSPECTOR);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("changes the mode");
        let mut entry = authority.asked(&file);
        entry["introspection"]["client_id"] = name.into();
        fixture.auth(&trusting([entry]))
    };
    for mode in [0o644, 0o640, 0o604] {
        let (code, said) = with(mode, "introspector").refuses();
        assert!(code == 1 && said.contains("0600"), "{mode:o}: {said}");
        assert_no_secret(&said);
    }
    // With a secret that the issuer doesn't take there is no answer, and no word of it.
    let token = authority.token(json!({"format": "opaque"}));
    let fixture = with(0o600, "nobody");
    let server = fixture.serve();
    super::unknown(&server, "nobody's secret", &token);
    assert_no_secret(&(server.process.stderr() + &fixture.audit_text()));
    let fixture = Fixture::new().env("ISSUER_SECRET", INTROSPECTOR);
    let mut entry = authority.asked("");
    entry["introspection"] = json!({"client_id": "introspector", "client_secret_env": "ISSUER_SECRET"});
    let fixture = fixture.auth(&trusting([entry]));
    let server = fixture.serve();
    super::admitted(&server, "asked", &token);
    let mut caller = server.bearing(&authority.token(json!({"format": "opaque", "scope": "misc:use"})), Era::Modern);
    assert_no_secret(&caller.call("environment", json!({"name": "ISSUER_SECRET"})).everything());
    assert_no_secret(&(server.process.stderr() + &fixture.audit_text()));
}
