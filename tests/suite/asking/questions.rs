//! What is asked, in both generations and on both transports: whole, redacted, and only of clients that can answer.

use serde_json::{Value, json};

use crate::harness::{Caller, Cast, Door, Era, Fixture, Question, SECRET, able, accept, assert_no_secret, say};

/// Answers whatever the fixture asks.
fn willing(question: &Question) -> Value {
    match question.method.as_str() {
        "elicitation/create" if question.params["mode"] == "url" => json!({"action": "accept"}),
        "elicitation/create" if question.message().starts_with("Really") => accept(json!({"sure": true, "times": 2})),
        "elicitation/create" => accept(json!({"topic": question.message().trim_end_matches('?')})),
        "sampling/createMessage" => say("said"),
        "roots/list" => json!({"roots": [{"uri": "file:///a"}, {"uri": "file:///b", "name": "B"}]}),
        other => panic!("nobody asks {other}"),
    }
}

#[test]
fn one_question_is_asked_and_its_answer_taken() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("confirm", json!({"id": "INV-1"}), willing);
        assert_eq!(reply.text(), "did INV-1 2 times", "{door:?}: {reply:?}");
        let [question] = &asked[..] else { panic!("{door:?}: {asked:?}") };
        assert_eq!((&*question.method, question.message()), ("elicitation/create", "Really INV-1?"));
        let form = &question.params["requestedSchema"];
        assert_eq!(form["type"], "object", "{form}");
        assert_eq!(form["required"], json!(["sure"]), "{form}");
        assert_eq!(form["properties"]["sure"]["type"], "boolean", "{form}");
        assert_eq!(form["properties"]["times"]["minimum"], 1, "{form}");
        assert_eq!(form["properties"]["times"]["maximum"], 3, "{form}");
        if let Door::Stdio(Era::Modern) | Door::Http(Era::Modern) = door {
            assert_eq!(question.id, "confirm", "the name that the function gives");
        }
        let runs = alice.call("journal", json!({})).structured()["confirm"].clone();
        assert_eq!(runs["ended"], 1, "{door:?}: {runs}");
    }
}

#[test]
fn questions_come_one_after_the_other() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("ask_in_turn", json!({}), willing);
        assert_eq!(reply.text(), "First and Second", "{door:?}");
        let messages: Vec<_> = asked.iter().map(Question::message).collect();
        assert_eq!(messages, ["First?", "Second?"], "{door:?}");
        let runs = alice.call("journal", json!({})).structured()["ask_in_turn"].clone();
        let began = if modern(door) { 3 } else { 1 };
        assert_eq!(runs, json!({"began": began, "ended": 1}), "{door:?}: each round begins anew");
    }
}

#[test]
fn questions_of_every_kind_come_at_once() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("ask_at_once", json!({}), willing);
        assert_eq!(reply.text(), "About what; said; file:///a file:///b", "{door:?}");
        let mut methods: Vec<_> = asked.iter().map(|it| it.method.as_str()).collect();
        methods.sort_unstable();
        assert_eq!(methods, ["elicitation/create", "roots/list", "sampling/createMessage"], "{door:?}");
        let sampling = asked.iter().find(|it| it.method == "sampling/createMessage").expect("asked");
        assert_eq!(sampling.params["maxTokens"], 50);
    }
}

#[test]
fn a_prompt_asks_as_well() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse("prompts/get", json!({"name": "interview"}), willing);
        let text = &reply.message["result"]["messages"][0]["content"]["text"];
        assert_eq!(text, "Ask about About what.", "{door:?}: {reply:?}");
        assert_eq!(asked.len(), 1);
    }
}

/// What a client said that it can do, of the fixture's tools one that needs more, and what it needs.
fn lacking() -> Vec<(Value, &'static str, Value)> {
    let form = json!({"elicitation": {"form": {}}});
    vec![
        (json!({}), "confirm", form.clone()),
        (json!({"sampling": {}, "roots": {}}), "confirm", form.clone()),
        (json!({"elicitation": {"url": {}}}), "confirm", form),
        (json!({"elicitation": {}}), "ask_of_contact", json!({"elicitation": {"url": {}}})),
        (json!({"elicitation": {}, "roots": {}}), "ask_at_once", json!({"sampling": {}})),
        (json!({"elicitation": {}, "sampling": {}}), "ask_at_once", json!({"roots": {}})),
    ]
}

