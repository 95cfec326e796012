//! What completes an argument: for those who may know of what it belongs to, and nothing that would be masked.

use serde_json::json;

use crate::harness::{Cast, Door, Fixture, completing};

#[test]
fn arguments_are_completed() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut root = fixture.caller(door, Cast::ROOT);
        for (of, argument, typed, values) in [
            // Among texts.
            ("close_books", "year", "", &["2025", "2026"][..]),
            ("close_books", "year", "2026", &["2026"]),
            ("ledger://{page}", "page", "2", &["2"]),
            // By an enum.
            ("remind", "tone", "", &["kind", "firm"]),
            ("remind", "tone", "FI", &["firm"]),
            // By a function, without the one that would be masked, and with what it knows of who asks.
            ("remind", "id", "", &["INV-1", "INV-2", "INV-10", "root"]),
            ("invoice://{id}", "id", "INV-1", &["INV-1", "INV-10"]),
            ("invoice://{id}", "id", "ada", &[]),
            // What nothing completes, and what there isn't.
            ("remind", "days", "7", &[]),
            ("remind", "none", "7", &[]),
            ("greet_somebody", "name", "a", &[]),
        ] {
            let reply = root.complete(of, argument, typed);
            assert_eq!(reply.values(), values, "{door:?} {of} {argument} {typed}");
            let completion = &reply.message["result"]["completion"];
            assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(values.len()), &json!(false)));
        }
        assert!(!fixture.calls("remind").is_empty());
        let records = fixture.audit("call");
        assert!(records.iter().all(|it| it["method"] == "completion/complete" && it["verdict"] == "ok"), "{records:?}");
    }
}

#[test]
fn other_arguments_are_known() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        assert!(alice.complete("open_book", "page", "").values().is_empty());
        let mut params = completing("open_book", "page", "4");
        params["context"] = json!({"arguments": {"book": "the other", "none": "x"}});
        assert_eq!(alice.request("completion/complete", params).values(), ["41 of the other"], "{door:?}");
    }
}

#[test]
fn at_most_a_hundred_values_are_sent() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for (typed, sent, total) in [("", 100, 250), ("book-1", 100, 100), ("book-24", 10, 10), ("x", 0, 0)] {
            let reply = alice.complete("open_book", "book", typed);
            assert_eq!(reply.values().len(), sent, "{door:?} {typed}");
            let completion = &reply.message["result"]["completion"];
            assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(total), &json!(total > sent)));
        }
    }
}

#[test]
fn s02_who_may_not_know_of_it_completes_nothing() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        for (of, argument) in [("close_books", "year"), ("ledger://{page}", "page"), ("memo://welcome", "x")] {
            let reply = alice.complete(of, argument, "");
            assert_eq!(reply.code(), -32602, "{door:?} {of}");
            assert!(reply.said().starts_with("Unknown "), "{reply:?}");
        }
    }
}
