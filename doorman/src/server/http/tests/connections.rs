//! What a connection costs that does nothing (S27).

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    response::Response,
    routing::{any, get},
};
use futures::{FutureExt, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::super::{
    connections::{Connections, Room},
    pulse::Patience,
};

const PATIENCE: Patience =
    Patience { head: Duration::from_millis(300), idle: Duration::from_millis(900), unread: Duration::from_millis(400) };
/// When everything that may take too long has.
const LATE: Duration = Duration::from_millis(1500);
/// More than the network holds for a reader.
const HUGE: usize = 64 << 20;

struct Served {
    address: SocketAddr,
    counted: Arc<Mutex<Vec<&'static str>>>,
    room: Arc<Room>,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let router = Router::new()
            .route("/", any(|| async { "here" }))
            .route("/huge", get(|| async { Response::new(Body::from(vec![b'x'; HUGE])) }))
            .route("/silent", get(|| async { Response::new(Body::from_stream(silent())) }))
            .route("/slow", get(|| async { tokio::time::sleep(LATE).await }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counted = Arc::<Mutex<Vec<_>>>::default();
        let (counting, room) = (Arc::clone(&counted), Room::new(64, Arc::default()));
        let stopping = CancellationToken::new();
        let connections = Connections {
            router,
            room: Arc::clone(&room),
            patience: PATIENCE,
            count: Arc::new(move |refused, _: IpAddr| counting.lock().unwrap().push(refused.reason())),
            #[cfg(feature = "tls")]
            tls: None,
            stopping: stopping.clone(),
        };
        let serving = tokio::spawn(connections.serve(listener));
        Self { address, counted, room, stopping, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends this, one byte at a time if it is to be slow, and gives what comes until the end, and when that was.
    async fn until_the_end(&self, sent: &[u8], pause: Option<Duration>) -> (String, Duration) {
        let (mut stream, begun, mut answer) = (self.connect().await, Instant::now(), Vec::new());
        let (mut read, mut write) = stream.split();
        let writing = async {
            match pause {
                None => drop(write.write_all(sent).await),
                Some(pause) => {
                    for byte in sent {
                        if write.write_all(&[*byte]).await.is_err() {
                            break;
                        }
                        tokio::time::sleep(pause).await;
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        let reading = tokio::time::timeout(LATE * 4, read.read_to_end(&mut answer));
        tokio::select! {
            () = writing => unreachable!(),
            read = reading => drop(read.expect("an end")),
        }
        (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
    }

    async fn answers(&self) {
        let (answer, _) = self.until_the_end(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n", None).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }

    fn count(&self, reason: &str) -> usize {
        self.counted.lock().unwrap().iter().filter(|counted| **counted == reason).count()
    }
}

/// Events: one, and then none.
fn silent() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::iter([Ok(Bytes::from_static(b"data: 1\n\n"))]).chain(stream::pending())
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_slow_heads_cost_a_connection_only() {
    let served = Served::start().await;
    let (slow, preface) = (b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".repeat(100), b"PRI * HTTP/2.0\r\n");
    let drip = Some(Duration::from_millis(20));
    let (nothing, partial, dripped, h2, ()) = tokio::join!(
        served.until_the_end(b"", None),
        served.until_the_end(b"GET / HTTP/1.1\r\nhost: loc", None),
        served.until_the_end(&slow, drip),
        served.until_the_end(preface, None),
        served.answers(),
    );
    for (what, (answer, took)) in [("nothing", nothing), ("partial", partial), ("dripped", dripped), ("h2", h2)] {
        assert_eq!(answer, "", "{what}");
        assert!(took >= PATIENCE.head && took < PATIENCE.head * 2, "{what}: {took:?}");
    }
    assert_eq!(served.count("slow_head"), 4);
    assert!(served.room.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_between_requests_there_is_time_and_within_a_head_there_is_not() {
    let served = Served::start().await;
    let request = b"GET / HTTP/1.1\r\n\r\n";
    let (answer, took) = served.until_the_end(request, None).await;
    assert!(answer.ends_with("here") && took >= PATIENCE.idle && took < LATE, "{took:?}");
    assert_eq!(served.count("slow_head"), 0, "nobody is slow");
    let mut stream = served.connect().await;
    let mut buffer = [0; 1024];
    for _ in 0..3 {
        stream.write_all(request).await.unwrap();
        assert_ne!(stream.read(&mut buffer).await.unwrap(), 0);
        tokio::time::sleep(PATIENCE.head + PATIENCE.head / 2).await;
    }
    let begun = Instant::now();
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(stream.read(&mut buffer).await.unwrap_or_default(), 0);
    assert!(begun.elapsed() < PATIENCE.head * 2, "{:?}", begun.elapsed());
    assert_eq!(served.count("slow_head"), 1);
    // A call that takes its time isn't idle.
    let (answer, _) = served.until_the_end(b"GET /slow HTTP/1.1\r\nconnection: close\r\n\r\n", None).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_who_does_not_read_is_let_go_and_who_waits_for_events_is_not() {
    let served = Served::start().await;
    let (mut lazy, mut waiting) = (served.connect().await, served.connect().await);
    lazy.write_all(b"GET /huge HTTP/1.1\r\n\r\n").await.unwrap();
    waiting.write_all(b"GET /silent HTTP/1.1\r\n\r\n").await.unwrap();
    tokio::time::sleep(LATE).await;
    assert_eq!(served.count("unread"), 1);
    let mut rest = Vec::new();
    drop(lazy.read_to_end(&mut rest).await);
    assert!(rest.len() < HUGE, "it was cut off");
    let mut events = [0; 1024];
    assert_ne!(waiting.read(&mut events).await.unwrap(), 0);
    let more = waiting.read(&mut events).now_or_never();
    assert!(more.is_none(), "the stream is still there: {more:?}");
    // Who reads slowly gets it all.
    let mut slow = served.connect().await;
    slow.write_all(b"GET /huge HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut taken = 0;
    let mut piece = vec![0; HUGE / 10];
    loop {
        match slow.read(&mut piece).await.unwrap() {
            0 => break,
            read => taken += read,
        }
        if taken / (HUGE / 10) != (taken + 1) / (HUGE / 10) {
            tokio::time::sleep(PATIENCE.unread / 2).await;
        }
    }
    assert!(taken > HUGE);
    assert_eq!(served.count("unread"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_a_stream_of_http_2_that_is_not_read_ends_its_connection() {
    let served = Served::start().await;
    let (sender, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(served.connect().await).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = |path: &str| axum::http::Request::get(format!("http://localhost{path}")).body(()).unwrap();
    let (first, _) = sender.send_request(request("/huge"), true).unwrap();
    let response = first.await.unwrap();
    assert_eq!(response.status(), 200);
    let begun = Instant::now();
    let mut sender = sender.ready().await.unwrap();
    // Others on the same connection don't change that.
    while !connection.is_finished() && begun.elapsed() < LATE {
        if let Ok((answer, _)) = sender.send_request(request("/"), true) {
            drop(answer.await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        match sender.ready().await {
            Ok(ready) => sender = ready,
            Err(_) => break,
        }
    }
    assert!(begun.elapsed() < LATE && served.count("unread") == 1, "{:?}", begun.elapsed());
    drop(response);
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_streams_that_are_reset_at_once_end_their_connection() {
    let served = Served::start().await;
    let (mut sender, connection) = h2::client::handshake(served.connect().await).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut sent = 0;
    while sent < 10_000 {
        let Ok(ready) = sender.ready().await else { break };
        sender = ready;
        let request = axum::http::Request::get("http://localhost/slow").body(()).unwrap();
        let Ok((_, mut stream)) = sender.send_request(request, true) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        sent += 1;
        tokio::task::yield_now().await;
    }
    assert!(sent < 10_000, "nothing stopped it");
    assert!(connection.await.unwrap().is_err());
    served.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_heads_are_bounded() {
    let served = Served::start().await;
    let head = |lines: usize, bytes: usize| {
        let lines: String = (0..lines).map(|line| format!("x{line}: {}\r\n", "y".repeat(bytes))).collect();
        format!("GET / HTTP/1.1\r\n{lines}connection: close\r\n\r\n")
    };
    for (lines, bytes, status) in [(99, 10, 200), (100, 10, 431), (5_000, 10, 431), (9, 3_500, 200), (10, 3_500, 431)] {
        let (answer, _) = served.until_the_end(head(lines, bytes).as_bytes(), None).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{lines} lines of {bytes} bytes: {answer}");
    }
    let long = format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(40_000));
    assert!(served.until_the_end(long.as_bytes(), None).await.0.starts_with("HTTP/1.1 431"));
    let (answer, _) = served.until_the_end(&vec![b'x'; 1 << 20], None).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(served.count("large_head") + served.count("malformed_head"), 5);
    let (answer, _) = served.until_the_end(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", None).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let (sender, connection) = h2::client::handshake(served.connect().await).await.unwrap();
    drop(tokio::spawn(connection));
    let mut sender = sender.ready().await.unwrap();
    for (lines, status) in [(90, 200), (101, 431)] {
        let mut request = axum::http::Request::get("http://localhost/");
        for line in 0..lines {
            request = request.header(format!("x{line}"), "y");
        }
        let (answer, _) = sender.send_request(request.body(()).unwrap(), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), status, "{lines} lines on HTTP/2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_bound_a_connection_is_closed_and_asked_to_stop_all_end() {
    let served = Served::start().await;
    let held: Vec<_> = futures::future::join_all((0..64).map(|_| served.connect())).await;
    let (answer, took) = served.until_the_end(b"GET / HTTP/1.1\r\n\r\n", None).await;
    assert!(answer.is_empty() && took < PATIENCE.head, "{took:?}: {answer}");
    assert_eq!(served.count("too_many_connections"), 1);
    drop(held);
    while !served.room.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    served.answers().await;
    let mut last = served.connect().await;
    last.write_all(b"GET /slow HTTP/1.1\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.stopping.cancel();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "who is being answered is: {answer}");
    served.serving.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}
