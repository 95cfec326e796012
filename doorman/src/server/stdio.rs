//! MCP on stdin and stdout: one message a line, each scanned before it is parsed, and stdout the protocol's alone.

use std::{
    collections::{HashSet, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rmcp::{
    RoleServer, ServiceExt,
    model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    handler::Handler,
    reload::Reloader,
    scan::{self, ScanLimits},
};

/// How many messages may wait in each direction.
const QUEUE: usize = 64;

/// How many ids of cancelled requests are remembered.
const MOST_CANCELLED: usize = 10_000;

/// Serves until stdin ends or `stop` fires.
pub(super) async fn serve(
    handler: Handler,
    reloader: Arc<Reloader>,
    max_line: usize,
    limits: ScanLimits,
    stop: CancellationToken,
) -> io::Result<()> {
    let (stdin, stdout) = claim()?;
    let transport = Lines::open(handler.clone(), reloader, stdin, stdout, max_line, limits)?;
    let drained = transport.drained.clone();
    match handler.serve_with_ct(transport, stop).await {
        Ok(running) => drop(running.waiting().await),
        // The client went away before it said anything: not a failure of ours.
        Err(error) => tracing::info!("no session: {error}"),
    }
    drained.cancelled().await;
    Ok(())
}

/// Takes stdin and stdout for the protocol alone: what a tool prints afterwards goes to stderr, what it reads is empty
/// (S28).
fn claim() -> io::Result<(File, File)> {
    let stdin = io::stdin();
    let stdout = io::stdout();
    let (input, output): (OwnedFd, OwnedFd) =
        (rustix::io::fcntl_dupfd_cloexec(&stdin, 3)?, rustix::io::fcntl_dupfd_cloexec(&stdout, 3)?);
    let null = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((input.into(), output.into()))
}

/// What the reading thread found.
enum Line {
    Message(Vec<u8>),
    Refused(scan::Refusal),
    TooLong,
}

/// rmcp's transport over lines.
struct Lines {
    handler: Handler,
    reloader: Arc<Reloader>,
    lines: mpsc::Receiver<Line>,
    /// The next one, while its sender is looked at.
    next: Option<Line>,
    out: mpsc::Sender<Vec<u8>>,
    /// Requests that wait for their answer: a second one with the same id could never be told from the first.
    pending: Arc<Mutex<HashSet<RequestId>>>,
    /// Ids of cancelled requests, the oldest first.
    cancelled: VecDeque<RequestId>,
    /// Whether a request has come: rmcp takes a notification before it for a fault.
    begun: bool,
    /// Fires when everything has been written.
    drained: CancellationToken,
    limit: usize,
}

impl Lines {
    fn open(
        handler: Handler,
        reloader: Arc<Reloader>,
        input: File,
        output: File,
        max_line: usize,
        limits: ScanLimits,
    ) -> io::Result<Self> {
        let (found, lines) = mpsc::channel(QUEUE);
        let (out, written) = mpsc::channel(QUEUE);
        let drained = CancellationToken::new();
        thread::Builder::new().name("stdin".into()).spawn(move || read(input, max_line, limits, &found))?;
        let done = drained.clone().drop_guard();
        thread::Builder::new().name("stdout".into()).spawn(move || {
            let _done = done;
            write(output, written);
        })?;
        Ok(Self {
            handler,
            reloader,
            lines,
            next: None,
            out,
            pending: Arc::default(),
            cancelled: VecDeque::new(),
            begun: false,
            drained,
            limit: max_line,
        })
    }

    /// Counts and answers a message that goes no further.
    async fn refuse(&self, reason: &'static str, code: i32, message: &str, id: Option<&str>) {
        self.handler.refused(reason);
        let line = scan::error_message(code, message, id);
        drop(self.out.send(line.into_bytes()).await);
    }

    /// Parses a scanned message; `None` if it was answered or dropped here.
    async fn accept(&mut self, line: &[u8]) -> Option<ClientJsonRpcMessage> {
        let Ok(message) = serde_json::from_slice::<ClientJsonRpcMessage>(line) else {
            self.refuse("malformed", -32600, "not a message of this protocol", None).await;
            return None;
        };
        match &message {
            JsonRpcMessage::Request(request) => {
                self.begun = true;
                let fresh = self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(request.id.clone());
                if !fresh {
                    let id = serde_json::to_string(&request.id).ok();
                    self.refuse("malformed", -32600, "a request with this id is still running", id.as_deref()).await;
                    return None;
                }
            }
            _ if !self.begun => return None,
            JsonRpcMessage::Notification(notification) => {
                // A cancelled request gets no answer, but rmcp may still have one that it would send to the next request
                // of this id. So the id stays taken, until very many others have been cancelled.
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                    if pending.contains(id) {
                        self.cancelled.push_back(id.clone());
                    }
                    if self.cancelled.len() > MOST_CANCELLED
                        && let Some(oldest) = self.cancelled.pop_front()
                    {
                        pending.remove(&oldest);
                    }
                }
            }
            _ => {}
        }
        Some(message)
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let answered = match &item {
            JsonRpcMessage::Response(response) => Some(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            _ => None,
        };
        if let Some(id) = answered {
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        let line = serde_json::to_vec(&item);
        let out = self.out.clone();
        async move { out.send(line?).await.map_err(|_| io::ErrorKind::BrokenPipe.into()) }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.next.is_none() {
                self.next = Some(self.lines.recv().await?);
            }
            // rmcp may drop this future while it waits: until then the line stays where it is.
            self.reloader.launch.refresh(&self.reloader.door.present()).await;
            match self.next.take()? {
                Line::Message(line) => {
                    if let Some(message) = self.accept(&line).await {
                        return Some(message);
                    }
                }
                Line::Refused(refusal) => {
                    self.refuse("malformed", refusal.code.number(), &refusal.to_string(), refusal.id.as_deref()).await;
                }
                Line::TooLong => {
                    let text =
                        format!("a message may have {} bytes at most; the rest of the line was skipped", self.limit);
                    self.refuse("too_large", -32600, &text, None).await;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.lines.close();
        Ok(())
    }
}

/// Reads lines until the end of the input.
fn read(input: File, max_line: usize, limits: ScanLimits, found: &mpsc::Sender<Line>) {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let next = match next_line(&mut input, &mut line, max_line) {
            Ok(Some(true)) => Line::TooLong,
            Ok(Some(false)) if line.trim_ascii().is_empty() => continue,
            Ok(Some(false)) => match scan::scan(&line, &limits) {
                Ok(_) => Line::Message(std::mem::take(&mut line)),
                Err(refusal) => Line::Refused(refusal),
            },
            Ok(None) | Err(_) => return,
        };
        if found.blocking_send(next).is_err() {
            return;
        }
    }
}

/// Reads up to the end of a line. `None` at the end of the input; `true` if the line was longer than the bound, with the
/// rest of it skipped and never held.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, max: usize) -> io::Result<Option<bool>> {
    let (mut any, mut too_long) = (false, false);
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(any.then_some(too_long));
        }
        any = true;
        let end = memchr::memchr(b'\n', chunk);
        let part = &chunk[..end.unwrap_or(chunk.len())];
        too_long = too_long || line.len() + part.len() > max;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(too_long));
        }
    }
}

fn write(mut output: File, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut line) = lines.blocking_recv() {
        line.push(b'\n');
        if output.write_all(&line).is_err() {
            return;
        }
    }
}
