//! A call that its transport drops, whatever it was waiting for.

use std::{
    fs, io, thread,
    time::{Duration, Instant},
};

use doorman::{
    App,
    audit::{RotatingFile, Sink},
    prelude::*,
};
use serde_json::{Value, json};

/// Sleeps for a minute.
#[expose(read_only, public)]
async fn sleeps() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// Answers at once.
#[expose(read_only, public)]
async fn answers() -> String {
    "done".to_owned()
}

async fn app(sink: impl Sink) -> App {
    Doorman::dev("dropped").tools(tools![sleeps, answers]).audit(sink).start().await.expect("starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_call_that_is_dropped_is_recorded_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let app = app(RotatingFile::open(&log, 1 << 20, 1).expect("opens")).await;
    let call = app.__call("sleeps", json!({}));
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err(), "dropped while it runs");
    assert!(app.__call("answers", json!({})).await);
    app.stop().await;
    let text = fs::read_to_string(log).expect("reads");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ended: Vec<_> = records.iter().map(|it| (it["capability"].as_str(), it["reason"].as_str())).collect();
    assert_eq!(ended, [(Some("sleeps"), Some("dropped")), (Some("answers"), Some("ok"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_an_application_stops_whatever_its_sink_does() {
    /// Takes nothing and never returns.
    struct Hangs;
    impl Sink for Hangs {
        fn write_line(&self, _: &[u8]) -> io::Result<()> {
            loop {
                thread::park();
            }
        }
    }
    let app = app(Hangs).await;
    assert!(!app.__call("answers", json!({})).await, "no record, no reply");
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
