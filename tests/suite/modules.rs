//! Modules: what was started is stopped, and what a configuration says is checked.

use serde_json::json;

use crate::harness::{Cast, Door, Era, Fixture};

#[test]
fn modules_start_in_order_and_stop_in_reverse() {
    let fixture = Fixture::new();
    let log = fixture.path("lifecycle");
    let mut bob = fixture.env("FIXTURE_LIFECYCLE", &log).caller(Door::Stdio(Era::Session), Cast::BOB);
    bob.call("hello", json!({}));
    let lines = bob.lines();
    lines.close();
    assert_eq!(lines.process.ended().code(), Some(0));
    let happened = std::fs::read_to_string(&log).expect("the module wrote it");
    assert_eq!(happened, "started docs\nstarted work\nstopped work\nstopped docs\n");
}

#[test]
fn what_was_started_is_stopped_when_a_later_one_fails() {
    let fixture = Fixture::new();
    let log = fixture.path("lifecycle");
    let (code, said) = fixture.clone().env("FIXTURE_LIFECYCLE", &log).env("FIXTURE_BROKEN", "late").refuses();
    assert!(code == 1 && said.contains("the module `late` can't start"), "{said}");
    let happened = std::fs::read_to_string(&log).expect("the module wrote it");
    assert_eq!(happened, "started docs\nstarted work\nbroken late\nstopped work\nstopped docs\n");
}

#[test]
fn a_signal_stops_modules_too() {
    for http in [false, true] {
        let fixture = Fixture::new();
        let log = fixture.path("lifecycle");
        let fixture = fixture.env("FIXTURE_LIFECYCLE", &log);
        if http {
            let server = fixture.serve();
            server.process.terminate();
            assert_eq!(server.process.ended().code(), Some(0));
        } else {
            let mut bob = fixture.caller(Door::Stdio(Era::Session), Cast::BOB);
            bob.lines().process.terminate();
            assert_eq!(bob.lines().process.ended().code(), Some(0));
        }
        let happened = std::fs::read_to_string(&log).expect("the module wrote it");
        assert!(happened.ends_with("stopped work\nstopped docs\n"), "{happened}");
    }
}

#[test]
fn no_module_starts_for_a_process_that_may_not_serve() {
    let fixture = Fixture::new();
    let log = fixture.path("lifecycle");
    for refused in [
        fixture.clone().env("AGENT_ID", "alice"),
        fixture.clone().arg("--http").arg("0.0.0.0:0"),
        fixture.clone().env("FIXTURE_TWICE", "1"),
    ] {
        assert_eq!(refused.env("FIXTURE_LIFECYCLE", &log).refuses().0, 1);
        assert!(!std::path::Path::new(&log).exists());
    }
}
