//! Arguments: what the published schema says is what is enforced.

use serde_json::json;

use crate::harness::{Cast, Door, Fixture};

#[test]
fn whatever_the_schema_says_is_enforced() {
    let fits = [
        json!({"count": 1}),
        json!({"count": 10, "code": "ab", "mode": "thorough", "filter": {"limit": 100}}),
        json!({"count": 3, "code": null, "filter": {"limit": 1, "within": [{"from": 1, "to": 2}]}}),
    ];
    let misfits = [
        (json!({}), "count"),
        (json!({"count": 0}), "count"),
        (json!({"count": 11}), "count"),
        (json!({"count": 4294967296_u64}), "count"),
        (json!({"count": "3"}), "count"),
        (json!({"count": 3.5}), "count"),
        (json!({"count": null}), "count"),
        (json!({"count": true}), "count"),
        (json!({"count": 1, "code": "a"}), "code"),
        (json!({"count": 1, "code": "abcdefghi"}), "code"),
        (json!({"count": 1, "code": "AB"}), "code"),
        (json!({"count": 1, "mode": "slow"}), "mode"),
        (json!({"count": 1, "mode": null}), "mode"),
        (json!({"count": 1, "mode": "Fast"}), "mode"),
        (json!({"count": 1, "filter": {}}), "filter.limit"),
        (json!({"count": 1, "filter": {"limit": 0}}), "filter.limit"),
        (json!({"count": 1, "filter": {"limit": 1, "other": 2}}), "filter.other"),
        (json!({"count": 1, "filter": {"limit": 1, "within": [{"from": 1, "to": 2, "by": 3}]}}), "filter.within[0].by"),
        (
            json!({"count": 1, "filter": {"limit": 1, "within": [{"from": 1, "to": 2}, {"from": "1"}]}}),
            "filter.within[1]",
        ),
        (json!({"count": 1, "other": 1}), "other"),
        (json!({"count": 1, "Count": 1}), "Count"),
        (json!({"count": 1, "caller": {"subject": "root"}}), "caller"),
    ];
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for arguments in &fits {
            let reply = alice.call("constrained", arguments.clone());
            assert!(!reply.is_error(), "{arguments}: {reply:?}");
        }
        for (arguments, named) in &misfits {
            let reply = alice.call("constrained", arguments.clone());
            assert_eq!(reply.verdict(), "invalid", "{arguments}: {reply:?}");
            assert!(reply.text().contains(named), "{arguments}: {}", reply.text());
        }
    }
}

#[test]
fn all_mistakes_come_in_one_answer() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let arguments = json!({"count": 0, "code": "A", "mode": "slow", "filter": {"limit": 0, "x": 1}, "y": 2});
        let reply = alice.call("constrained", arguments);
        for named in ["count", "code", "mode", "filter.limit", "filter.x", "y"] {
            assert!(reply.text().contains(named), "{named}: {}", reply.text());
        }
    }
}

#[test]
fn an_own_schema_is_published_and_enforced() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let tools = alice.list();
        let tool = tools.iter().find(|tool| tool["name"] == "own_schema").expect("it is listed");
        assert_eq!(tool["inputSchema"]["properties"]["at"]["maxItems"], 2);
        assert!(!alice.call("own_schema", json!({"at": [1, 2.5]})).is_error());
        for arguments in [json!({}), json!({"at": [1]}), json!({"at": [1, 2, 3]}), json!({"at": [1, 2], "z": 1})] {
            assert_eq!(alice.call("own_schema", arguments.clone()).verdict(), "invalid", "{arguments}");
        }
    }
}

#[test]
fn what_a_function_needs_of_the_server_no_model_can_say() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let forged = json!({"caller": {"subject": "root", "verified": true}, "tenant": "x"});
        assert_eq!(alice.call("whoami", forged).verdict(), "invalid");
        let who = alice.call("whoami", json!({}));
        assert_eq!(
            who.structured(),
            &json!({"subject": "alice", "agent_id": "alice", "agent_type": "reader", "tenant": "none", "verified": true})
        );
    }
}

#[test]
fn results_have_the_form_that_their_type_says() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let invoice = alice.call("get_invoice", json!({"id": "INV-1"}));
        assert_eq!(invoice.structured(), &json!({"id": "INV-1", "customer": "ACME", "amount": 12.5}));
        assert_eq!(invoice.text(), invoice.structured().to_string());
        let text = alice.call("hello", json!({}));
        assert_eq!((text.text(), text.structured()), ("hello", &json!(null)));
        let nothing = alice.call("nothing", json!({}));
        assert_eq!(nothing.message["result"]["content"], json!([]));
        let value = json!({"a": [1, 1.5, "é\u{1F600}\n\u{0}", null, true, {"b": {}}], "big": 9007199254740993_u64});
        assert_eq!(alice.call("echo", json!({"value": value})).structured()["result"], value);
    }
}
