//! What a connection is doing, and since when: so that one which does nothing for too long can be ended, and one on which
//! nothing is to be done just now (an event stream without events) isn't (S27).

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the first byte of a head, or of the connection, to the end of the head.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// For a piece of a response to be taken.
    pub(super) unread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), idle: Duration::from_secs(75), unread: Duration::from_secs(60) }
    }
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Head,
    Idle,
    Unread,
}

/// One connection.
pub(super) struct Pulse {
    patience: Patience,
    state: Mutex<State>,
}

struct State {
    /// How many requests are being answered.
    serving: usize,
    /// Where there are none: whether a head has begun, and since when that, or nothing, is so.
    head: bool,
    since: Instant,
    /// On HTTP/2, bytes that come needn't belong to a request.
    h2: bool,
    /// Since when the network takes nothing more.
    stuck: Option<Instant>,
    /// Responses of which a piece has been handed over and no more been asked for: on HTTP/2 each has a window of its own.
    handed: HashMap<u64, Instant>,
    next: u64,
}

impl Pulse {
    /// A connection on which a head is expected from now on.
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let (since, handed) = (Instant::now(), HashMap::new());
        let state = State { serving: 0, head: true, since, h2: false, stuck: None, handed, next: 0 };
        Arc::new(Self { patience, state: Mutex::new(state) })
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>, h2: bool) -> Serving {
        let mut state = self.lock();
        state.serving += 1;
        state.h2 = h2;
        state.next += 1;
        Serving { pulse: Arc::clone(self), number: state.next }
    }

    /// Waits until something takes too long.
    pub(super) async fn overdue(&self) -> Overdue {
        // What is looked for may begin while this sleeps.
        let look = self.patience.head.min(self.patience.unread) / 4;
        loop {
            match self.at(Instant::now()) {
                Ok(left) => tokio::time::sleep(left.min(look)).await,
                Err(overdue) => return overdue,
            }
        }
    }

    /// How long it has at least from now on.
    fn at(&self, now: Instant) -> Result<Duration, Overdue> {
        let Patience { head, idle, unread } = self.patience;
        let state = self.lock();
        let still = match (state.serving, state.head) {
            (0, true) => Some((state.since, head, Overdue::Head)),
            (0, false) => Some((state.since, idle, Overdue::Idle)),
            _ => None,
        };
        let stuck = state.stuck.iter().chain(state.handed.values()).min();
        let stuck = stuck.map(|since| (*since, unread, Overdue::Unread));
        let mut least = self.patience.idle;
        for (since, bound, overdue) in [still, stuck].into_iter().flatten() {
            match bound.checked_sub(now.saturating_duration_since(since)) {
                Some(left) if !left.is_zero() => least = least.min(left),
                _ => return Err(overdue),
            }
        }
        Ok(least)
    }

    fn bytes_came(&self) {
        let mut state = self.lock();
        if state.serving == 0 && !state.head && !state.h2 {
            (state.head, state.since) = (true, Instant::now());
        }
    }

    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let mut state = self.lock();
        match written {
            Poll::Ready(_) => state.stuck = None,
            Poll::Pending => drop(state.stuck.get_or_insert_with(Instant::now)),
        }
        drop(state);
        written
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered, until the last byte of its response has been handed over.
pub(super) struct Serving {
    pulse: Arc<Pulse>,
    number: u64,
}

impl Serving {
    /// Its response's body, in pieces of which each is handed over when it can be sent.
    pub(super) fn body(self, body: Body) -> Pieces {
        self.handed();
        Pieces { body, rest: Bytes::new(), serving: self }
    }

    fn handed(&self) {
        self.pulse.lock().handed.insert(self.number, Instant::now());
    }

    fn taken(&self) {
        self.pulse.lock().handed.remove(&self.number);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut state = self.pulse.lock();
        state.serving -= 1;
        state.handed.remove(&self.number);
        if state.serving == 0 {
            (state.head, state.since) = (false, Instant::now());
        }
    }
}

/// The length of a piece in bytes.
const PIECE: usize = 32 << 10;

/// A response's body.
pub(super) struct Pieces {
    body: Body,
    /// What is left of a frame.
    rest: Bytes,
    serving: Serving,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                // All that there is has been taken.
                self.serving.taken();
                return Poll::Pending;
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        self.serving.handed();
        let length = self.rest.remaining().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// A stream whose pulse is felt.
pub(super) struct Felt<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S> Felt<S> {
    pub(super) fn new(stream: S, pulse: &Arc<Pulse>) -> Self {
        Self { stream, pulse: Arc::clone(pulse) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Felt<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Felt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pulse.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.pulse.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What TLS holds back waits here.
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.pulse.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
