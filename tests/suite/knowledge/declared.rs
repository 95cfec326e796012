//! A feature of which a caller sees nothing isn't declared to it, and its methods are no methods.

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Era, Fixture, completing};

/// What asks for something of these features.
fn requests() -> Vec<(&'static str, Value)> {
    vec![
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "close_books"})),
        ("prompts/get", json!({"name": 7})),
        ("resources/list", json!({})),
        ("resources/list", json!({"cursor": "x"})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "memo://ledger"})),
        ("resources/read", json!({"uri": 7})),
        ("resources/subscribe", json!({"uri": "memo://ledger"})),
        ("resources/unsubscribe", json!({"uri": "memo://ledger"})),
        ("completion/complete", completing("close_books", "year", "2")),
        ("completion/complete", completing("ledger://{page}", "page", "1")),
        ("completion/complete", json!({"ref": "x"})),
    ]
}

/// The fixture for one who sees tools only: without what is public, and without all the rest, too.
fn fixtures() -> [Fixture; 2] {
    let left_out: Vec<&str> = super::KNOWN.iter().map(|it| it.function()).filter(|it| !it.is_empty()).collect();
    ["welcome,greet_somebody".to_owned(), left_out.join(",")].map(|left_out| {
        Fixture::bare().tokens(&[Cast::ALICE]).manifest("reader", "[docs:write]").env("FIXTURE_LEFT_OUT", left_out)
    })
}

#[test]
fn s02_what_is_hidden_is_not_declared() {
    for door in Door::ALL {
        let answers = fixtures().map(|fixture| {
            let mut alice = fixture.caller(door, Cast::ALICE);
            let greeting = alice.greeting();
            for feature in ["prompts", "resources", "completions"] {
                assert!(greeting["capabilities"].get(feature).is_none(), "{door:?}: {greeting}");
            }
            let mut answers = vec![(String::new(), greeting)];
            for (method, params) in requests() {
                let (head, message) = alice.told("x", method, params);
                assert_eq!(message["error"]["code"], -32601, "{door:?} {method}: {message}");
                answers.push((head.replace(alice.session().unwrap_or("no session"), "SESSION"), message));
            }
            answers
        });
        assert_eq!(answers[0], answers[1], "{door:?}");
    }
}

#[test]
fn what_is_seen_is_declared() {
    for door in Door::ALL {
        let capabilities = Fixture::new().caller(door, Cast::ALICE).greeting()["capabilities"].clone();
        assert_eq!(capabilities["resources"], json!({"subscribe": true, "listChanged": true}), "{door:?}");
        assert_eq!(capabilities["prompts"], json!({"listChanged": true}), "{door:?}");
        assert_eq!(capabilities["completions"], json!({}), "{door:?}");
    }
}

#[test]
fn unknown_methods_and_params_that_do_not_fit() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for (method, params) in [
            ("prompts/get", json!({"name": 7})),
            ("resources/read", json!({"uri": 7})),
            ("completion/complete", json!({"ref": "x"})),
            ("completion/complete", json!({"ref": {"type": "ref/tool", "name": "x"}, "argument": {}})),
        ] {
            assert_eq!(alice.request(method, params.clone()).code(), -32602, "{door:?} {method} {params}");
        }
        assert_eq!(alice.request("resources/none", json!({})).code(), -32601);
        if matches!(door, Door::Stdio(Era::Modern) | Door::Http(Era::Modern)) {
            // 2026-07-28 has `subscriptions/listen` instead.
            let reply = alice.request("resources/subscribe", json!({"uri": "memo://welcome"}));
            assert_eq!(reply.code(), -32601, "{door:?}: {reply:?}");
        }
    }
}
