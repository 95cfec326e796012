//! Metrics as Prometheus is shown them: to whom, which, and how many.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::{
    Cast, Collector, Era, Fixture, Manners, Request, Response, SECRET, Server, assert_no_secret, eventually,
};

const TOKEN: &str = "token-of-the-scraper";

/// A fixture that shows its metrics to whoever bears the token.
fn shown(fixture: Fixture) -> Fixture {
    let file = fixture.private("metrics", &format!("{TOKEN}\n"));
    fixture.arg("--metrics-token-file").arg(file)
}

pub(super) fn scrape(address: SocketAddr, token: &str) -> Response {
    Request::new("GET", "/metrics").bearer(token).send(address)
}

fn page(server: &Server) -> String {
    let page = scrape(server.address, TOKEN);
    assert_eq!(page.status, 200, "{page:?}");
    page.body
}

/// The sum of a metric's series whose labels have all of these.
fn sum(page: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |line: &str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
    let lines = page.lines().filter(|line| line.starts_with(name) && has(line));
    let lines = lines.filter(|line| line[name.len()..].starts_with(['{', ' ']));
    lines.map(|line| line.rsplit(' ').next().and_then(|it| it.parse::<f64>().ok()).expect("a number")).sum()
}

pub(super) fn value(page: &str, name: &str) -> f64 {
    assert!(page.contains(name), "{name} isn't in {page}");
    sum(page, name, &[])
}

/// How many series there are.
fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count()
}

#[test]
fn s12_metrics_are_for_whoever_bears_their_token() {
    let fixture = shown(Fixture::new());
    let server = fixture.serve();
    let answer = |request: Request| request.send(server.address).status;
    let get = || Request::new("GET", "/metrics");
    assert_eq!(answer(get()), 401);
    assert_eq!(answer(get().bearer("another-token-of-16")), 401);
    assert_eq!(answer(get().bearer(&Cast::ROOT.token())), 401, "a caller's token opens nothing here");
    assert_eq!(answer(get().header("Authorization", format!("Basic {TOKEN}"))), 401);
    assert_eq!(answer(Request::new("GET", format!("/metrics?token={TOKEN}"))), 400);
    assert_eq!(answer(get().bearer(TOKEN).without_host().header("Host", "evil.example")), 403, "DNS rebinding");
    assert_eq!(answer(get().bearer(TOKEN).header("Origin", "https://evil.example")), 403);
    assert_eq!(answer(Request::new("POST", "/metrics").bearer(TOKEN)), 405);
    let page = scrape(server.address, TOKEN);
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    // Theirs opens nothing else.
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let message = alice.message("tools/list", json!({}));
    let other = alice.http_request(&message);
    assert_eq!(other.send(server.address).status, 200);
    alice.bears(TOKEN);
    assert_eq!(alice.http_request(&message).send(server.address).status, 401);
    let refused = page_of_rejected(&server);
    assert!(refused >= 3.0, "refusals are counted: {refused}");
}

fn page_of_rejected(server: &Server) -> f64 {
    sum(&page(server), "doorman_rejected_total", &[("doorman_reason", "bad_token"), ("doorman_transport", "http")])
}

#[test]
fn s12_metrics_without_a_token_arent_there() {
    let server = Fixture::new().serve();
    let unknown = Request::new("GET", "/no-such-route").send(server.address);
    let metrics = Request::new("GET", "/metrics").bearer(TOKEN).send(server.address);
    assert_eq!(metrics.status, 404);
    assert_eq!((metrics.body.clone(), metrics.headers()), (unknown.body.clone(), unknown.headers()));
}

#[test]
fn s12_metrics_have_an_address_of_their_own() {
    let alone = Fixture::new().arg("--metrics").arg("127.0.0.1:0");
    let server = alone.serve();
    let on = metrics_address(&server);
    let answer = |request: Request| request.send(on);
    assert_eq!(answer(Request::new("GET", "/metrics")).status, 200);
    assert_eq!(answer(Request::new("GET", "/metrics").without_host().header("Host", "evil.example")).status, 403);
    assert_eq!(answer(Request::post("{}")).status, 404, "nothing else is there");
    assert_eq!(answer(Request::new("GET", "/health")).status, 404);
    assert_eq!(scrape(server.address, TOKEN).status, 404, "and they are nowhere else");
    let both = shown(Fixture::new()).arg("--metrics").arg("127.0.0.1:0").serve();
    assert_eq!(Request::new("GET", "/metrics").send(metrics_address(&both)).status, 401);
    assert_eq!(scrape(metrics_address(&both), TOKEN).status, 200);
    assert_eq!(scrape(both.address, TOKEN).status, 404);
}

