//! A keep-alive HTTP/1.1 client that costs little beside the server it measures: a request's bytes are put together
//! once and sent over and over. The same for every server.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// One connection, used by one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response: its head, and its body with whatever framing it had.
pub(crate) struct Response<'a> {
    pub(crate) head: &'a str,
    pub(crate) body: &'a str,
}

impl Response<'_> {
    /// A header's value; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Connection {
    /// Connects, from an address of this machine if one is given.
    pub(crate) async fn open(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind((from, 0).into())?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads its whole response, which must be a success.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        match content_length(&self.buffer[..head]) {
            Some(length) => {
                while self.buffer.len() < head + length {
                    self.more().await?;
                }
            }
            None => {
                while !self.buffer.ends_with(b"\r\n0\r\n\r\n") {
                    self.more().await?;
                }
            }
        }
        let (head, body) = self.buffer.split_at(head);
        let text = |bytes| std::str::from_utf8(bytes).map_err(io::Error::other);
        let response = Response { head: text(head)?, body: text(body)? };
        if response.head.starts_with("HTTP/1.1 20") {
            Ok(response)
        } else {
            Err(io::Error::other(format!("{}{}", response.head, response.body)))
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The length of a body; `None` if it comes in chunks.
fn content_length(head: &[u8]) -> Option<usize> {
    const KEY: &[u8] = b"\r\ncontent-length: ";
    let at = memmem::find(head, KEY)? + KEY.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// A request of protocol 2026-07-28 with its standard headers. Servers that know no tokens get the same bytes.
pub(crate) fn stateless(to: SocketAddr, token: Option<&str>, method: &str, tool: Option<&str>) -> Vec<u8> {
    let named = tool.map(|tool| format!(r#""name":"{tool}","arguments":{{"id":"INV-2026-0042"}},"#));
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#,
        named.unwrap_or_default()
    );
    let mut headers = format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n");
    if let Some(tool) = tool {
        headers += &format!("mcp-name: {tool}\r\n");
    }
    if let Some(token) = token {
        headers += &format!("authorization: Bearer {token}\r\n");
    }
    post(to, &headers, &body)
}

/// The first request of a call that asks the user something.
pub(crate) fn asking(to: SocketAddr, token: &str, tool: &str) -> Vec<u8> {
    round(to, token, tool, "")
}

/// The second, with the answer.
pub(crate) fn answering(to: SocketAddr, token: &str, tool: &str, state: &str) -> Vec<u8> {
    let answer = r#""confirm":{"action":"accept","content":{"sure":true}}"#;
    round(to, token, tool, &format!(r#""inputResponses":{{{answer}}},"requestState":"{state}","#))
}

fn round(to: SocketAddr, token: &str, tool: &str, more: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"id":"INV-2026-0042"}},{more}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}}}}}}}}"#
    );
    let headers = format!(
        "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {tool}\r\nauthorization: Bearer {token}\r\n"
    );
    post(to, &headers, &body)
}

/// Calls in a session of protocol 2025-11-25, which this opens: one for each of two connections, for a session tells requests
/// that run at the same time by their ids. Servers that know no tokens get the same bytes.
pub(crate) async fn in_session(to: SocketAddr, token: &str, tool: &str) -> io::Result<[Vec<u8>; 2]> {
    let mut connection = Connection::open(to, None).await?;
    let authorization = format!("authorization: Bearer {token}\r\n");
    let opened = connection.call(&post(to, &authorization, INITIALIZE)).await?;
    let session = opened.header("mcp-session-id").ok_or_else(|| io::Error::other("no session"))?;
    let headers = format!("{authorization}mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n");
    connection.call(&post(to, &headers, INITIALIZED)).await?;
    Ok([1, 2].map(|id| {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"id":"INV-2026-0042"}}}}}}"#
        );
        post(to, &headers, &call)
    }))
}

/// The first message of protocol 2025-11-25.
pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"figures","version":"0"}}}"#;
/// The second.
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn post(to: SocketAddr, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
