//! Operators' keys: processes that share them go on with each other's calls, which still come to their end once.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Cast, Era, Fixture, Server, able, accept, going_on};

const ONE: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const TWO: &str = "abababababababababababababababababababababababababababababababab";

fn id() -> Value {
    json!({"id": "INV-1"})
}

fn sure() -> Value {
    json!({"confirm": accept(json!({"sure": true}))})
}

/// A server of the fixture's, with these keys.
fn with_keys(fixture: &Fixture, name: &str, keys: &str) -> Server {
    let path = fixture.private(name, keys);
    let state = fixture.path("state");
    fixture.clone().arg("--input-keys").arg(path).arg("--state").arg(format!("file:{state}")).serve()
}

/// Each server's audit log is its own: two processes can't share one.
fn fixtures() -> (Fixture, Fixture) {
    let fixture = Fixture::new().able(able());
    let other = fixture.clone().audit_log(&fixture.path("other.jsonl"));
    (fixture, other)
}

#[test]
fn s25_processes_that_share_keys_end_a_call_once() {
    let (here, there) = fixtures();
    let (one, two) = (with_keys(&here, "keys", ONE), with_keys(&there, "keys", ONE));
    let mut callers = [one.caller(Cast::ALICE, Era::Modern), two.caller(Cast::ALICE, Era::Modern)];
    for turn in 0..4 {
        let (begins, ends) = (turn % 2, (turn + 1) % 2);
        let first = callers[begins].call("confirm", id());
        let wrong = callers[ends].go_on("confirm", id(), &first.state(), json!({}));
        assert_eq!(wrong.questions().len(), 1, "{wrong:?}");
        let done = callers[begins].go_on("confirm", id(), &wrong.state(), sure());
        assert_eq!(done.text(), "did INV-1 1 times", "{done:?}");
        for caller in &mut callers {
            for state in [first.state(), wrong.state()] {
                assert_eq!(caller.go_on("confirm", id(), &state, sure()).code(), -32602);
            }
        }
    }
    let ended: u64 = callers
        .iter_mut()
        .filter_map(|it| it.call("journal", json!({})).structured()["confirm"]["ended"].as_u64())
        .sum();
    assert_eq!(ended, 4);
}

#[test]
fn s25_of_64_at_once_in_two_processes_one_comes_to_the_end() {
    let (here, there) = fixtures();
    let servers = [with_keys(&here, "keys", ONE), with_keys(&there, "keys", ONE)];
    let mut alice = servers[0].caller(Cast::ALICE, Era::Modern);
    let state = alice.call("confirm", id()).state();
    let message = alice.message("tools/call", going_on("confirm", id(), &state, sure()));
    let request = alice.http_request(&message);
    let answers: Vec<Value> = thread::scope(|scope| {
        let sending = (0..64).map(|number| {
            let (request, server) = (&request, &servers[number % 2]);
            scope.spawn(move || request.send(server.address).json())
        });
        sending.collect::<Vec<_>>().into_iter().map(|it| it.join().expect("no panic")).collect()
    });
    let done = answers.iter().filter(|it| it["result"]["content"][0]["text"] == "did INV-1 1 times").count();
    assert_eq!(done, 1, "{answers:?}");
}

/// Whether a call has come to its end can't be looked up: then it doesn't go on.
#[test]
fn s24_without_its_store_no_call_goes_on() {
    let fixture = Fixture::new().able(able());
    let server = with_keys(&fixture, "keys", ONE);
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let first = alice.call("confirm", id());
    std::fs::write(fixture.path("state"), "damaged").expect("written");
    let refused = alice.go_on("confirm", id(), &first.state(), sure());
    assert_eq!(refused.verdict(), "error", "{refused:?}");
    let record = fixture.calls("confirm").pop().expect("a record");
    assert_eq!((&record["reason"], record["call"].is_string()), (&json!("state"), true), "{record}");
    assert_eq!(alice.call("journal", json!({})).structured()["confirm"], json!({"began": 1, "ended": 0}));
}

#[test]
fn s25_a_call_goes_on_after_a_restart_and_does_not_end_again() {
    let fixture = Fixture::new().able(able());
    let before = with_keys(&fixture, "keys", ONE);
    let mut alice = before.caller(Cast::ALICE, Era::Modern);
    let (ended, open) = (alice.call("confirm", id()).state(), alice.call("confirm", id()).state());
    assert!(!alice.go_on("confirm", id(), &ended, sure()).is_error());
    before.process.terminate();
    before.process.ended();
    let after = with_keys(&fixture, "keys", ONE);
    let mut alice = after.caller(Cast::ALICE, Era::Modern);
    assert_eq!(alice.go_on("confirm", id(), &ended, sure()).code(), -32602);
    assert_eq!(alice.go_on("confirm", id(), &open, sure()).text(), "did INV-1 1 times");
}

#[test]
fn keys_rotate_without_a_call_being_lost() {
    let (here, there) = fixtures();
    let (old, both) = (with_keys(&here, "old", ONE), with_keys(&there, "both", &format!("{TWO}\n{ONE}\n")));
    let (mut before, mut after) = (old.caller(Cast::ALICE, Era::Modern), both.caller(Cast::ALICE, Era::Modern));
    let state = before.call("confirm", id()).state();
    assert_eq!(after.go_on("confirm", id(), &state, sure()).text(), "did INV-1 1 times", "an old key still opens");
    let state = after.call("confirm", id()).state();
    assert_eq!(before.go_on("confirm", id(), &state, sure()).code(), -32602, "the new one seals");
}

#[test]
fn s10_processes_with_other_keys_do_not_know_each_others_states() {
    let (here, there) = fixtures();
    let (one, two) = (with_keys(&here, "one", ONE), with_keys(&there, "two", TWO));
    let (mut alice, mut there) = (one.caller(Cast::ALICE, Era::Modern), two.caller(Cast::ALICE, Era::Modern));
    let state = alice.call("confirm", id()).state();
    assert_eq!(there.go_on("confirm", id(), &state, sure()).code(), -32602);
}

#[test]
fn s17_a_mistake_in_a_key_file_is_told_without_a_key() {
    let wrong = ONE.replacen('0', "g", 1);
    for (text, mode, expected) in [
        (format!("# keys\n{wrong}\n"), 0o600, "keys:2: expected a key of 64 hexadecimal digits"),
        (format!("{ONE}\n{}\n", &TWO[1..]), 0o600, "keys:2: expected a key of 64 hexadecimal digits"),
        (format!("{ONE}\n\n{ONE}\n"), 0o600, "keys:3: expected each key once"),
        (format!("{ONE}\n"), 0o644, "keys: expected a file that only its owner may read (mode 0600)"),
        ("# none\n".to_owned(), 0o600, "keys: expected 1 to 4 keys"),
    ] {
        let fixture = Fixture::new();
        let path = fixture.private("keys", &text);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("ours");
        let (code, said) = fixture.arg("--input-keys").arg(path).refuses();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
        for key in [&ONE[..16], &TWO[..16], &wrong[..16]] {
            assert!(!said.contains(key), "{said}");
        }
    }
    let fixture = Fixture::new();
    let path = fixture.path("none");
    let (code, said) = fixture.arg("--input-keys").arg(path).refuses();
    assert!(code == 1 && said.contains("none"), "{said}");
}

#[test]
fn s25_keys_without_a_state_that_is_kept_are_refused() {
    let fixture = Fixture::new();
    let path = fixture.private("keys", &format!("{ONE}\n"));
    let (code, said) = fixture.arg("--input-keys").arg(path).refuses();
    assert!(code == 1 && said.contains("input keys need a state that is kept"), "{said}");
}