fn metrics_address(server: &Server) -> SocketAddr {
    eventually("the address", || {
        let said = server.process.stderr();
        said.lines().find_map(|line| line.strip_prefix("serving metrics on http://")?.split('/').next()?.parse().ok())
    })
}

#[test]
fn s12_metrics_beside_stdio() {
    let mut alice = Fixture::new()
        .arg("--metrics")
        .arg("127.0.0.1:0")
        .caller(crate::harness::Door::Stdio(Era::Session), Cast::ALICE);
    alice.call("hello", json!({}));
    let on: SocketAddr = eventually("the address", || {
        let said = alice.process().stderr();
        said.lines().find_map(|line| line.strip_prefix("serving metrics on http://")?.split('/').next()?.parse().ok())
    });
    let page = Request::new("GET", "/metrics").send(on).body;
    assert_eq!(sum(&page, "doorman_calls_total", &[("doorman_capability", "hello")]), 1.0, "{page}");
}

#[test]
fn s12_metrics_are_refused_to_the_world() {
    let fixture = Fixture::new();
    let (code, said) = fixture.clone().arg("--http").arg("127.0.0.1:0").arg("--metrics").arg("0.0.0.0:0").refuses();
    assert!(code == 1 && said.contains("this machine only"), "{said}");
    for (text, mode, expected) in
        [("short", 0o600, "16"), ("two tokens-in-a-file", 0o600, "one token"), ("a-token-that-is-long", 0o644, "0600")]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = fixture.private("bad", text);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("changes the mode");
        let (code, said) =
            fixture.clone().arg("--http").arg("127.0.0.1:0").arg("--metrics-token-file").arg(file).refuses();
        assert!(code == 1 && said.contains(expected) && !said.contains(text), "{said}");
    }
    let caller = Cast::named("somebody-else".to_owned(), "reader".to_owned());
    let fixture = Fixture::bare().manifest("reader", "[misc:use]").tokens(&[caller]);
    let file = fixture.private("callers", &caller.token());
    let (code, said) = fixture.arg("--http").arg("127.0.0.1:0").arg("--metrics-token-file").arg(file).refuses();
    assert!(code == 1 && said.contains("is a caller's") && !said.contains(&caller.token()), "{said}");
}

