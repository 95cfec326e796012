//! The real Prometheus, scraping.

use std::{net::TcpListener, process::Command};

use serde_json::{Value, json};

use crate::harness::{Cast, Era, Fixture, Process, Request, eventually};

#[test]
fn a_real_scraper_reads_the_metrics_prometheus() {
    let fixture = Fixture::new();
    let token = fixture.private("metrics", "token-of-the-scraper");
    let server = fixture.clone().arg("--metrics-token-file").arg(&token).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    for _ in 0..7 {
        alice.call("hello", json!({}));
    }
    alice.call("get_invoice", json!({"id": 1}));
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n  - job_name: doorman\n    \
         authorization: {{credentials_file: {token}}}\n    static_configs: [{{targets: ['{}']}}]\n",
        server.address
    );
    let config = fixture.file("prometheus.yml", &config);
    let at = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={config}"))
        .arg(format!("--storage.tsdb.path={}", fixture.path("series")))
        .arg(format!("--web.listen-address={at}"));
    let _prometheus = Process::start(command);
    eventually("prometheus", || std::net::TcpStream::connect(at).ok());
    let ask = |query: &str| {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = Request::new("GET", format!("/api/v1/query?query={encoded}")).send(at);
        let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    let calls = eventually("the calls", || ask(r#"sum(doorman_calls_total{doorman_verdict="ok"})"#));
    assert_eq!(calls, "7");
    assert_eq!(ask("up{job=\"doorman\"}").as_deref(), Some("1"));
    assert_eq!(
        ask(r#"sum(doorman_calls_total{doorman_capability="get_invoice",doorman_verdict="invalid"})"#).as_deref(),
        Some("1")
    );
    assert_eq!(ask("sum(mcp_server_operation_duration_seconds_count)").as_deref(), Some("8"));
    let p99 = ask("histogram_quantile(0.99, sum by (le) (mcp_server_operation_duration_seconds_bucket))");
    assert!(p99.is_some_and(|it| it.parse::<f64>().is_ok_and(|it| it > 0.0 && it < 1.0)));
}
