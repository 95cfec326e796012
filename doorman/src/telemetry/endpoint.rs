//! The collector as an address: where requests go, how long they take, how much they bring. No redirects, no proxies from the
//! environment. What it refuses for a while is tried again until the exporter's time is over.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use reqwest::{Client, redirect::Policy, retry};
use tokio::runtime::Handle;

use super::queue::Waiting;

/// The most bytes of an answer: it says little.
const MOST: usize = 64 << 10;
/// How often trouble is told.
const TOLD: Duration = Duration::from_secs(60);

/// What spans and metrics are sent with.
#[derive(Clone)]
pub(super) struct Collector(Arc<Inner>);

struct Inner {
    client: Client,
    /// Exporters run on threads of their own.
    runtime: Handle,
    waiting: Arc<Waiting>,
    answers: AtomicBool,
    told: Mutex<Option<Instant>>,
}

impl Collector {
    pub(super) fn new(patience: Duration, waiting: Arc<Waiting>) -> Result<Self, &'static str> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .retry(retry::never())
            .connect_timeout(patience)
            .timeout(patience)
            .user_agent("doorman");
        let client = client.build().map_err(|_| "no TLS: expected root certificates that can be read")?;
        let (answers, told) = (AtomicBool::new(true), Mutex::default());
        Ok(Self(Arc::new(Inner { client, runtime: Handle::current(), waiting, answers, told })))
    }

    /// Whether it answered when it was last sent something.
    pub(super) fn answers(&self) -> bool {
        self.0.answers.load(Ordering::Relaxed)
    }
}

impl Inner {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, &'static str> {
        let (parts, body) = request.into_parts();
        let sent = self.client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send();
        let mut answer = sent.await.map_err(|error| match () {
            () if error.is_timeout() => "it takes too long",
            () if error.is_connect() => "it can't be reached",
            () => "the request failed",
        })?;
        let status = answer.status();
        let mut said = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| "its answer broke off")? {
            said.extend_from_slice(&chunk);
            if said.len() > MOST {
                return Err("its answer is too long");
            }
        }
        let mut response = Response::new(said.into());
        *response.status_mut() = status;
        Ok(response)
    }

    /// Tells of trouble once in a while, never what was sent or where.
    fn note(&self, trouble: Option<&str>) {
        self.answers.store(trouble.is_none(), Ordering::Relaxed);
        let Some(trouble) = trouble else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|then| then.elapsed() >= TOLD) {
            *told = Some(Instant::now());
            tracing::warn!(lost = self.waiting.lost(), "telemetry doesn't reach the OTLP collector: {trouble}");
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("answers", &self.answers()).finish_non_exhaustive()
    }
}

impl HttpClient for Collector {
    fn send_bytes<'s, 'f>(&'s self, request: Request<Bytes>) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let inner = Arc::clone(&self.0);
        let sending = self.0.runtime.spawn(async move { inner.send(request).await });
        Box::pin(async move {
            let sent = sending.await.unwrap_or(Err("the process ends"));
            match &sent {
                Ok(answer) if answer.status().is_success() => self.0.note(None),
                Ok(answer) => self.0.note(Some(&format!("it answers {}", answer.status().as_u16()))),
                Err(trouble) => self.0.note(Some(trouble)),
            }
            Ok(sent?)
        })
    }
}
