//! Why a call ended before its function's own end, and how the record names it.

use std::sync::Arc;

use super::Round;
use crate::{
    audit::Verdict,
    call::{Failure, ToolError},
    filter::Refused,
    limits::{Exceeded, Kind},
};

/// Why a call ended before its function's own end.
pub(super) enum Stop {
    /// Unknown, or not granted: no one can tell which.
    Unknown,
    /// Not granted, and the operator wants it to be known: these scopes are needed.
    Scopes(Box<[Arc<str>]>),
    Limit(Exceeded),
    /// A filter of arguments or of what leaves.
    Filtered(Refused),
    Invalid(String),
    Outside(String),
    Failed(ToolError),
    Timeout,
    Cancelled,
    Panicked(String),
    AuditDown,
    /// The counts of limits can't be looked at.
    StateDown,
    /// The function asks something; the round has ended.
    Asking(Option<Round>),
    /// What the client sent to go on with a call isn't this server's, for this call, or not any more.
    ForeignState,
    /// The answers that the client would have to carry are too many bytes.
    TooMuchState,
}

impl Stop {
    /// How the record names it.
    pub(super) fn verdict(&self) -> (Verdict, &'static str) {
        match self {
            Self::Unknown => (Verdict::Denied, "unknown_capability"),
            Self::Scopes(_) => (Verdict::Denied, "insufficient_scope"),
            Self::Limit(Exceeded { kind: Kind::Budget, .. }) => (Verdict::BudgetExceeded, "budget"),
            Self::Limit(Exceeded { kind: Kind::Rate, .. }) => (Verdict::RateLimited, "rate"),
            Self::Limit(Exceeded { kind: Kind::Breaker, .. }) => (Verdict::RateLimited, "breaker"),
            Self::Limit(Exceeded { kind: Kind::Concurrency, .. }) => (Verdict::RateLimited, "concurrency"),
            Self::Filtered(refused) => (Verdict::Blocked, refused.reason()),
            Self::Invalid(_) => (Verdict::Invalid, "arguments"),
            Self::Outside(_) => (Verdict::Denied, "scope_violation"),
            Self::Failed(error) => match error.failure() {
                Failure::User(_) => (Verdict::Error, "tool"),
                Failure::Denied(_) => (Verdict::Denied, "tool"),
                Failure::Internal(_) => (Verdict::Error, "internal"),
                Failure::Lacking(_) => (Verdict::Error, "client"),
            },
            Self::Timeout => (Verdict::Timeout, "timeout"),
            Self::Cancelled => (Verdict::Cancelled, "cancelled"),
            Self::Panicked(_) => (Verdict::Panicked, "panic"),
            Self::AuditDown => (Verdict::Error, "audit"),
            Self::StateDown => (Verdict::Error, "state"),
            Self::Asking(_) => (Verdict::InputRequired, "input"),
            Self::ForeignState => (Verdict::Invalid, "request_state"),
            Self::TooMuchState => (Verdict::Blocked, "result_too_large"),
        }
    }
}
