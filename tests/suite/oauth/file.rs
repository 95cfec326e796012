//! The file of `--auth`: exact, or refused with a line that says where it is wrong, and no value of it (S04).

use crate::harness::{Fixture, INTROSPECTOR};

/// All that such a file can say. `SECRET` stands for the secret's file.
const WHOLE: &str = "\
resource: https://mcp.example/mcp
scopes_supported: [mcp, invoices:read]
required_scopes: [mcp]
implies: {invoices:write: [invoices:read]}
issuers:
  - issuer: https://id.example
    algorithms: [RS256, ES256]
    leeway: 10s
    agent_claims: {id: agent_id, type: agent_type}
    tenant_claim: tenant
  - issuer: http://127.0.0.1:9
    allow_loopback_http: true
    agents: {claim: client_id, table: {svc-1: {agent_id: a1, agent_type: clerk}}}
    introspection:
      client_id: doorman
      client_secret_file: SECRET
      revocation_within: 30s
      audience_by_issuer: false
";

/// A fixture with such a file.
fn with(text: &str) -> Fixture {
    let fixture = Fixture::new();
    let secret = fixture.private("secret", INTROSPECTOR);
    let file = fixture.private("auth.yaml", &text.replace("SECRET", &secret));
    fixture.arg("--auth").arg(file)
}

#[test]
fn all_that_an_auth_file_can_say_is_taken() {
    drop(with(WHOLE).serve());
    let (code, said) = Fixture::new().arg("--auth").arg("/nowhere/auth.yaml").refuses();
    assert!(code == 1 && said.contains("/nowhere/auth.yaml"), "{said}");
}

#[test]
fn s04_what_an_auth_file_says_wrong_is_refused_and_not_repeated() {
    for (from, to) in [
        // What isn't known, at any depth.
        ("resource:", "surplus: hunter2\nresource:"),
        ("    leeway: 10s", "    surplus: hunter2"),
        ("      client_id: doorman", "      client_id: doorman\n      surplus: hunter2"),
        ("{id: agent_id,", "{id: agent_id, surplus: hunter2,"),
        ("{claim: client_id,", "{claim: client_id, surplus: hunter2,"),
        ("{agent_id: a1,", "{agent_id: a1, surplus: hunter2,"),
        // What is said twice, or not at all.
        ("required_scopes:", "scopes_supported: [hunter2]\nrequired_scopes:"),
        ("resource: https://mcp.example/mcp\n", ""),
        ("issuer: http://127.0.0.1:9", "issuer: https://id.example"),
        ("      client_id: doorman\n", ""),
        ("      client_secret_file: SECRET\n", ""),
        ("client_secret_file: SECRET", "client_secret_file: SECRET\n      client_secret_env: HUNTER2"),
        // Addresses.
        ("https://mcp.example/mcp", "hunter2"),
        ("https://mcp.example/mcp", "https://mcp.example/mcp#hunter2"),
        ("https://id.example", "http://id.example/hunter2"),
        ("https://id.example", "https://id.example/?hunter2"),
        ("https://id.example", "https://hunter2@id.example"),
        ("https://id.example", "hunter2"),
        ("    allow_loopback_http: true\n", ""),
        ("http://127.0.0.1:9", "http://10.0.0.1:9"),
        // Values.
        ("[RS256, ES256]", "[HS256]"),
        ("[RS256, ES256]", "[none]"),
        ("[RS256, ES256]", "[hunter2]"),
        ("[RS256, ES256]", "[]"),
        ("leeway: 10s", "leeway: 61s"),
        ("leeway: 10s", "leeway: hunter2"),
        ("leeway: 10s", "leeway: -1s"),
        ("revocation_within: 30s", "revocation_within: 61m"),
        ("required_scopes: [mcp]", "required_scopes: ['hunter2:*']"),
        ("required_scopes: [mcp]", "required_scopes: mcp"),
        ("scopes_supported: [mcp, invoices:read]", "scopes_supported: ['hun ter2']"),
        ("[invoices:read]}", "['*']}"),
        ("agent_id: a1", "agent_id: ../hunter2"),
        ("agent_type: clerk", "agent_type: ''"),
        // Two ways at once.
        ("    tenant_claim: tenant", "    agents: {claim: sub, table: {x: {agent_id: a1, agent_type: clerk}}}"),
        // Two that are asked.
        ("    tenant_claim: tenant", "    introspection: {client_id: c, client_secret_file: SECRET}"),
        // A secret that isn't there.
        ("client_secret_file: SECRET", "client_secret_file: /nowhere/secret"),
        ("client_secret_file: SECRET", "client_secret_env: NO_SUCH_VARIABLE"),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let (code, said) = with(&WHOLE.replacen(from, to, 1)).refuses();
        assert!(code == 1 && said.contains("auth.yaml"), "{to}: {code} {said}");
        assert!(!said.replace(' ', "").contains("hunter2") && !said.contains(INTROSPECTOR), "{to}: {said}");
    }
    for text in
        ["", "{}", "[]", "issuers: []", "resource: https://mcp.example/mcp\nissuers: []\n", "hunter2", "a: &a [*a]"]
    {
        let (code, said) = with(text).refuses();
        assert!(code == 1 && said.contains("auth.yaml") && !said.contains("hunter2"), "{text}: {code} {said}");
    }
}
