//! A server over HTTP, and a keep-alive HTTP/1.1 client that costs little beside it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStderr},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Outcome,
    process::{Memory, cpu_of},
    world::{Program, World, token},
};

/// A server over HTTP; it ends with this value.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// How long it took until it said that it serves.
    pub(crate) started: Duration,
}

impl Server {
    pub(crate) fn start(program: &Program, world: &World) -> Outcome<Self> {
        let mut command = program.on_http(world);
        let began = Instant::now();
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        let found = address(&mut lines);
        let started = began.elapsed();
        let address = found.inspect_err(|_| {
            drop(child.kill());
            drop(child.wait());
        })?;
        // Keeps its stderr from filling up.
        thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| eprintln!("server: {line}")));
        Ok(Self { child, address, started })
    }

    pub(crate) fn connect(&self) -> Outcome<Connection> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { to: stream.try_clone()?, from: BufReader::new(stream), answer: Vec::new() })
    }

    /// What it has used so far.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        // What runs right now is counted at the scheduler's next tick.
        thread::sleep(Duration::from_millis(5));
        cpu_of(self.child.id())
    }

    /// What it holds now.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        Memory::of(self.child.id())
    }

    /// The bytes of a call by an agent, a request of protocol 2026-07-28, which stands alone.
    pub(crate) fn request(&self, agent: usize, tool: &str, arguments: &Value) -> Vec<u8> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let head = [
            "POST /mcp HTTP/1.1".to_owned(),
            format!("host: {}", self.address),
            "content-type: application/json".to_owned(),
            "accept: application/json, text/event-stream".to_owned(),
            "mcp-protocol-version: 2026-07-28".to_owned(),
            "mcp-method: tools/call".to_owned(),
            format!("mcp-name: {tool}"),
            format!("authorization: Bearer {}", token(agent)),
            format!("content-length: {}", body.len()),
        ];
        format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address(lines: &mut BufReader<ChildStderr>) -> Outcome<SocketAddr> {
    let mut said = String::new();
    loop {
        let start = said.len();
        if lines.read_line(&mut said)? == 0 {
            return Err(format!("the server didn't start: {said}").into());
        }
        if let Some((_, url)) = said[start..].split_once("http://") {
            return Ok(url.split('/').next().unwrap_or_default().parse()?);
        }
    }
}

/// One connection, used by one request at a time.
pub(crate) struct Connection {
    to: TcpStream,
    from: BufReader<TcpStream>,
    answer: Vec<u8>,
}

impl Connection {
    /// Sends a request and reads its whole answer, which must be a tool's success.
    pub(crate) fn call(&mut self, request: &[u8]) -> Outcome<&str> {
        self.to.write_all(request)?;
        self.answer.clear();
        let mut length = None;
        loop {
            let start = self.answer.len();
            if self.from.read_until(b'\n', &mut self.answer)? == 0 {
                return Err("the server closed the connection".into());
            }
            let line = std::str::from_utf8(&self.answer[start..])?.trim_end();
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = Some(value.trim().parse()?);
                }
                _ if line.is_empty() => break,
                _ => {}
            }
        }
        let head = self.answer.len();
        let length: usize = length.ok_or("an answer without a length")?;
        self.answer.resize(head + length, 0);
        self.from.read_exact(&mut self.answer[head..])?;
        let answer = std::str::from_utf8(&self.answer)?;
        let body = &answer[head..];
        if answer.starts_with("HTTP/1.1 200") && !body.contains(r#""isError":true"#) && !body.contains(r#""error":{"#) {
            Ok(body)
        } else {
            Err(format!("a call failed: {answer}").into())
        }
    }
}
