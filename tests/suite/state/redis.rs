//! One `redis-server`, several processes, and what can happen to it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;

use super::{alice, call, limited, passing, passing_at_once, recovers, refuses_for_its_state, serve, server::Redis};
use crate::harness::{Cast, Era, Fixture, Request, eventually};

#[test]
fn s23_two_processes_hold_one_limit_on_one_redis() {
    let redis = Redis::start();
    let servers = [(); 2].map(|()| serve(limited("12/h; 20/h global"), &redis.url()));
    assert_eq!(passing_at_once(&servers), 12);
    assert_eq!(passing(&mut servers[0].caller(Cast::CAROL, Era::Session), 9), 8);
    let keys = redis.say("KEYS *");
    assert!(keys.contains("doorman:{fixture}:") && !keys.contains("alice"), "{keys}");
}

#[test]
fn s23_a_budget_and_a_charge_hold_across_processes_on_one_redis() {
    let redis = Redis::start();
    let budget = || Fixture::new().env("FIXTURE_BUDGET", "100/h; 1000/calendar_month global");
    let [mut one, mut two] = [(); 2].map(|()| alice(&serve(budget(), &redis.url())));
    let reply = one.call("costly", json!({}));
    assert_eq!(reply.message["result"]["_meta"]["doorman/budgetRemaining"], 60, "{reply:?}");
    for _ in 0..3 {
        assert_eq!(two.call("costly", json!({"fail": "x"})).verdict(), "invalid", "given back, for nothing ran");
    }
    assert!(!two.call("metered", json!({"units": 200})).is_error());
    assert_eq!(one.call("hello", json!({})).verdict(), "budget_exceeded");
}

#[test]
fn s24_redis_killed_and_started_again_with_and_without_its_data() {
    let redis = Redis::start();
    let server = serve(limited("5/h"), &redis.url());
    let mut alice = alice(&server);
    assert_eq!(passing(&mut alice, 6), 5);
    assert!(redis.say("SAVE").starts_with("+OK"));
    redis.kill();
    refuses_for_its_state(&server, &mut alice);
    redis.restart(true);
    assert_eq!(recovers(&server, &mut alice), "rate_limited", "the counts are still there");
    redis.kill();
    refuses_for_its_state(&server, &mut alice);
    redis.restart(false);
    assert_eq!(recovers(&server, &mut alice), "ok", "without its data counts begin anew");
    assert!(server.process.status().is_none() && server.process.stderr().contains("the state store answers again"));
}

#[test]
fn s24_redis_stopped_paused_or_asleep_refuses_within_the_stated_time() {
    let redis = Redis::start();
    let server = serve(limited("500/h"), &redis.url());
    let mut alice = alice(&server);
    assert_eq!(passing(&mut alice, 1), 1);
    let slow = |alice: &mut _, how: &str| {
        let (verdict, took) = call(alice);
        assert_eq!(verdict, "error", "{how}");
        assert!((200..450).contains(&took.as_millis()), "{how}: {took:?}");
    };
    redis.signal(Signal::STOP);
    slow(&mut alice, "SIGSTOP");
    refuses_for_its_state(&server, &mut alice);
    redis.signal(Signal::CONT);
    assert_eq!(recovers(&server, &mut alice), "ok");

    let _paused = redis.say("CLIENT PAUSE 1500 ALL");
    slow(&mut alice, "CLIENT PAUSE");
    assert_eq!(recovers(&server, &mut alice), "ok");

    let _asleep = redis.say_and_leave("DEBUG SLEEP 1.5");
    thread::sleep(Duration::from_millis(50));
    slow(&mut alice, "DEBUG SLEEP");
    assert_eq!(recovers(&server, &mut alice), "ok");
}

