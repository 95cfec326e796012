//! Capabilities that a caller is shown and lacks the scopes of (S02): a call to one is answered by HTTP, which says them, so
//! that the client can ask for a better token (RFC 6750 §3.1, MCP's scope challenge).

use std::sync::Arc;

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Server, metadata::Challenge, plain, refuse::challenge, trace};
use crate::{
    exposure::Kind,
    guard::{Asked, Body, Continuation, Nobody, Request},
    server::{
        arrival::Arrival,
        handler::known_version,
        scan::{self, Envelope},
    },
};

impl Server {
    /// The answer to a call of such a capability, which the guard counts and records as any other.
    pub(super) async fn step_up(
        &self,
        arrival: &Arrival,
        envelope: &Envelope<'_>,
        body: &[u8],
        headers: &HeaderMap,
    ) -> Option<Response> {
        let (method, target) = (envelope.method.as_deref()?, envelope.target.as_deref()?);
        let kind = match method {
            "tools/call" => Kind::Tool,
            "prompts/get" => Kind::Prompt,
            "resources/read" => Kind::Resource,
            _ => return None,
        };
        if envelope.kind != scan::Kind::Request || arrival.access.view.discoverable(kind, target).is_none() {
            return None;
        }
        let mut message: Value = serde_json::from_slice(body).unwrap_or_default();
        let meta = |name: &str| message.pointer("/params/_meta")?.get(name)?.as_str();
        let trace = trace([meta("traceparent"), meta("tracestate"), meta("baggage")], headers);
        let request = Request {
            rules: Arc::clone(&arrival.generation.rules),
            access: Arc::clone(&arrival.access),
            asked: asked(kind, target, &mut message),
            continuation: Continuation::default(),
            transport: arrival.transport,
            session: arrival.session,
            protocol: envelope.protocol_version.as_deref().and_then(known_version),
            trace,
            cancelled: CancellationToken::new(),
            client: Arc::new(Nobody),
        };
        let answer = Box::pin(self.door.guard.call(request)).await?;
        let wait = answer.meta.and_then(|meta| meta.retry_after);
        Some(match (answer.body, wait) {
            (Body::Scopes(scopes), _) => {
                let scopes = scopes.join(" ");
                challenge(StatusCode::FORBIDDEN, &Challenge::Scopes(&scopes), self.metadata().as_deref())
            }
            (_, Some(wait)) => {
                let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().saturating_add(1).into());
                response
            }
            (_, None) => plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        })
    }
}

fn asked(kind: Kind, target: &str, message: &mut Value) -> Asked {
    let mut arguments = || message.pointer_mut("/params/arguments").map(Value::take).unwrap_or_default();
    match kind {
        Kind::Prompt => Asked::Prompt { name: target.into(), arguments: arguments() },
        Kind::Resource | Kind::Template => Asked::Resource { uri: target.into() },
        Kind::Tool => Asked::Tool { name: target.into(), arguments: arguments() },
    }
}