#[test]
fn calls_are_counted_by_how_they_end() {
    let fixture = shown(Fixture::new().env("FIXTURE_RATE", "100/min"));
    let server = fixture.serve();
    for era in [Era::Session, Era::Modern] {
        let mut alice = server.caller(Cast::ALICE, era);
        alice.call("hello", json!({}));
        alice.call("contact", json!({}));
        alice.call("get_invoice", json!({"id": 1}));
        alice.call("no_such_tool", json!({}));
        alice.read("pages://book/1");
        alice.prompt("greet_somebody", json!({}));
    }
    let page = page(&server);
    let calls = |labels: &[(&str, &str)]| sum(&page, "doorman_calls_total", labels);
    assert_eq!(calls(&[]), 12.0, "{page}");
    let hello = [("doorman_capability", "hello"), ("doorman_agent_type", "reader"), ("doorman_verdict", "ok")];
    assert_eq!(calls(&hello), 2.0);
    assert_eq!(calls(&[("doorman_verdict", "invalid"), ("doorman_reason", "arguments")]), 2.0);
    assert_eq!(calls(&[("doorman_capability", "(unknown)"), ("doorman_verdict", "denied")]), 2.0);
    assert_eq!(calls(&[("doorman_capability", "pages://{book}/{number}"), ("mcp_method_name", "resources/read")]), 2.0);
    assert_eq!(calls(&[("mcp_method_name", "prompts/get")]), 2.0);
    let timed = |labels: &[(&str, &str)]| sum(&page, "mcp_server_operation_duration_seconds_count", labels);
    assert_eq!(timed(&[]), 12.0);
    assert_eq!(timed(&[("error_type", "invalid"), ("network_transport", "tcp")]), 2.0);
    assert!(page.contains(r#"le="0.0001""#) && page.contains(r#"le="60""#));
    assert!(sum(&page, "doorman_redactions_total", &[("doorman_redaction_kind", "email")]) >= 4.0);
    assert!(value(&page, "doorman_result_size_bytes_total") > 500.0);
    for (name, expected) in [
        ("doorman_calls_running", 0.0),
        ("doorman_sessions", 1.0),
        ("doorman_audit_up", 1.0),
        ("doorman_audit_queue", 0.0),
        ("doorman_verifier_up", 1.0),
        ("doorman_generation", 1.0),
    ] {
        assert_eq!(value(&page, name), expected, "{name}");
    }
    assert!(value(&page, "doorman_connections") >= 1.0);
    assert_eq!(sum(&page, "doorman_modules", &[("doorman_state", "running")]), 2.0);
    let left = sum(&page, "doorman_limit_left_ratio", &[("doorman_limit_rule", "100/min per_caller")]);
    assert!((0.85..0.95).contains(&left), "{left}");
}

#[test]
fn reloads_and_their_failures_are_counted() {
    let fixture = shown(Fixture::new());
    let server = fixture.serve();
    server.process.reload();
    fixture.file("reader.yaml", "agent_type: [");
    server.process.reload();
    let page = page(&server);
    assert_eq!(sum(&page, "doorman_reloads_total", &[("doorman_outcome", "ok")]), 1.0, "{page}");
    assert_eq!(sum(&page, "doorman_reloads_total", &[("doorman_outcome", "failed")]), 1.0);
    assert_eq!(value(&page, "doorman_generation"), 2.0);
}

#[test]
fn s27_names_that_callers_make_up_are_one_series() {
    let fixture = shown(Fixture::new());
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    alice.call("no_such_tool", json!({}));
    alice.read("nothing://there");
    alice.prompt("no_such_prompt", json!({}));
    let before = series(&page(&server));
    for n in 0..10_000 {
        match n % 10 {
            0 => alice.read(&format!("nothing://there/{n}")),
            1 => alice.prompt(&format!("no_such_prompt_{n}"), json!({})),
            _ => alice.call(&format!("no_such_tool_{n}"), json!({})),
        };
    }
    let page = page(&server);
    assert_eq!(series(&page), before, "{page}");
    assert_eq!(sum(&page, "doorman_calls_total", &[("doorman_capability", "(unknown)")]), 10_003.0);
}

#[test]
fn s18_metrics_hold_no_credential_and_no_callers_words() {
    let collector = Collector::start(Manners::Takes);
    let fixture = shown(collector.of(Fixture::new())).env("FIXTURE_RATE", "1000/min");
    let server = fixture.serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    for form in ["raw", "base64", "url", "error"] {
        alice.call("held", json!({ "form": form }));
    }
    alice.call("CaNaRy7f3a9c", json!({"CaNaRy7f3a9c": SECRET}));
    alice.call(SECRET, json!({}));
    let page = page(&server);
    let points = eventually("metrics", || Some(collector.points("doorman.calls")).filter(|it| it.len() >= 3));
    let session = alice.session().expect("a session").to_owned();
    for text in [&page, &format!("{points:?}"), &collector.everything()] {
        assert_no_secret("metrics", text);
        for word in ["CaNaRy7f3a9c", TOKEN, &Cast::ALICE.token(), &session] {
            assert!(!text.contains(word), "{word}");
        }
    }
    assert!(!page.contains("alice"), "nobody is named");
}

#[test]
fn s18_the_page_is_looked_at_as_a_whole() {
    // A credential that the process holds, in the one label that is the environment's.
    let server = shown(Fixture::new()).env("OTEL_SERVICE_NAME", "key-of-docs-4711").serve();
    let page = page(&server);
    assert!(page.contains("service_name=\"«redacted:secret»\"") && !page.contains("key-of-docs-4711"), "{page}");
}

/// Every metric that a page says something of: its name, without what a histogram adds.
fn names(page: &str) -> Vec<String> {
    page.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())).collect()
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let collector = Collector::start(Manners::Takes);
    let fixture = shown(collector.of(Fixture::new())).env("FIXTURE_RATE", "1000/min");
    let state = fixture.path("state");
    let server = fixture.arg("--state").arg(format!("file:{state}")).serve();
    let mut alice = server.caller(Cast::ALICE, Era::Session);
    alice.call("contact", json!({}));
    Request::new("GET", "/metrics").send(server.address);
    server.process.reload();
    let page = page(&server);
    let there = names(&page);
    for name in &there {
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no HELP");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dashboards/doorman.json");
    let text = std::fs::read_to_string(path).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let asked = panels.iter().flat_map(|it| it["targets"].as_array().into_iter().flatten());
    let asked: Vec<_> = asked.filter_map(|it| it["expr"].as_str()).collect();
    assert!(asked.len() >= 12, "{asked:?}");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut used = std::collections::BTreeSet::new();
    for expr in asked {
        let words = expr.split(|c| !is_word(c)).filter(|it| it.starts_with("doorman_") || it.starts_with("mcp_"));
        for word in words {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|it| word.strip_suffix(it)).unwrap_or(word);
            let label = page.contains(&format!("{word}=\""));
            let metric = there.iter().any(|it| it == word || it == base);
            assert!(metric || label, "{word} in {expr} is nothing that is exported: {there:?}");
            if metric {
                used.insert(base.to_owned());
            }
        }
    }
    let unused: Vec<_> = there.iter().filter(|it| !used.contains(*it) && *it != "target_info").collect();
    assert!(unused.is_empty(), "no panel shows {unused:?}");
}
