//! Refusals before the guard: each has one answer and one word in the audit log.

use std::time::Duration;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    metadata::{Challenge, Metadata},
    plain,
};
use crate::server::scan;

/// Why a request goes no further.
#[derive(Debug)]
pub(super) enum Refused {
    /// The `Host` header names another server (DNS rebinding).
    Host,
    /// The `Origin` header names a web page that may not call.
    Origin,
    /// No token, where one is needed.
    NoToken,
    /// A token, or something in its place, that doesn't verify.
    BadToken,
    /// A token that can't be verified now.
    CantVerify,
    /// A token without scopes that every caller needs.
    LacksScopes(Vec<String>),
    /// A token in the query string (RFC 6750 §5.3 advises against it; S08).
    TokenInQuery,
    /// Too many tokens from this address didn't verify; one more may be tried after this time.
    TooManyAttempts(Duration),
    /// `Doorman::dev()` answers this machine only.
    NotLocal,
    /// No room for another connection, or for another one from this address.
    TooManyConnections,
    /// A TLS handshake that failed.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no TLS"))]
    Handshake,
    /// A head that took too long.
    SlowHead,
    /// A head with too many lines, or too many bytes.
    LargeHead,
    /// A head that isn't one.
    MalformedHead,
    /// A response that nobody reads.
    Unread,
    /// A body above the bound, in bytes.
    TooLarge(usize),
    /// A body that broke off.
    BrokenBody,
    /// A body that took too long.
    TooSlow,
    /// Too many bytes are being handled already.
    Busy,
    /// A header that says something else than the body (S11).
    HeaderMismatch { header: &'static str, id: Option<Box<str>> },
    /// A message that isn't one.
    Message(scan::Refusal),
    /// No such session, or another caller's.
    UnknownSession,
    /// Too many sessions.
    TooManySessions,
}

impl From<scan::Refusal> for Refused {
    fn from(refusal: scan::Refusal) -> Self {
        Self::Message(refusal)
    }
}

impl Refused {
    /// Whether it belongs to a burst that the operator is told of: strangers who come again and again.
    pub(super) fn is_of_strangers(&self) -> bool {
        use Refused::{BadToken, CantVerify, NoToken, NotLocal, TokenInQuery, TooManyAttempts, TooManyConnections};
        matches!(
            self,
            NoToken | BadToken | CantVerify | TokenInQuery | TooManyAttempts(_) | NotLocal | TooManyConnections
        )
    }

    /// The word in the audit log.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Origin => "origin",
            Self::NoToken => "no_token",
            Self::BadToken => "bad_token",
            Self::CantVerify => "cant_verify",
            Self::LacksScopes(_) => "insufficient_scope",
            Self::TokenInQuery => "token_in_query",
            Self::TooManyAttempts(_) => "too_many_attempts",
            Self::NotLocal => "not_local",
            Self::TooManyConnections => "too_many_connections",
            Self::Handshake => "tls_handshake",
            Self::SlowHead => "slow_head",
            Self::LargeHead => "large_head",
            Self::MalformedHead => "malformed_head",
            Self::Unread => "unread",
            Self::TooLarge(_) => "too_large",
            Self::BrokenBody => "broken_body",
            Self::TooSlow => "too_slow",
            Self::Busy => "busy",
            Self::HeaderMismatch { .. } => "header_mismatch",
            Self::Message(_) => "malformed",
            Self::UnknownSession => "unknown_session",
            Self::TooManySessions => "too_many_sessions",
        }
    }
}

impl Refused {
    /// The answer. `metadata` is what strangers are told of tokens.
    pub(super) fn into_response(self, metadata: Option<&Metadata>) -> Response {
        match self {
            Self::Host => plain(StatusCode::FORBIDDEN, "Forbidden: this server doesn't answer to that Host"),
            Self::Origin => plain(StatusCode::FORBIDDEN, "Forbidden: that Origin may not call this server"),
            Self::NotLocal => plain(StatusCode::FORBIDDEN, "Forbidden: development mode answers this machine only"),
            Self::NoToken => challenge(StatusCode::UNAUTHORIZED, &Challenge::Token, metadata),
            Self::BadToken => challenge(StatusCode::UNAUTHORIZED, &Challenge::OtherToken, metadata),
            Self::LacksScopes(lacking) => challenge(StatusCode::FORBIDDEN, &Challenge::BaseScopes(&lacking), metadata),
            Self::CantVerify => {
                let mut response =
                    plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable: tokens can't be verified");
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
                response
            }
            Self::TooManyAttempts(wait) => {
                let text = "Too Many Requests: too many tokens from this address were not good";
                let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], text).into_response()
            }
            Self::TooManyConnections | Self::Handshake => plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Self::SlowHead | Self::Unread => plain(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::MalformedHead => plain(StatusCode::BAD_REQUEST, "Bad Request"),
            Self::LargeHead => {
                let text = "Request Header Fields Too Large: a head may have 100 lines and 32 KiB at most";
                plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            }
            Self::TokenInQuery => {
                plain(StatusCode::BAD_REQUEST, "Bad Request: a token belongs in the Authorization header")
            }
            Self::TooLarge(most) => {
                let text = format!("Content Too Large: a body may have {most} bytes at most");
                (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
            }
            Self::BrokenBody => plain(StatusCode::BAD_REQUEST, "Bad Request: the body broke off"),
            Self::HeaderMismatch { header, id } => {
                let text = format!("the header {header} doesn't agree with the body");
                json(&scan::error_message(HEADER_MISMATCH, &text, id.as_deref()))
            }
            Self::TooSlow => plain(StatusCode::REQUEST_TIMEOUT, "Request Timeout: the body took too long"),
            Self::Busy => plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable: too much at once"),
            Self::Message(refusal) => {
                json(&scan::error_message(refusal.code.number(), &refusal.to_string(), refusal.id.as_deref()))
            }
            Self::UnknownSession => plain(StatusCode::NOT_FOUND, "Not Found: Session not found"),
            Self::TooManySessions => plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable: too many sessions"),
        }
    }
}

/// `HeaderMismatch` of MCP 2026-07-28 (SEP-2243).
const HEADER_MISMATCH: i32 = -32020;

/// 400 with a JSON-RPC error.
fn json(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], message.to_owned()).into_response()
}

/// When to ask again where tokens can't be verified, in seconds: an issuer isn't asked more often.
const RETRY_AFTER: u64 = 5;

/// A refusal that says what would open (RFC 6750 §3).
pub(super) fn challenge(status: StatusCode, challenge: &Challenge<'_>, metadata: Option<&Metadata>) -> Response {
    let mut response = plain(status, status.canonical_reason().unwrap_or_default());
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.header(metadata));
    response
}
