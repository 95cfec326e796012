//! Collectors that are down, slow or stuck, and what the environment says of them.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Cast, Collector, Door, Era, Fixture, Manners, eventually, exporting_to};

#[test]
fn s24_a_collector_that_hangs_or_refuses_costs_no_call_anything() {
    for manners in [Manners::Hangs, Manners::Refuses] {
        let collector = Collector::start(manners);
        let fixture = collector.of(Fixture::new()).env("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
        let server = fixture.serve();
        let mut alice = server.caller(Cast::ALICE, Era::Modern);
        eventually("a try", || {
            alice.call("hello", json!({}));
            (collector.requests() > 0).then_some(())
        });
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        for _ in 0..300 {
            let one = Instant::now();
            assert_eq!(alice.call("hello", json!({})).text(), "hello");
            slowest = slowest.max(one.elapsed());
        }
        assert!(slowest < Duration::from_millis(500), "{manners:?}: {slowest:?} {:?}", began.elapsed());
        let told = eventually("a word", || {
            let said = server.process.stderr();
            let told = said.matches("telemetry doesn't reach the OTLP collector").count();
            (told > 0).then_some(told)
        });
        assert_eq!(told, 1, "once a minute");
        // What isn't taken in time is lost.
        let waits = Instant::now();
        while waits.elapsed() < Duration::from_secs(3) {
            alice.call("hello", json!({}));
        }
        // As soon as it takes something again, all is well again, and it is told what was lost.
        collector.behave(Manners::Takes);
        eventually("news of it", || {
            alice.call("hello", json!({}));
            let is =
                |name: &str, what: fn(f64) -> bool| collector.points(name).first().is_some_and(|it| what(it.value));
            let told = is("doorman.telemetry.up", |it| it == 1.0) && is("doorman.telemetry.lost", |it| it > 0.0);
            (told && !collector.spans().is_empty()).then_some(())
        });
        let began = Instant::now();
        collector.behave(Manners::Hangs);
        server.process.terminate();
        assert!(server.process.ended().success());
        assert!(began.elapsed() < Duration::from_secs(9), "the last words have their time: {:?}", began.elapsed());
    }
}

#[test]
fn s24_a_flood_of_spans_is_dropped_and_counted() {
    let collector = Collector::start(Manners::Hangs);
    let fixture = collector.of(Fixture::new()).env("OTEL_EXPORTER_OTLP_TIMEOUT", "30000");
    let metrics = fixture.private("metrics", "token-of-the-scraper");
    let server = fixture.arg("--metrics-token-file").arg(metrics).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    for _ in 0..3_000 {
        alice.call("hello", json!({}));
    }
    let page = super::metrics::scrape(server.address, "token-of-the-scraper").body;
    assert!(super::metrics::value(&page, "doorman_telemetry_lost_total") >= 900.0, "{page}");
    assert!(super::metrics::value(&page, "doorman_telemetry_queue") <= 2048.0, "{page}");
    let before = server.process.memory();
    for _ in 0..3_000 {
        alice.call("hello", json!({}));
    }
    assert!(server.process.memory() < before + (4 << 20), "what waits is bounded");
}

#[test]
fn s24_a_collector_that_isnt_there_keeps_no_server_from_serving() {
    let nowhere = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Modern)] {
        let mut alice = exporting_to(Fixture::new(), nowhere).caller(door, Cast::ALICE);
        for _ in 0..50 {
            assert_eq!(alice.call("hello", json!({})).text(), "hello");
        }
    }
}

#[test]
fn the_last_spans_are_sent_when_the_server_stops() {
    let collector = Collector::start(Manners::Takes);
    let fixture = collector.of(Fixture::new()).env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let server = fixture.env("OTEL_METRIC_EXPORT_INTERVAL", "600000").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    alice.call("hello", json!({}));
    assert_eq!(collector.requests(), 0);
    server.process.terminate();
    assert!(server.process.ended().success());
    assert_eq!(collector.calls(1)[0].name, "tools/call hello");
    assert_eq!(collector.points("doorman.calls").iter().map(|it| it.value).sum::<f64>(), 1.0);
}

#[test]
fn the_environment_says_what_is_exported() {
    for (name, value, spans, metrics) in [
        ("OTEL_SDK_DISABLED", "true", false, false),
        ("OTEL_TRACES_EXPORTER", "none", false, true),
        ("OTEL_METRICS_EXPORTER", "none", true, false),
        ("OTEL_TRACES_SAMPLER", "always_off", false, true),
        ("OTEL_SERVICE_NAME", "billing-eu", true, true),
    ] {
        let collector = Collector::start(Manners::Takes);
        let server = collector.of(Fixture::new()).env(name, value).serve();
        server.caller(Cast::ALICE, Era::Modern).call("hello", json!({}));
        server.process.terminate();
        assert!(server.process.ended().success());
        assert_eq!(!collector.spans().is_empty(), spans, "{name}");
        assert_eq!(!collector.points("doorman.calls").is_empty(), metrics, "{name}");
        if name == "OTEL_SERVICE_NAME" {
            assert_eq!(collector.spans()[0].resource["service.name"], "billing-eu");
        }
    }
}

#[test]
fn what_cant_be_done_as_the_environment_says_is_an_error_at_the_start() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:pw4711@127.0.0.1:1"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ] {
        let fixture = Fixture::new().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").env(name, value);
        let (code, said) = fixture.launched_by(Cast::ALICE).refuses();
        assert!(code == 1 && said.contains(name) && !said.contains("pw4711"), "{said}");
    }
}

#[test]
fn s28_an_application_that_embeds_it_exports_nothing_unless_it_says_so() {
    let collector = Collector::start(Manners::Takes);
    let fixture = embedded(collector.of(Fixture::bare()));
    let server = fixture.serve();
    let mut bob = server.stranger(Era::Modern);
    for _ in 0..5 {
        assert_eq!(bob.call("hello", json!({})).text(), "hello");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(collector.requests(), 0);
    // Metrics, if it says so; spans are its subscriber's.
    let server = fixture.env("FIXTURE_OTLP", "1").serve();
    server.stranger(Era::Modern).call("hello", json!({}));
    eventually("metrics", || collector.points("doorman.calls").first().cloned());
    assert!(collector.spans().is_empty());
}

fn embedded(fixture: Fixture) -> Fixture {
    fixture.env("FIXTURE_ANONYMOUS", "1").env("FIXTURE_EMBEDDED", "127.0.0.1:0")
}