#[test]
fn s24_redis_whose_memory_is_full_or_forgetful() {
    let redis = Redis::start();
    let server = serve(limited("500/h"), &redis.url());
    let mut alice = alice(&server);
    assert_eq!(passing(&mut alice, 1), 1);
    assert!(redis.say("CONFIG SET maxmemory 1").starts_with("+OK"));
    refuses_for_its_state(&server, &mut alice);
    assert!(redis.say("CONFIG SET maxmemory 0").starts_with("+OK"));
    assert_eq!(recovers(&server, &mut alice), "ok", "also when nobody calls meanwhile");

    // One that drops what is in use when it is full would let exhausted callers start anew.
    assert!(redis.say("CONFIG SET maxmemory 100mb").starts_with("+OK"));
    assert!(redis.say("CONFIG SET maxmemory-policy allkeys-lru").starts_with("+OK"));
    let forgetful = serve(limited("5/h"), &redis.url());
    refuses_for_its_state(&forgetful, &mut super::alice(&forgetful));
    assert!(forgetful.process.stderr().contains("expected noeviction"), "{}", forgetful.process.stderr());
    assert!(redis.say("CONFIG SET maxmemory-policy noeviction").starts_with("+OK"));
    assert_eq!(recovers(&forgetful, &mut super::alice(&forgetful)), "ok");

    // Also one that becomes forgetful while it is used.
    assert!(redis.say("CONFIG SET maxmemory-policy allkeys-lru").starts_with("+OK"));
    let health = || Request::new("GET", "/health").send(forgetful.address).status;
    eventually("the health's word", || (health() == 503).then_some(()));
    refuses_for_its_state(&forgetful, &mut super::alice(&forgetful));
    assert!(redis.say("CONFIG SET maxmemory-policy noeviction").starts_with("+OK"));
    eventually("its word again, though nobody calls", || (health() == 200).then_some(()));
}

#[test]
fn s24_a_wrong_password_refuses_and_the_right_one_is_nowhere_to_be_read() {
    const RIGHT: &str = "open-sesame-4711";
    let redis = Redis::start();
    assert!(redis.say(&format!("CONFIG SET requirepass {RIGHT}")).starts_with("+OK"));
    let wrong = serve(limited("5/h").env("DOORMAN_STATE_PASSWORD", "wrong-sesame-4711"), &redis.url());
    refuses_for_its_state(&wrong, &mut alice(&wrong));
    assert!(wrong.process.stderr().contains("Password authentication failed"), "{}", wrong.process.stderr());
    assert!(!wrong.process.stderr().contains("sesame"), "{}", wrong.process.stderr());

    let fixture = limited("5/h");
    let file = fixture.private("password", &format!("{RIGHT}\n"));
    let by_file = serve(fixture.env("DOORMAN_STATE_PASSWORD_FILE", file), &redis.url());
    assert_eq!(passing(&mut alice(&by_file), 3), 3);
    let by_variable = serve(limited("5/h").env("DOORMAN_STATE_PASSWORD", RIGHT), &redis.url());
    assert_eq!(passing(&mut alice(&by_variable), 3), 2);
    let in_the_url = serve(limited("5/h"), &format!("{}?pass={RIGHT}", redis.url()));
    assert_eq!(passing(&mut alice(&in_the_url), 1), 0);
    let leak = alice(&in_the_url).call("echo_text", json!({"text": format!("it is {RIGHT}")}));
    for text in [in_the_url.process.stderr(), by_file.process.stderr(), leak.everything()] {
        assert!(!text.contains(RIGHT), "{text}");
    }
}

#[test]
fn s24_redis_killed_under_load_lets_nobody_through_and_nothing_hangs() {
    let redis = Redis::start();
    let server = serve(limited("1000000/h"), &redis.url());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (server, ended) = (&server, &ended);
                scope.spawn(move || {
                    let mut alice = alice(server);
                    let mut seen = Vec::new();
                    while !ended.load(Ordering::SeqCst) {
                        let (verdict, took) = call(&mut alice);
                        assert!(took < Duration::from_millis(700), "{verdict} after {took:?}");
                        seen.push(verdict);
                    }
                    seen
                })
            })
            .collect();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(150));
            redis.kill();
            thread::sleep(Duration::from_millis(150));
            redis.restart(false);
        }
        thread::sleep(Duration::from_millis(2_500));
        ended.store(true, Ordering::SeqCst);
        for caller in callers {
            let seen = caller.join().expect("no panic");
            assert!(seen.iter().all(|verdict| matches!(&**verdict, "ok" | "error")), "{seen:?}");
            assert!(seen.iter().any(|verdict| verdict == "error"));
            assert_eq!(seen.last().map(String::as_str), Some("ok"));
        }
    });
}

#[test]
fn s24_a_server_starts_without_its_redis_and_serves_when_it_comes() {
    let redis = Redis::start();
    redis.kill();
    let server = serve(limited("5/h"), &redis.url());
    refuses_for_its_state(&server, &mut alice(&server));
    redis.restart(false);
    assert_eq!(recovers(&server, &mut alice(&server)), "ok");
}
