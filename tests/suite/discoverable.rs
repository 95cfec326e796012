//! Capabilities that an operator lets callers know of whose tokens don't open them (S02).

use serde_json::{Value, json};

use crate::harness::{Caller, Door, Era, Fixture};

/// Whoever calls bears a ticket; its manifest grants more than its token says.
fn office() -> Fixture {
    let fixture = Fixture::bare().env("FIXTURE_TICKETS", "1").env("DOORMAN_LOG", "trace");
    fixture.manifest_of(
        "clerk",
        "scopes: [invoices:read, invoices:write, misc:use]\ndiscoverable: [refund, interview, 'create_*', counter, page]\n",
    )
}

const TICKET: &str = "ticket/dora/clerk/60/invoices:read";

fn caller(fixture: &Fixture, door: Door, token: &str) -> Caller {
    match door {
        Door::Http(era) => fixture.serve().bearing(token, era),
        Door::Stdio(era) => fixture.clone().env("DOORMAN_BEARER_TOKEN", token).unnamed(era),
    }
}

/// The answer to a call of a tool as HTTP gives it.
fn refused(caller: &mut Caller, tool: &str) -> (u16, Option<String>) {
    let message = caller.message("tools/call", json!({"name": tool, "arguments": {"id": "1"}}));
    let answer = caller.exchange(&message);
    (answer.status, answer.header("www-authenticate").map(str::to_owned))
}

#[test]
fn s02_what_is_discoverable_is_listed_and_a_call_says_its_scopes() {
    for door in Door::ALL {
        let fixture = office();
        let mut dora = caller(&fixture, door, TICKET);
        let names = dora.names();
        for (name, listed) in
            [("get_invoice", true), ("refund", true), ("create_invoice", true), ("purge", false), ("echo", false)]
        {
            assert_eq!(names.iter().any(|it| it == name), listed, "{door:?} {name}: {names:?}");
        }
        let calls = fixture.calls("refund").len();
        match door {
            Door::Http(_) => {
                let challenge = r#"Bearer error="insufficient_scope", scope="invoices:write""#.to_owned();
                assert_eq!(refused(&mut dora, "refund"), (403, Some(challenge)), "{door:?}");
            }
            Door::Stdio(_) => {
                let reply = dora.call("refund", json!({"id": "1"}));
                assert!(reply.is_error() && reply.verdict() == "denied", "{door:?}: {reply:?}");
                assert_eq!(reply.message["result"]["_meta"]["doorman/scopes"], json!(["invoices:write"]));
                assert!(reply.text().contains("invoices:write"), "{reply:?}");
            }
        }
        // One record, as of any other call, and the function hasn't run.
        let records = fixture.calls("refund");
        assert_eq!(records.len(), calls + 1, "{door:?}: {records:?}");
        let of = |field: &str| records[0][field].as_str().unwrap_or_default().to_owned();
        assert_eq!((of("verdict"), of("reason")), ("denied".to_owned(), "insufficient_scope".to_owned()));
        assert_eq!(records[0]["scopes_required"], json!(["invoices:write"]));
        // Of others nothing is said.
        assert_eq!(dora.call("purge", json!({"id": "1"})).code(), -32602, "{door:?}");
        assert_eq!(dora.call("echo", json!({"value": 1})).code(), -32602, "{door:?}: granted, and not discoverable");
        assert!(!dora.call("get_invoice", json!({"id": "1"})).is_error(), "{door:?}");
    }
}