#[test]
fn who_cannot_answer_is_not_asked() {
    for door in Door::ALL {
        for (able, tool, needs) in lacking() {
            let mut alice = Fixture::new().able(able.clone()).caller(door, Cast::ALICE);
            let arguments = if tool == "confirm" { json!({"id": "x"}) } else { json!({}) };
            let (reply, asked) = alice.converse_with(tool, arguments, willing);
            let lacks = |it: &Question| match &*it.method {
                "elicitation/create" => {
                    let mode = it.params["mode"].as_str().unwrap_or("form");
                    needs["elicitation"].get(mode).is_some()
                }
                other => needs.get(other.split('/').next().expect("a word")).is_some(),
            };
            assert!(!asked.iter().any(lacks), "{door:?} {needs}: {asked:?}");
            if modern(door) {
                assert_eq!(reply.code(), -32021, "{door:?} {able} {tool}: {reply:?}");
                assert_eq!(reply.message["error"]["data"]["requiredCapabilities"], needs, "{door:?} {tool}");
            } else {
                assert_eq!(reply.message["result"]["isError"], true, "{door:?} {able} {tool}: {reply:?}");
                assert!(reply.text().starts_with("this client doesn't support "), "{}", reply.text());
            }
            let record = alice.fixture().calls(tool).pop().expect("a record");
            assert_eq!((&record["verdict"], &record["reason"]), (&json!("error"), &json!("client")), "{record}");
        }
    }
}

#[test]
fn who_cannot_answer_gets_no_prompt_that_asks() {
    for door in Door::ALL {
        let mut alice = Fixture::new().caller(door, Cast::ALICE);
        let reply = alice.request("prompts/get", json!({"name": "interview"}));
        assert_eq!(reply.code(), -32021, "{door:?}: {reply:?}");
    }
}

#[test]
fn s19_questions_are_redacted() {
    for door in Door::ALL {
        let mut alice = Fixture::new().able(able()).caller(door, Cast::ALICE);
        let (reply, asked) = alice.converse_with("ask_of_contact", json!({}), |question| match &*question.method {
            "sampling/createMessage" => say("yes"),
            _ if question.params["mode"] == "url" => json!({"action": "accept"}),
            _ => accept(json!({"topic": "t"})),
        });
        assert_eq!(reply.text(), "yes «redacted:email»", "{door:?}");
        assert_eq!(asked.len(), 3, "{door:?}: {asked:?}");
        for question in &asked {
            let text = question.params.to_string();
            assert_no_secret(&format!("{door:?}"), &text);
            assert!(!text.contains("ada@example.com") && text.contains("«redacted:email»"), "{door:?}: {text}");
        }
        let page = asked.iter().find(|it| it.params["mode"] == "url").expect("a page");
        let url = page.params["url"].as_str().expect("a URL");
        assert!(url.starts_with("https://example.com/?key=«redacted:"), "{url}");
        let model = asked.iter().find(|it| it.method == "sampling/createMessage").expect("a question to the model");
        assert!(model.params["systemPrompt"].as_str().is_some_and(|it| it.contains("«redacted:email»")), "{model:?}");
        assert_eq!(SECRET.len(), 23, "the fixture's own");
    }
}

fn modern(door: Door) -> bool {
    matches!(door, Door::Stdio(Era::Modern) | Door::Http(Era::Modern))
}

/// A question can't be asked where there is nobody to answer it: a request of the earlier generation without a session.
#[test]
fn who_has_no_session_is_not_asked() {
    let server = Fixture::new().able(able()).env("FIXTURE_STATELESS", "1").serve();
    let mut alice: Caller = server.caller(Cast::ALICE, Era::Session);
    let reply = alice.call("confirm", json!({"id": "x"}));
    assert!(reply.text().starts_with("this client doesn't support "), "{reply:?}");
}
