//! What a token may do is what it says and what its agent's manifest grants, both (S06), and what it lacks isn't there (S02).

use serde_json::{Value, json};

use super::{admitted, call, refused, trusting};
use crate::harness::{Authority, Cast, Era, Fixture, Server};

/// The names of all tools that a bearer is shown and that somebody without scopes is not.
#[track_caller]
fn scoped(server: &Server, token: &str, era: Era) -> Vec<String> {
    let public = ["hello", "journal", "touch", "whoami"];
    let names = server.bearing(token, era).names();
    names.into_iter().filter(|it| !public.contains(&&**it)).collect()
}

#[test]
fn s06_a_caller_has_the_scopes_of_token_and_manifest_both() {
    let authority = Authority::shared();
    let mut file = trusting([authority.entry()]);
    file["implies"] = json!({"invoices:write": ["invoices:read"], "everything": ["invoices:write", "admin:all"]});
    let server = Fixture::new().auth(&file).serve();
    // The manifests: readers have no `invoices:write`, writers no `admin:all`.
    for (kind, scope, expected) in [
        ("reader", json!("mcp"), &[][..]),
        ("reader", json!(null), &[]),
        ("reader", json!(""), &[]),
        ("reader", json!("invoices:read"), &["get_invoice"]),
        ("reader", json!("invoices:write"), &["get_invoice"]),
        ("reader", json!("everything"), &["get_invoice"]),
        ("reader", json!("invoices"), &[]),
        ("reader", json!("invoices:*"), &[]),
        ("reader", json!("*"), &[]),
        ("reader", json!("INVOICES:READ"), &[]),
        ("reader", json!("invoices:read,misc:use"), &[]),
        ("writer", json!("invoices:write"), &["create_invoice", "get_invoice", "refund", "shred"]),
        ("writer", json!("everything"), &["create_invoice", "get_invoice", "refund", "shred"]),
        (
            "admin",
            json!("invoices:write admin:all"),
            &["create_invoice", "get_invoice", "purge", "refund", "shred", "wipe"],
        ),
        ("admin", json!("everything"), &["create_invoice", "get_invoice", "purge", "refund", "shred", "wipe"]),
        ("unheard-of", json!("everything"), &[]),
    ] {
        let token = authority.token(json!({"agent_type": kind, "scope": scope}));
        for era in [Era::Session, Era::Modern] {
            // A tool that is only there as a task isn't listed for who knows no tasks.
            let shown: Vec<_> = scoped(&server, &token, era).into_iter().filter(|it| it != "shred").collect();
            let expected: Vec<_> = expected.iter().copied().filter(|it| *it != "shred").collect();
            assert_eq!(shown, expected, "{kind} {scope} {era:?}");
        }
    }
    // A static token has no scopes of its own: its agent's manifest decides alone.
    assert!(scoped(&server, &Cast::ALICE.token(), Era::Modern).contains(&"get_invoice".to_owned()));
}

/// What a token's scopes or its agent's manifest don't grant is answered as what doesn't exist.
#[test]
fn s02_what_the_token_does_not_cover_does_not_exist() {
    let authority = Authority::shared();
    let server = Fixture::new().auth(&trusting([authority.entry()])).serve();
    let narrow = authority.token(json!({"scope": "mcp misc:use"}));
    for era in [Era::Session, Era::Modern] {
        let mut caller = server.bearing(&narrow, era);
        assert!(!caller.call("slow", json!({"ms": 0})).is_error());
        let foreign = caller.told("7", "tools/call", json!({"name": "get_invoice", "arguments": {"id": "1"}}));
        let absent = caller.told("7", "tools/call", json!({"name": "got_invoice", "arguments": {"id": "1"}}));
        let told = |(head, message): (String, Value)| head + &message.to_string();
        let (foreign, absent) = (told(foreign), told(absent));
        assert_eq!(foreign.replace("get_invoice", "got_invoice"), absent, "{era:?}");
        assert!(foreign.starts_with("200") && !foreign.contains("invoices:read"), "{foreign}");
    }
}

#[test]
fn s06_agents_come_from_where_the_operator_says() {
    let authority = Authority::shared();
    let root = json!({"agent_id": "root", "agent_type": "admin", "scope": "invoices:read"});
    let with = |change: fn(&mut Value)| {
        let mut entry = authority.entry();
        change(&mut entry);
        Fixture::new().auth(&trusting([entry])).serve()
    };
    let claims = with(|entry| entry["agent_claims"] = json!({"id": "acting_as", "type": "acting_kind"}));
    let mut named = root.clone();
    named["claims"] = json!({"acting_as": "ada", "acting_kind": "reader"});
    assert_eq!(admitted(&claims, "named", &authority.token(named))["agent_id"], "ada");
    let nobody = admitted(&claims, "the usual claims say nothing then", &authority.token(root.clone()));
    assert_eq!((&nobody["agent_id"], &nobody["verified"]), (&json!(null), &json!(true)));

    let table = with(|entry| {
        let agents = json!({"service": {"agent_id": "a1", "agent_type": "reader"}});
        entry["agents"] = json!({"claim": "client_id", "table": agents});
    });
    let found = admitted(&table, "in the table", &authority.token(root.clone()));
    assert_eq!((&found["agent_id"], &found["agent_type"]), (&json!("a1"), &json!("reader")));
    let mut other = root;
    other["client_id"] = "app".into();
    let nobody = authority.token(other);
    assert_eq!(admitted(&table, "not in the table", &nobody)["agent_id"], json!(null));
    assert_eq!(scoped(&table, &nobody, Era::Modern), [""; 0]);
    let mut nobody = table.bearing(&nobody, Era::Modern);
    assert_eq!(nobody.call("get_invoice", json!({"id": "1"})).code(), -32602);
}

#[test]
fn a_tenant_is_named_where_the_operator_asks_for_one() {
    let authority = Authority::shared();
    let mut entry = authority.entry();
    let tokens = authority.tokens([json!({}), json!({"tenant": null}), json!({"tenant": 7}), json!({"tenant": ""})]);
    let without = Fixture::new().auth(&trusting([entry.clone()])).serve();
    assert_eq!(admitted(&without, "nobody asked", &tokens[0])["tenant"], "none");
    admitted(&without, "nobody asked", &tokens[1]);
    entry["tenant_claim"] = "tenant".into();
    let server = Fixture::new().auth(&trusting([entry])).serve();
    assert_eq!(admitted(&server, "named", &tokens[0])["tenant"], "acme");
    for token in &tokens[1..] {
        refused(&server, "of no tenant", token);
    }
}

/// Beside what it lacks, a token that verifies says nothing about the server: it answers as to anybody.
#[test]
fn s06_scopes_are_of_each_token_not_of_its_bearer() {
    let authority = Authority::shared();
    let server = Fixture::new().auth(&trusting([authority.entry()])).serve();
    let tokens = authority.tokens([json!({"scope": "invoices:read"}), json!({"scope": "mcp"})]);
    let mut caller = server.bearing(&tokens[0], Era::Session);
    assert!(!caller.call("get_invoice", json!({"id": "1"})).is_error());
    caller.bears(&tokens[1]);
    assert_eq!(caller.call("get_invoice", json!({"id": "1"})).code(), -32602, "the session gives no scopes");
    caller.bears(&tokens[0]);
    assert!(!caller.call("get_invoice", json!({"id": "1"})).is_error());
    assert_eq!(call(&server, &tokens[1]).status, 200);
}
