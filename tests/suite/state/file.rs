//! One file, several processes.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Command},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{alice, call, limited, passing, passing_at_once, recovers, refuses_for_its_state, serve};
use crate::harness::{Cast, Era, Fixture, eventually};

fn store(fixture: &Fixture) -> (String, String) {
    let path = fixture.path("limits");
    (format!("file:{path}"), path)
}

/// A process that holds the file's lock until it is killed.
fn holder(path: &str) -> Child {
    let child = Command::new("flock").args(["-x", "-F", path, "sleep", "600"]).spawn().expect("flock of util-linux");
    eventually("the lock", || {
        let free = Command::new("flock").args(["-x", "-n", path, "true"]).status().expect("flock").success();
        (!free).then_some(())
    });
    child
}

#[test]
fn s23_two_processes_hold_one_limit_on_one_file() {
    let here = limited("12/h; 20/h global");
    let (store, path) = store(&here);
    let servers = [serve(here, &store), serve(limited("12/h; 20/h global"), &store)];
    assert_eq!(passing_at_once(&servers), 12);
    let mut carol = servers[0].caller(Cast::CAROL, Era::Session);
    assert_eq!(passing(&mut carol, 9), 8, "what alice was refused took nothing from what all share");
    // A new process goes on with the same counts.
    let third = serve(limited("12/h; 20/h global"), &store);
    assert_eq!(passing(&mut third.caller(Cast::BOB, Era::Modern), 3), 0);
    assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn s23_a_budget_and_a_charge_hold_across_processes() {
    let here = Fixture::new().env("FIXTURE_BUDGET", "100/h");
    let (store, _) = store(&here);
    let servers = [serve(here, &store), serve(Fixture::new().env("FIXTURE_BUDGET", "100/h"), &store)];
    let [mut one, mut two] = servers.each_ref().map(alice);
    let reply = one.call("costly", json!({}));
    assert_eq!(reply.message["result"]["_meta"]["doorman/budgetRemaining"], 60, "{reply:?}");
    assert!(!two.call("metered", json!({"units": 200})).is_error(), "what it charges is told when it is done");
    assert_eq!(one.call("hello", json!({})).verdict(), "budget_exceeded");
}

#[test]
fn s24_a_lock_held_by_another_refuses_and_its_kill_frees_it() {
    let here = limited("5/h");
    let (store, path) = store(&here);
    let server = serve(here, &store);
    let mut alice = alice(&server);
    assert_eq!(passing(&mut alice, 2), 2);
    let mut holder = holder(&path);
    let (verdict, took) = call(&mut alice);
    assert_eq!(verdict, "error");
    assert!((240..600).contains(&took.as_millis()), "{took:?}");
    refuses_for_its_state(&server, &mut alice);
    holder.kill().expect("SIGKILL");
    holder.wait().expect("a child of ours");
    assert_eq!(recovers(&server, &mut alice), "ok");
    assert_eq!(passing(&mut alice, 5), 2, "what was refused took nothing");
    assert!(server.process.stderr().contains("the state store answers again"));
}

#[test]
fn s24_servers_killed_under_load_leave_a_file_that_holds() {
    let here = limited("300/h");
    let (store, _) = store(&here);
    let survivor = serve(here, &store);
    let passed = AtomicUsize::new(0);
    for _ in 0..4 {
        let victim = serve(limited("300/h"), &store);
        thread::scope(|scope| {
            for n in 0..4 {
                let (passed, server) = (&passed, if n % 2 == 0 { victim.clone() } else { survivor.clone() });
                scope.spawn(move || {
                    // Whoever calls the victim may get no answer at all.
                    let caught = std::panic::catch_unwind(|| {
                        let mut alice = alice(&server);
                        for _ in 0..20 {
                            if call(&mut alice).0 == "ok" {
                                passed.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    });
                    assert!(caught.is_ok() || n % 2 == 0, "the survivor answers");
                });
            }
            thread::sleep(Duration::from_millis(15));
            victim.process.kill();
        });
    }
    let mut alice = alice(&survivor);
    let rest = passing(&mut alice, 301);
    let passed = passed.into_inner() + rest;
    assert!((200..=300).contains(&passed), "{passed}");
}

#[test]
fn s24_a_file_that_isnt_one_of_ours_stops_the_start_and_stays_as_it_is() {
    let fixture = limited("5/h").launched_by(Cast::ALICE);
    let path = fixture.private("limits", "somebody's notes\n");
    let (code, said) = fixture.clone().arg("--state").arg(format!("file:{path}")).refuses();
    assert_eq!(code, 1);
    assert!(said.contains("can't be opened") && said.contains(&path), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("there"), "somebody's notes\n");
    let path = fixture.file("public", "");
    let (_, said) = fixture.arg("--state").arg(format!("file:{path}")).refuses();
    assert!(said.contains("0600"), "{said}");
}
