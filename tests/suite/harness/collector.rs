//! An OTLP collector of the tests' own: takes what is sent to it, or hangs, or refuses; and the real one, in front of it.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{metric::Data, number_data_point},
};
use prost::Message;

use super::{Fixture, Process, eventually};

/// What it does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    Takes,
    /// Reads and never answers.
    Hangs,
    /// Answers 503.
    Refuses,
}

/// A collector.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    hangs: AtomicBool,
    refuses: AtomicBool,
    requests: AtomicUsize,
    bodies: Mutex<Vec<(String, String, Vec<u8>)>>,
}

/// A span as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) events: usize,
    pub(crate) links: Vec<String>,
    /// 0: unset, 2: error.
    pub(crate) status: i32,
    pub(crate) resource: BTreeMap<String, String>,
}

impl Span {
    pub(crate) fn of(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", |it| it)
    }
}

/// The value of a metric, with its labels.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Collector {
    pub(crate) fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let collector = Self { address, shared: Arc::clone(&shared) };
        collector.behave(manners);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || while shared.serve(&stream).is_some() {});
            }
        });
        collector
    }

    /// From the next request on.
    pub(crate) fn behave(&self, manners: Manners) {
        self.shared.hangs.store(manners == Manners::Hangs, Ordering::SeqCst);
        self.shared.refuses.store(manners == Manners::Refuses, Ordering::SeqCst);
    }

    /// A fixture whose telemetry comes here, soon.
    pub(crate) fn of(&self, fixture: Fixture) -> Fixture {
        exporting_to(fixture, self.address)
    }

    /// How often it was sent something.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// All that it was sent, with its headers, as text where it is text.
    pub(crate) fn everything(&self) -> String {
        let bodies = self.shared.bodies();
        bodies.iter().map(|(_, head, body)| format!("{head}{}", String::from_utf8_lossy(body))).collect()
    }

    /// The bodies alone.
    pub(crate) fn said(&self) -> String {
        self.shared.bodies().iter().map(|(.., body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.shared.bodies().into_iter().filter(|(path, ..)| path == "/v1/traces");
        let mut spans = Vec::new();
        for (_, head, body) in requests {
            let request = ExportTraceServiceRequest::decode(&*body);
            let request = request.unwrap_or_else(|error| panic!("{error}: {head} {body:?}"));
            for of in request.resource_spans {
                let resource = attributes(&of.resource.unwrap_or_default().attributes);
                for span in of.scope_spans.into_iter().flat_map(|it| it.spans) {
                    spans.push(Span {
                        name: span.name,
                        kind: span.kind,
                        trace: hex(&span.trace_id),
                        id: hex(&span.span_id),
                        parent: hex(&span.parent_span_id),
                        state: span.trace_state,
                        attributes: attributes(&span.attributes),
                        events: span.events.len(),
                        links: span.links.iter().map(|it| hex(&it.trace_id)).collect(),
                        status: span.status.map_or(0, |it| it.code),
                        resource: resource.clone(),
                    });
                }
            }
        }
        spans
    }

    /// Waits for so many spans of calls, and gives them; one more is a failure.
    #[track_caller]
    pub(crate) fn calls(&self, count: usize) -> Vec<Span> {
        let calls = || self.spans().into_iter().filter(|it| it.attributes.contains_key("mcp.method.name"));
        eventually("spans", || (calls().count() >= count).then_some(()));
        thread::sleep(Duration::from_millis(200));
        let calls: Vec<_> = calls().collect();
        assert_eq!(calls.len(), count, "{calls:#?}");
        calls
    }

    /// The points of a metric as they were sent last; of a histogram its counts.
    pub(crate) fn points(&self, name: &str) -> Vec<Point> {
        let bodies = self.shared.bodies();
        let requests = bodies.iter().filter(|(path, ..)| path == "/v1/metrics");
        let mut points = Vec::new();
        for (.., body) in requests {
            let request = ExportMetricsServiceRequest::decode(&**body).expect("OTLP");
            let metrics = request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
            let found = metrics.flat_map(|it| it.metrics).collect::<Vec<_>>().into_iter().rfind(|it| it.name == name);
            if let Some(data) = found.and_then(|it| it.data) {
                points = values(data);
            }
        }
        points
    }
}

fn values(data: Data) -> Vec<Point> {
    let point = |of: &[KeyValue], value: f64| Point { labels: attributes(of), value };
    let number = |value: Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        Some(number_data_point::Value::AsDouble(value)) => value,
        None => f64::NAN,
    };
    match data {
        Data::Gauge(it) => it.data_points.iter().map(|it| point(&it.attributes, number(it.value))).collect(),
        Data::Sum(it) => it.data_points.iter().map(|it| point(&it.attributes, number(it.value))).collect(),
        Data::Histogram(it) => it.data_points.iter().map(|it| point(&it.attributes, it.count as f64)).collect(),
        other => panic!("{other:?}"),
    }
}

impl Shared {
    fn bodies(&self) -> Vec<(String, String, Vec<u8>)> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves one request; `None` at the end of the connection.
    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
        });
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            chunks(stream)?
        } else {
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).ok()?;
            body
        };
        // `rotel` compresses whatever it is told.
        let body = if head.contains("content-encoding: gzip") {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
            plain
        } else {
            body
        };
        self.requests.fetch_add(1, Ordering::SeqCst);
        while self.hangs.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let refuses = self.refuses.load(Ordering::SeqCst);
        if !refuses {
            self.bodies.lock().unwrap_or_else(PoisonError::into_inner).push((path, head, body));
        }
        let status = if refuses { "503 Service Unavailable" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok()
    }
}

/// A body in chunks.
fn chunks(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Some(body);
        }
    }
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |it: &KeyValue| match it.value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        other => format!("{other:?}"),
    };
    of.iter().map(|it| (it.key.clone(), text(it))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A fixture whose telemetry goes to a collector there, soon.
pub(crate) fn exporting_to(fixture: Fixture, address: SocketAddr) -> Fixture {
    fixture
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "150")
        .env("FIXTURE_TRACES", "1")
}

/// `rotel`, a collector that others build, which hands on what it has understood.
pub(crate) struct Rotel {
    _process: Process,
    pub(crate) address: SocketAddr,
}

impl Rotel {
    pub(crate) fn before(collector: &Collector, fixture: &Fixture) -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/rotel/lib");
        let python = std::fs::read_dir(&packages).expect("tests/run installs it").next().expect("a version of Python");
        let program = python.expect("a folder").path().join("site-packages/rotel/rotel-agent");
        let port = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        let (address, other) = (port(), port());
        let mut command = Command::new(program);
        command
            .env_clear()
            .args(["start", "--otlp-http-endpoint", &address.to_string()])
            .args(["--otlp-grpc-endpoint", &other.to_string()])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", &format!("http://{}", collector.address)])
            .args(["--pid-file", &fixture.path("rotel.pid"), "--log-file", &fixture.path("rotel.log")]);
        let process = Process::start(command);
        eventually("rotel", || TcpStream::connect(address).ok());
        Self { _process: process, address }
    }
}
