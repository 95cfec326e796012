//! An issuer on a loopback port: metadata, keys and introspection, as told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(super) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(super) const OPENID: &str = "/.well-known/openid-configuration";
pub(super) const KEYS: &str = "/keys";
pub(super) const ASK: &str = "/introspect";

/// What is answered at an address.
#[derive(Clone)]
pub(super) struct Reply {
    head: String,
    body: Vec<u8>,
    /// Before the head.
    delay: Duration,
    /// Between the body's bytes.
    drip: Duration,
    length: bool,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::body(value.to_string())
    }

    pub(super) fn body(body: impl Into<Vec<u8>>) -> Self {
        let head = "HTTP/1.1 200 OK\r\n".into();
        Self { head, body: body.into(), delay: Duration::ZERO, drip: Duration::ZERO, length: true }
    }

    pub(super) fn status(status: u16, headers: &str) -> Self {
        Self { head: format!("HTTP/1.1 {status} Told\r\n{headers}"), ..Self::body("") }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { head: format!("HTTP/1.1 {status} Told\r\n"), ..self }
    }

    pub(super) fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(super) fn dripping(self, drip: Duration) -> Self {
        Self { drip, ..self }
    }

    /// Doesn't say how long it is.
    pub(super) fn unmeasured(self) -> Self {
        Self { length: false, ..self }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: String,
}

#[derive(Default)]
struct Told {
    replies: HashMap<String, Reply>,
    requests: Vec<Request>,
}

pub(super) struct Issuer {
    address: SocketAddr,
    told: Arc<Mutex<Told>>,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = Self { address, told: Arc::default(), server: Mutex::default() };
        issuer.listen(listener);
        let name = issuer.name();
        let metadata = json!({ "issuer": name, "jwks_uri": format!("{name}{KEYS}"), "introspection_endpoint": format!("{name}{ASK}") });
        issuer.tell(METADATA, Reply::json(&metadata));
        issuer
    }

    fn listen(&self, listener: TcpListener) {
        let told = Arc::clone(&self.told);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&told)));
            }
        });
        *self.server.lock().unwrap() = Some(server);
    }

    /// From now on connections are refused.
    pub(super) async fn stop(&self) {
        let server = self.server.lock().unwrap().take().unwrap();
        server.abort();
        drop(server.await);
    }

    pub(super) async fn restart(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.listen(listener);
    }

    pub(super) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn tell(&self, path: &str, reply: Reply) {
        self.told.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.tell(KEYS, Reply::json(&json!({ "keys": keys })));
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.told.lock().unwrap().requests.clone()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|it| it.path == path).count()
    }
}

async fn serve(mut stream: TcpStream, told: Arc<Mutex<Told>>) -> std::io::Result<()> {
    let mut read = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = {
        let mut told = told.lock().unwrap();
        told.requests.push(Request { path: path.clone(), head, body });
        told.replies.get(&path).cloned().unwrap_or_else(|| Reply::status(404, ""))
    };
    tokio::time::sleep(reply.delay).await;
    let length = if reply.length { format!("content-length: {}\r\n", reply.body.len()) } else { String::new() };
    stream.write_all(format!("{}{length}connection: close\r\n\r\n", reply.head).as_bytes()).await?;
    if reply.drip.is_zero() {
        stream.write_all(&reply.body).await?;
    } else {
        for byte in reply.body {
            stream.write_all(&[byte]).await?;
            tokio::time::sleep(reply.drip).await;
        }
    }
    stream.shutdown().await
}