#[test]
fn s02_resources_and_prompts_are_discoverable_alike() {
    for door in Door::ALL {
        let fixture = office();
        let mut dora = caller(&fixture, door, TICKET);
        let names = |caller: &mut Caller, method: &str, field: &str| -> Vec<String> {
            let all = caller.listed(method).unwrap_or_default();
            all.iter().map(|it| it[field].as_str().unwrap_or_default().to_owned()).collect()
        };
        let prompts = names(&mut dora, "prompts/list", "name");
        assert!(prompts.contains(&"interview".to_owned()) && !prompts.contains(&"introduce".to_owned()), "{prompts:?}");
        assert_eq!(names(&mut dora, "resources/list", "uri"), ["memo://counter", "memo://welcome"], "{door:?}");
        let templates = names(&mut dora, "resources/templates/list", "uriTemplate");
        assert_eq!(templates, ["invoice://{id}", "pages://{book}/{number}"], "{door:?}");
        for (method, params) in [
            ("prompts/get", json!({"name": "interview"})),
            ("resources/read", json!({"uri": "memo://counter"})),
            ("resources/read", json!({"uri": "pages://a/1"})),
        ] {
            match door {
                Door::Http(_) => {
                    let message = dora.message(method, params.clone());
                    let answer = dora.exchange(&message);
                    let challenge = answer.header("www-authenticate").unwrap_or_default();
                    assert_eq!(answer.status, 403, "{door:?} {params}: {answer:?}");
                    assert!(challenge.contains(r#"scope="misc:use""#), "{challenge}");
                }
                Door::Stdio(_) => {
                    let reply = dora.request(method, params.clone());
                    assert_eq!(reply.message["error"]["data"]["doorman/scopes"], json!(["misc:use"]), "{reply:?}");
                }
            }
        }
        // What isn't discoverable isn't there.
        assert_eq!(dora.read("memo://noise").code(), dora.read("memo://none").code(), "{door:?}");
        assert_eq!(dora.prompt("introduce", json!({})).code(), -32602, "{door:?}");
    }
}

#[test]
fn s02_a_token_with_the_scopes_opens_it() {
    for door in Door::ALL {
        let mut dora = caller(&office(), door, "ticket/dora/clerk/60/invoices:read+invoices:write");
        assert!(!dora.call("refund", json!({"id": "1"})).is_error(), "{door:?}");
    }
}

#[test]
fn s02_what_the_manifest_doesnt_grant_is_not_discoverable() {
    // To ask for such a scope would help nobody.
    for door in Door::ALL {
        let mut dora = caller(&office(), door, "ticket/dora/clerk/60/misc:use");
        let names = dora.names();
        assert!(names.contains(&"refund".to_owned()) && !names.contains(&"purge".to_owned()), "{door:?}: {names:?}");
        let mut stray = caller(&office(), door, "ticket/dora/unheard-of/60/invoices:read");
        assert!(!stray.names().contains(&"refund".to_owned()), "{door:?}");
        assert_eq!(stray.call("refund", json!({"id": "1"})).code(), -32602);
    }
}

#[test]
fn s02_strangers_discover_nothing() {
    let fixture = office().env("FIXTURE_ANONYMOUS", "1");
    for era in [Era::Session, Era::Modern] {
        let mut stranger = fixture.serve().stranger(era);
        assert!(!stranger.names().contains(&"refund".to_owned()));
        let (status, challenge) = refused(&mut stranger, "refund");
        assert_eq!((status, challenge), (200, None), "an error as for what isn't there");
    }
}

#[test]
fn s02_an_application_may_say_so_without_manifests() {
    let fixture = Fixture::bare().env("FIXTURE_TICKETS", "1").env("FIXTURE_DISCOVERABLE", "purge,refund");
    let mut dora = fixture.serve().bearing("ticket/dora/clerk/60/invoices:read", Era::Modern);
    let names = dora.names();
    assert!(names.contains(&"purge".to_owned()) && !names.contains(&"create_invoice".to_owned()), "{names:?}");
    assert_eq!(refused(&mut dora, "purge").0, 403);
    assert_eq!(refused(&mut dora, "create_invoice").0, 200);
    let nobody = Fixture::bare().env("FIXTURE_TICKETS", "1").env("FIXTURE_DISCOVERABLE", "purge,refund");
    let mut nobody = nobody.unnamed(Era::Modern);
    assert!(!nobody.names().contains(&"purge".to_owned()), "verified callers only");
    assert_eq!(nobody.call("purge", json!({})).code(), -32602);
    let (code, said) = Fixture::bare().env("FIXTURE_DISCOVERABLE", "no_such_thing").refuses();
    assert!(code == 1 && said.contains("discoverable: nothing is named `no_such_thing`"), "{said}");
}

#[test]
fn s04_a_name_that_names_nothing_is_a_mistake() {
    let fixture = Fixture::bare().manifest_of("clerk", "scopes: [invoices:read]\ndiscoverable: [get_invoice, purge]\n");
    let (code, said) = fixture.refuses();
    assert!(code == 1 && said.contains("clerk.yaml:3:29: nothing that this manifest grants has such a name"), "{said}");
}

#[test]
fn s23_a_refused_attempt_counts() {
    let fixture = office().env("FIXTURE_RATE", "3/min per_caller");
    let server = fixture.serve();
    let mut dora = server.bearing(TICKET, Era::Modern);
    let seen: Vec<u16> = (0..5).map(|_| refused(&mut dora, "refund").0).collect();
    assert_eq!(seen, [403, 403, 403, 429, 429]);
    let verdicts: Vec<Value> = fixture.calls("refund").into_iter().map(|mut it| it["verdict"].take()).collect();
    assert_eq!(verdicts, ["denied", "denied", "denied", "rate_limited", "rate_limited"]);
}
