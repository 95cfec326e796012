//! Lists in pages: together they are the list, and a cursor is good for one caller and one list.

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture};

const LISTS: [&str; 4] = ["tools/list", "resources/list", "resources/templates/list", "prompts/list"];

fn in_pages() -> Fixture {
    Fixture::new().env("FIXTURE_PAGE_SIZE", "3")
}

/// A page, and the cursor of the next one.
fn page(caller: &mut Caller, list: &str, cursor: Option<&str>) -> (Vec<Value>, Option<String>) {
    let params = cursor.map_or(json!({}), |cursor| json!({ "cursor": cursor }));
    let reply = caller.request(list, params);
    assert!(!reply.is_error(), "{list}: {reply:?}");
    let result = &reply.message["result"];
    let items = result.as_object().into_iter().flatten().find_map(|(_, it)| it.as_array());
    (items.expect("a list").clone(), result["nextCursor"].as_str().map(str::to_owned))
}

#[test]
fn all_pages_together_are_the_list() {
    for door in Door::ALL {
        for list in LISTS {
            let whole = Fixture::new().caller(door, Cast::ROOT).listed(list).expect("a list");
            let mut root = in_pages().caller(door, Cast::ROOT);
            let (mut all, mut cursor) = page(&mut root, list, None);
            assert_eq!(all.len(), 3);
            while let Some(next) = cursor {
                assert!(!["memo", "docs"].iter().any(|word| next.contains(word)), "{next} says something");
                let (items, after) = page(&mut root, list, Some(&next));
                assert!((1..=3).contains(&items.len()) && (items.len() == 3 || after.is_none()), "{list}");
                assert_eq!(page(&mut root, list, Some(&next)).0, items, "the same again");
                all.extend(items);
                cursor = after;
            }
            assert_eq!(all, whole, "{door:?} {list}");
        }
    }
}

#[test]
fn s10_a_cursor_is_good_for_one_caller_and_one_list() {
    for era in [Era::Session, Era::Modern] {
        let server = in_pages().serve();
        let (mut alice, mut carol) = (server.caller(Cast::ALICE, era), server.caller(Cast::CAROL, era));
        for list in LISTS {
            let (items, cursor) = page(&mut alice, list, None);
            let cursor = cursor.unwrap_or_else(|| panic!("{list}: {items:?}"));
            let refused = |caller: &mut Caller, list: &str, cursor: &str| {
                let reply = caller.request(list, json!({ "cursor": cursor }));
                assert_eq!(reply.code(), -32602, "{era:?} {list} {cursor}: {reply:?}");
                assert_eq!(reply.said(), "this cursor isn't good for this list");
            };
            refused(&mut carol, list, &cursor);
            for other in LISTS.into_iter().filter(|other| *other != list) {
                refused(&mut alice, other, &cursor);
            }
            let mut tampered = vec![String::new(), "x".to_owned(), cursor[1..].to_owned(), format!("{cursor}A")];
            for at in 0..cursor.len() {
                let mut bytes = cursor.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                tampered.push(String::from_utf8(bytes).expect("ASCII"));
            }
            for tampered in &tampered {
                refused(&mut alice, list, tampered);
            }
            assert_eq!(page(&mut alice, list, Some(&cursor)).0.len().min(1), 1, "the right one still is");
            // Another server's is as good as any text.
            let mut elsewhere = in_pages().caller(Door::Http(era), Cast::ALICE);
            refused(&mut elsewhere, list, &cursor);
        }
    }
}

#[test]
fn s26_a_page_has_what_its_caller_sees_then() {
    let fixture = Fixture::bare().tokens(&[Cast::ALICE]).manifest("reader", "[misc:use, admin:all]");
    let server = fixture.env("FIXTURE_PAGE_SIZE", "3").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let (first, cursor) = page(&mut alice, "resources/list", None);
    assert_eq!(first.len(), 3);
    server.fixture.file("reader.yaml", "agent_type: reader\nscopes: [misc:use]\n");
    server.process.reload();
    let (mut rest, mut cursor) = page(&mut alice, "resources/list", cursor.as_deref());
    while let Some(next) = cursor {
        let (items, after) = page(&mut alice, "resources/list", Some(&next));
        rest.extend(items);
        cursor = after;
    }
    let uris: Vec<&Value> = first.iter().chain(&rest).map(|it| &it["uri"]).collect();
    assert!(
        !uris.iter().any(|uri| **uri == "memo://ledger") && uris.iter().any(|uri| **uri == "memo://welcome"),
        "{uris:?}"
    );
}
