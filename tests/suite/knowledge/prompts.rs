//! Prompts: texts come in as arguments, and messages go out.

use serde_json::json;

use crate::harness::{Cast, Door, Fixture};

#[test]
fn prompts_are_listed_with_their_arguments() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let listed = alice.listed("prompts/list").expect("prompts");
        let remind = listed.iter().find(|it| it["name"] == "remind").expect("listed");
        assert_eq!(
            *remind,
            json!({
                "name": "remind", "title": "Reminder", "description": "Writes a reminder.",
                "arguments": [
                    {"name": "id", "description": "The invoice's number.", "required": true},
                    {"name": "tone", "required": true},
                    {"name": "days", "required": false},
                ],
            })
        );
    }
}

#[test]
fn arguments_are_texts_that_types_are_made_of() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let remind = alice.prompt("remind", json!({"id": "INV-1", "tone": "kind"})).message["result"].clone();
        assert_eq!(remind["description"], "Writes a reminder.");
        assert_eq!(
            remind["messages"],
            json!([
                {"role": "user", "content": {"type": "text", "text": "Remind kindly of INV-1 in 7 days."}},
                {"role": "assistant", "content": {"type": "text", "text": "Of course."}},
            ]),
            "{door:?}"
        );
        let remind = alice.prompt("remind", json!({"id": "1", "tone": "firm", "days": "30"}));
        assert!(remind.everything().contains("Remind firmly of 1 in 30 days."), "{door:?}: {remind:?}");
        for (arguments, text) in [(json!({}), "Greet everybody."), (json!({"name": "7"}), "Greet 7.")] {
            assert!(alice.prompt("greet_somebody", arguments).everything().contains(text));
        }
        // None at all is none.
        let greet = alice.request("prompts/get", json!({"name": "greet_somebody"}));
        assert!(greet.everything().contains("Greet everybody."), "{door:?}: {greet:?}");
    }
}

#[test]
fn all_mistakes_are_told_and_no_value() {
    for door in Door::ALL {
        let fixture = Fixture::new();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let reply =
            alice.prompt("remind", json!({"tone": "canary-loud", "days": "canary-seven", "more": "canary-more"}));
        assert_eq!((reply.code(), reply.verdict()), (-32602, "invalid"), "{door:?}: {reply:?}");
        for name in ["id: missing", "tone: ", "days: ", "more: no such argument"] {
            assert!(reply.said().contains(name), "{door:?}: {name} in {reply:?}");
        }
        assert!(!reply.everything().contains("canary"), "{reply:?}");
        for days in ["07", "7.0", "7e0", "+7", "-1", " 7", "7 ", "", "0x7", "4294967296", "null", "\"7\""] {
            let reply = alice.prompt("remind", json!({"id": "1", "tone": "kind", "days": days}));
            assert_eq!((reply.code(), reply.verdict()), (-32602, "invalid"), "{door:?} {days:?}: {reply:?}");
            assert!(reply.said().contains(": days: "), "{}", reply.said());
        }
        for (id, tone) in [("", "kind"), ("12345678901234567", "kind"), ("1", "Kind"), ("1", ""), ("1", "kind ")] {
            let reply = alice.prompt("remind", json!({"id": id, "tone": tone}));
            assert_eq!(reply.verdict(), "invalid", "{door:?} {id:?} {tone:?}: {reply:?}");
        }
        assert!(fixture.calls("remind").iter().all(|it| it["verdict"] == "invalid" && it["reason"] == "arguments"));
    }
}

#[test]
fn a_message_may_hold_a_resource() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let introduce = alice.prompt("introduce", json!({}));
        let content = &introduce.message["result"]["messages"][1]["content"];
        assert_eq!((&content["type"], &content["resource"]["uri"]), (&json!("resource"), &json!("memo://contact")));
        let text = content["resource"]["text"].as_str().expect("a text");
        assert!(text.starts_with("«redacted:email»"), "{door:?}: {text}");
    }
}
