//! Who is told that something has changed: those who asked, and may read it at that moment.

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture, Wire};

#[test]
fn s02_who_may_read_it_is_told_and_nobody_else() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let mut ear = alice.listen(&["memo://counter"]);
        assert_eq!(alice.call("bump", json!({})).text(), r#"{"result":1}"#);
        assert_eq!(alice.heard(&mut ear), ["memo://counter"], "{door:?}: the ledger is nothing to her");
        assert_eq!(alice.read("memo://counter").contents()["text"], "1");
        alice.call("touch", json!({"uri": "memo://noise"}));
        assert!(alice.heard(&mut ear).is_empty(), "{door:?}: she didn't ask");
    }
}

#[test]
fn a_resource_is_told_of_in_the_clients_spelling() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let mut ear = alice.listen(&["pages://%61%20b/7", "pages://a%20b/8", "pages://a%20b/%37"]);
        alice.call("touch", json!({"uri": "pages://a%20b/7"}));
        let mut heard = alice.heard(&mut ear);
        heard.sort_unstable();
        assert_eq!(heard, ["pages://%61%20b/7", "pages://a%20b/%37"], "{door:?}");
        for uri in ["pages://a%20b", "none://x", "", "pages://a b/7\n"] {
            alice.call("touch", json!({ "uri": uri }));
            assert!(alice.heard(&mut ear).is_empty(), "{door:?} {uri:?}");
        }
    }
}

#[test]
fn s02_a_subscription_to_what_is_hidden_hears_nothing() {
    for door in [Door::Stdio(Era::Modern), Door::Http(Era::Modern)] {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        // There is no answer that could tell that it isn't there.
        let mut ear = alice.listen(&["ledger://1", "memo://ledger", "work:///a", "none://x"]);
        for uri in ["ledger://1", "memo://ledger", "work:///a", "none://x"] {
            alice.call("touch", json!({ "uri": uri }));
        }
        alice.call("bump", json!({}));
        assert!(alice.heard(&mut ear).is_empty(), "{door:?}");
    }
}

#[test]
fn s13_an_agents_own_resource_is_told_of_to_that_agent_alone() {
    for era in [Era::Session, Era::Modern] {
        let server = Fixture::new().serve();
        let (mut alice, mut carol) = (server.caller(Cast::ALICE, era), server.caller(Cast::CAROL, era));
        // The same URI, and a file of each one's own.
        let mut ears =
            [alice.listen(&["docs:///a.md", "memo://noise"]), carol.listen(&["docs:///a.md", "memo://noise"])];
        alice.call("touch", json!({"uri": "docs:///a.md"}));
        assert_eq!(alice.heard(&mut ears[0]), ["docs:///a.md"], "{era:?}");
        alice.call("touch", json!({"uri": "memo://noise"}));
        // In the order in which they came: what is hers would be before what is everybody's.
        let heard = (0..500).map(|_| carol.heard(&mut ears[1])).find(|heard| !heard.is_empty());
        assert_eq!(heard.as_deref(), Some(&["memo://noise".to_owned()][..]), "{era:?}");
    }
}

#[test]
fn s26_a_grant_that_is_taken_away_is_nothing_to_hear_of() {
    for door in Door::ALL {
        let fixture = Fixture::bare().tokens(&[Cast::ALICE]).manifest("reader", "[misc:use, admin:all]");
        let server = matches!(door, Door::Http(_)).then(|| fixture.serve());
        let mut alice = match (&server, door) {
            (Some(server), Door::Http(era)) => server.caller(Cast::ALICE, era),
            _ => fixture.caller(door, Cast::ALICE),
        };
        let mut ear = alice.listen(&["ledger://1", "memo://counter"]);
        alice.call("bump", json!({}));
        let mut heard = alice.heard(&mut ear);
        heard.sort_unstable();
        assert_eq!(heard, ["ledger://1", "memo://counter"], "{door:?}");
        fixture.file("reader.yaml", "agent_type: reader\nscopes: [misc:use]\n");
        match &server {
            Some(server) => server.process.reload(),
            None => alice.lines().process.reload(),
        };
        alice.call("bump", json!({}));
        let heard = alice.heard(&mut ear);
        assert!(heard.contains(&"memo://counter".to_owned()), "{door:?}: {heard:?}");
        assert!(!heard.contains(&"ledger://1".to_owned()), "{door:?}: {heard:?}");
        // What she lost were resources, prompts and tools: of that she is told.
        assert!(["prompts", "resources", "tools"].iter().all(|list| heard.iter().any(|it| it == list)), "{heard:?}");
    }
}

#[test]
fn who_unsubscribes_hears_no_more() {
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Session)] {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let mut ear = alice.listen(&["memo://counter", "memo://noise"]);
        for uri in ["memo://counter", "memo://none", "ledger://1"] {
            // There is nothing to learn from it.
            let reply = alice.request("resources/unsubscribe", json!({ "uri": uri }));
            assert_eq!(reply.message["result"], json!({}), "{door:?} {uri}");
        }
        alice.call("bump", json!({}));
        alice.call("touch", json!({"uri": "memo://noise"}));
        assert_eq!(alice.heard(&mut ear), ["memo://noise"], "{door:?}");
    }
}

