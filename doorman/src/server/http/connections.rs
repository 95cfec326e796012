//! Connections: as many as there is room for, each with so much time for each thing that it does (S27). A TCP connection
//! comes in; what goes out is served by the router, or was ended and counted.

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{
    Request, Version,
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    forwarded::{Place, Proxies},
    pulse::{Felt, Overdue, Patience, Pulse},
    refuse::Refused,
};

/// How many bytes a request's head may have. Its buffer is as large, but what comes at once may be more.
const HEAD: usize = 32 << 10;
/// How many header lines a head may have. What HTTP/1.1 allows anyway, said for both.
const HEADERS: usize = 100;
/// The share of all connections that one address may have.
const SHARE: usize = 4;
/// How long nothing is accepted where the system has no room for a connection, and how often that is said.
const PAUSE: Duration = Duration::from_millis(200);
const SAID: Duration = Duration::from_secs(10);

/// What HTTP/2 may do. A client that resets more streams than that (CVE-2023-44487), or that doesn't answer a ping, is
/// let go.
mod h2 {
    use std::time::Duration;

    pub(super) const STREAMS: u32 = 128;
    pub(super) const RESETS: usize = 20;
    pub(super) const LOCAL_RESETS: usize = 128;
    /// What a client may send before it is read: of a stream, and of a connection.
    pub(super) const WINDOWS: (u32, u32) = (64 << 10, 256 << 10);
    pub(super) const SEND_BUFFER: usize = 64 << 10;
    pub(super) const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
}

/// What is counted of a connection that is refused or ended.
pub(super) type Count = Arc<dyn Fn(Refused, IpAddr) + Send + Sync>;

/// How connections are served.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) room: Arc<Room>,
    pub(super) patience: Patience,
    pub(super) count: Count,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<super::tls::Tls>>,
    pub(super) stopping: CancellationToken,
}

impl Connections {
    /// Serves until it is asked to stop, and then until the last connection has ended.
    pub(super) async fn serve(self, listener: TcpListener) {
        let (serving, mut open, mut said) = (Arc::new(self), JoinSet::new(), None::<Instant>);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = open.join_next() => continue,
                () = serving.stopping.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => serving.admit(stream, peer, &mut open),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if said.is_none_or(|then| then.elapsed() >= SAID) {
                        tracing::error!(%error, "no connection can be accepted");
                        said = Some(Instant::now());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
    }

    /// A connection for which there is no room is closed at once. In the listener's backlog it would wait for a time that
    /// its client can't know, and take the places of those who are checked for being healthy.
    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, open: &mut JoinSet<()>) {
        let Some(place) = self.room.take(peer.ip()) else {
            return (self.count)(Refused::TooManyConnections, peer.ip());
        };
        // Small answers don't wait for larger ones.
        drop(stream.set_nodelay(true));
        let serving = Arc::clone(self);
        open.spawn(async move {
            let _place = place;
            if let Err(refused) = serving.open(stream, peer).await {
                (serving.count)(refused, peer.ip());
            }
        });
    }

    async fn open(&self, stream: TcpStream, peer: SocketAddr) -> Result<(), Refused> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(self.patience.head, tls.accept(stream)) => shaken,
                () = self.stopping.cancelled() => return Ok(()),
            };
            return match shaken {
                Ok(Ok(stream)) => self.speak(stream, peer).await,
                Ok(Err(_)) => Err(Refused::Handshake),
                Err(_) => Err(Refused::SlowHead),
            };
        }
        self.speak(stream, peer).await
    }

    /// HTTP, of either version.
    async fn speak<S>(&self, stream: S, peer: SocketAddr) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Pulse::new(self.patience);
        let (router, count) = (TowerToHyperService::new(self.router.clone()), Arc::clone(&self.count));
        let service = service_fn(|request: Request<Incoming>| {
            let serving = pulse.begin(request.version() == Version::HTTP_2);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let fits = fits(&request);
            if !fits {
                count(Refused::LargeHead, peer.ip());
            }
            let answer = fits.then(|| router.call(request));
            async move {
                let response = match answer {
                    Some(answer) => answer.await?,
                    None => Refused::LargeHead.into_response(None),
                };
                Ok::<_, Infallible>(response.map(|body| serving.body(body)))
            }
        });
        let builder = builder();
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Felt::new(stream, &pulse)), service));
        let (mut overdue, mut stopping) = (pin!(pulse.overdue()), pin!(self.stopping.cancelled()));
        let mut asked = false;
        loop {
            tokio::select! {
                served = connection.as_mut() => return served.or_else(|error| refused(&*error)),
                // The connection is dropped, and with it all that it holds.
                overdue = &mut overdue => return match overdue {
                    Overdue::Head => Err(Refused::SlowHead),
                    Overdue::Idle => Ok(()),
                    Overdue::Unread => Err(Refused::Unread),
                },
                () = &mut stopping, if !asked => {
                    asked = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Whether a head is as small as it must be.
fn fits(request: &Request<Body>) -> bool {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    // `: ` and the end of a line.
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    request.headers().len() <= HEADERS && target + lines.sum::<usize>() <= HEAD
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The pulse knows better what a connection waits for.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD);
    let ((stream, connection), (ping, pong)) = (h2::WINDOWS, h2::PING);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD as u32)
        .max_concurrent_streams(h2::STREAMS)
        .max_pending_accept_reset_streams(h2::RESETS)
        .max_local_error_reset_streams(h2::LOCAL_RESETS)
        .initial_stream_window_size(stream)
        .initial_connection_window_size(connection)
        .max_send_buf_size(h2::SEND_BUFFER)
        .keep_alive_interval(ping)
        .keep_alive_timeout(pong);
    builder
}

/// Why hyper ended a connection: what it has answered itself counts as refused, what broke off doesn't.
fn refused(error: &(dyn std::error::Error + 'static)) -> Result<(), Refused> {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => Err(Refused::LargeHead),
        Some(error) if error.is_parse() => Err(Refused::MalformedHead),
        _ => Ok(()),
    }
}

/// Errors of `accept` that belong to a connection which is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The room for connections: so many in all, and a share of them for each address.
pub(super) struct Room {
    most: usize,
    proxies: Arc<Proxies>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    of: HashMap<Place, usize>,
}

/// The room of one connection, until this is dropped.
pub(super) struct Held {
    room: Arc<Room>,
    of: Option<Place>,
}

impl Room {
    pub(super) fn new(most: usize, proxies: Arc<Proxies>) -> Arc<Self> {
        Arc::new(Self { most, proxies, taken: Mutex::default() })
    }

    /// Room for a connection from there, if there is any.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Held> {
        // Behind this machine's address, and a proxy's, are many callers.
        let of = (!self.proxies.share_connections(peer)).then(|| Place::of(peer));
        let mut taken = self.lock();
        if taken.in_all >= self.most {
            return None;
        }
        if let Some(place) = of {
            let own = taken.of.entry(place).or_default();
            if *own >= (self.most / SHARE).max(1) {
                return None;
            }
            *own += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Some(Held { room: Arc::clone(self), of })
    }

    /// How many connections there are.
    #[cfg(feature = "telemetry")]
    pub(super) fn taken(&self) -> usize {
        self.lock().in_all
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let taken = self.lock();
        taken.in_all == 0 && taken.of.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.in_all -= 1;
        if let Some(Entry::Occupied(mut own)) = self.of.map(|place| taken.of.entry(place)) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}
