//! HTTP/1.1 by hand, so that tests can send what a client would refuse to.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// A request, byte for byte as it is sent but for `Host` and `Content-Length`, which are added unless they are given.
#[derive(Clone)]
pub(crate) struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    host: bool,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), host: true, body: Vec::new() }
    }

    /// A POST to the MCP endpoint with the headers that every client sends.
    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", "/mcp") }
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Sends no `Host` of its own accord.
    pub(crate) fn without_host(mut self) -> Self {
        self.host = false;
        self
    }

    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if self.host {
            head.extend_from_slice(format!("Host: {address}\r\n").as_bytes());
        }
        let said = |name: &str| self.headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
        if self.method == "POST" && !said("content-length") && !said("transfer-encoding") {
            head.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(&self.body);
        head
    }

    /// Sends it on a connection of its own.
    pub(crate) fn send(&self, address: SocketAddr) -> Response {
        Wire::connect(address).exchange(&self.bytes(address)).expect("an answer")
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Its headers, but for the time.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let all = self.headers.iter().map(|(name, value)| (&**name, &**value));
        all.filter(|(name, _)| *name != "date").collect()
    }

    /// The JSON-RPC messages in it: one of a JSON body, all of an event stream.
    pub(crate) fn messages(&self) -> Vec<Value> {
        if self.header("content-type").is_some_and(|it| it.starts_with("text/event-stream")) {
            let data = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
            return data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect();
        }
        serde_json::from_str(&self.body).into_iter().collect()
    }

    /// The one JSON-RPC answer in it.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let answers = |it: &Value| it.get("result").is_some() || it.get("error").is_some();
        self.messages().into_iter().rfind(answers).unwrap_or_else(|| panic!("no JSON-RPC answer in {self:?}"))
    }

    /// The code of its JSON-RPC error.
    #[track_caller]
    pub(crate) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no JSON-RPC error in {self:?}"))
    }
}

/// A connection that stays open, and what of a stream's lines has been read.
pub(crate) struct Wire(BufReader<TcpStream>, Vec<u8>);

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP stream");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a TCP stream");
        Self(BufReader::new(stream), Vec::new())
    }

    /// Waits for each answer this long.
    pub(super) fn patient(&mut self, patience: Duration) {
        self.0.get_ref().set_read_timeout(Some(patience)).expect("a TCP stream");
    }

    /// Sends bytes and reads nothing.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> io::Result<Response> {
        // A server may answer and close before it has read everything.
        let sent = self.send(bytes);
        self.receive().map_err(|error| sent.err().unwrap_or(error))
    }

    /// Reads one answer.
    pub(crate) fn receive(&mut self) -> io::Result<Response> {
        let (status, headers) = self.head()?;
        let of = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let body = if of("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            self.chunks()?
        } else {
            let length = of("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            self.0.read_exact(&mut body)?;
            body
        };
        Ok(Response { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// The status of an answer that may not end.
    #[track_caller]
    pub(crate) fn status(&mut self) -> u16 {
        self.head().expect("an answer").0
    }

    /// Reads the beginning of an answer that is a stream of events.
    #[track_caller]
    pub(crate) fn stream(&mut self) {
        let (status, headers) = self.head().expect("an answer");
        let events = headers.iter().any(|(name, value)| name == "content-type" && value == "text/event-stream");
        assert!(status == 200 && events, "{status} {headers:?}");
    }

    /// The next message of a stream; `None` if there is none for a while, or no more.
    pub(crate) fn event(&mut self, patience: Duration) -> Option<Value> {
        self.0.get_ref().set_read_timeout(Some(patience)).expect("a socket");
        loop {
            let Some(end) = self.1.iter().position(|byte| *byte == b'\n') else {
                self.chunk().ok().filter(|more| *more)?;
                continue;
            };
            let line: Vec<u8> = self.1.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(data).expect("a message"));
            }
        }
    }

    /// Reads one more chunk; whether it wasn't the last.
    fn chunk(&mut self) -> io::Result<bool> {
        let size = usize::from_str_radix(&self.line()?, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk)?;
        self.1.extend_from_slice(&chunk[..size]);
        Ok(size > 0)
    }

    fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok((status, headers))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        while self.chunk()? {}
        Ok(std::mem::take(&mut self.1))
    }
}