#[test]
fn subscriptions_are_bounded() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let uris: Vec<String> = (0..256).map(|page| format!("pages://b{page:03}/7")).collect();
        let (Door::Stdio(era) | Door::Http(era)) = door;
        match era {
            Era::Session => {
                let known: Vec<&str> = uris.iter().take(255).map(String::as_str).collect();
                let mut ear = alice.listen(&known);
                let reply = alice.request("resources/subscribe", json!({"uri": uris[255]}));
                assert_eq!(reply.code(), -32600, "{door:?}: {reply:?}");
                // One that is there already isn't one more.
                assert!(!alice.request("resources/subscribe", json!({"uri": uris[0]})).is_error());
                alice.call("touch", json!({"uri": uris[255]}));
                alice.call("touch", json!({"uri": uris[254]}));
                assert_eq!(alice.heard(&mut ear), [uris[254].as_str()], "{door:?}");
            }
            Era::Modern => {
                let mut wanted = vec!["memo://welcome".to_owned()];
                wanted.extend(uris.clone());
                let (mut ear, accepted) = alice.subscribe(&json!({ "resourceSubscriptions": wanted }));
                assert_eq!(accepted["resourceSubscriptions"].as_array().map(Vec::len), Some(256), "{accepted}");
                alice.call("touch", json!({"uri": uris[255]}));
                alice.call("touch", json!({"uri": uris[254]}));
                assert_eq!(alice.heard(&mut ear), [uris[254].as_str()], "{door:?}");
            }
        }
    }
}

#[test]
fn what_a_subscription_may_hold_is_bounded_in_bytes() {
    let long: Vec<String> = (0..16).map(|page| format!("pages://{}{page:02}/7", "b".repeat(8000))).collect();
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let (Door::Stdio(era) | Door::Http(era)) = door;
        match era {
            Era::Session => {
                let known: Vec<&str> = long.iter().take(8).map(String::as_str).collect();
                alice.listen(&known);
                let reply = alice.request("resources/subscribe", json!({"uri": long[8]}));
                assert_eq!(reply.code(), -32600, "{door:?}: {reply:?}");
            }
            Era::Modern => {
                let (_ear, accepted) = alice.subscribe(&json!({ "resourceSubscriptions": &long[..12] }));
                assert_eq!(accepted["resourceSubscriptions"].as_array().map(Vec::len), Some(8), "{door:?}");
                let twice = [&*long, &*long].concat();
                let too_long = json!({ "notifications": { "resourceSubscriptions": twice } });
                let reply = alice.request("subscriptions/listen", too_long);
                assert_eq!(reply.code(), -32602, "{door:?}: {reply:?}");
            }
        }
    }
}

#[test]
fn s02_lists_have_changed_for_those_who_have_such_lists() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let mut ear = alice.listen(&[]);
        alice.call("relist", json!({}));
        assert_eq!(alice.heard(&mut ear), ["tools", "prompts", "resources"], "{door:?}");
        // The same without prompts that she may see.
        let left_out = "greet_somebody,introduce,interview,open_book,stumble";
        let fixture =
            Fixture::bare().tokens(&[Cast::ALICE]).manifest("reader", "[misc:use]").env("FIXTURE_LEFT_OUT", left_out);
        let mut alice = fixture.caller(door, Cast::ALICE);
        let mut ear = alice.listen(&[]);
        alice.call("relist", json!({}));
        assert_eq!(alice.heard(&mut ear), ["tools", "resources"], "{door:?}");
    }
}

#[test]
fn s02_what_is_not_declared_is_not_accepted() {
    let fixture = Fixture::bare()
        .tokens(&[Cast::ALICE])
        .manifest("reader", "[docs:write]")
        .env("FIXTURE_LEFT_OUT", "welcome,greet_somebody");
    for door in [Door::Stdio(Era::Modern), Door::Http(Era::Modern)] {
        let mut alice = fixture.caller(door, Cast::ALICE);
        let wanted = json!({
            "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
            "resourceSubscriptions": ["memo://ledger"],
        });
        let (_, accepted) = alice.subscribe(&wanted);
        assert_eq!(accepted, json!({"toolsListChanged": true}), "{door:?}");
    }
}

#[test]
fn s10_who_is_not_known_leaves_nothing_behind() {
    let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
    let mut stranger = server.stranger(Era::Session);
    assert_eq!(stranger.session(), None);
    for _ in 0..3 {
        let reply = stranger.request("resources/subscribe", json!({"uri": "memo://welcome"}));
        assert_eq!(reply.code(), -32600, "{reply:?}");
    }
    let mut stranger = server.stranger(Era::Modern);
    let wanted = json!({"notifications": {"resourceSubscriptions": ["memo://welcome"]}});
    let message = stranger.message("subscriptions/listen", wanted);
    let mut wire = Wire::connect(server.address);
    let response = wire.exchange(&stranger.http_request(&message).bytes(server.address)).expect("a stream that ends");
    let updates = response.messages().into_iter().filter(|it| it["method"] == "notifications/resources/updated");
    assert_eq!(updates.count(), 0);
    assert!(response.json().get("error").is_some(), "{response:?}");
}

#[test]
fn s10_a_session_hears_of_its_own() {
    let server = Fixture::new().serve();
    for era in [Era::Session, Era::Modern] {
        let (mut alice, mut carol) = (server.caller(Cast::ALICE, era), server.caller(Cast::CAROL, era));
        let (mut hers, mut others) = (alice.listen(&["memo://noise"]), carol.listen(&["memo://counter"]));
        alice.call("bump", json!({}));
        alice.call("touch", json!({"uri": "memo://noise"}));
        assert_eq!(alice.heard(&mut hers), ["memo://noise"], "{era:?}");
        let heard = carol.heard(&mut others);
        assert_eq!(heard.iter().filter(|it| **it != "memo://counter").count(), 0, "{era:?}: {heard:?}");
    }
}
