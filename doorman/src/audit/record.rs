//! What is recorded of a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use doorman_grammar::name;

use super::line::Line;
use super::shape::Shape;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The function ran and returned a result.
    Ok,
    /// Unknown, not granted, or outside of the agent's resources.
    Denied,
    /// A rate rule, or the bound on running calls, refused.
    RateLimited,
    /// A budget refused.
    BudgetExceeded,
    /// The arguments don't fit.
    Invalid,
    /// A filter refused.
    Blocked,
    /// The function asks something of the client; the next round brings the answer.
    InputRequired,
    /// The function ran and failed.
    Error,
    /// The function ran for too long.
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// The function panicked.
    Panicked,
}

impl Verdict {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::RateLimited => "rate_limited",
            Self::BudgetExceeded => "budget_exceeded",
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::InputRequired => "input_required",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was called, as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability<'a> {
    /// A tool or a prompt, by the name that the caller said; recorded as `(invalid)` unless it is a legal name.
    Named(&'a str),
    /// A resource, by the URI or the template that the application says; never by what the caller said.
    Resource(&'a str),
}

impl<'a> Capability<'a> {
    /// The text in the record.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Named(name) if !name::is_tool(name) => "(invalid)",
            Self::Named(text) | Self::Resource(text) => text,
        }
    }
}

/// The way in which a request arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http,
}

impl Transport {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
        }
    }
}

/// Which session a call belongs to, without the session's id: whoever knows that can take the session over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionTag([u8; 16]);

impl SessionTag {
    /// The tag of a session id: 16 hexadecimal digits, the first 64 bits of its SHA-256. Make it once a session.
    #[must_use]
    pub fn of(session_id: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, session_id.as_bytes());
        let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 0xF)];
        let mut tag = [b'0'; 16];
        for (pair, byte) in tag.chunks_exact_mut(2).zip(digest.as_ref()) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(*byte)]);
        }
        Self(tag)
    }

    /// The 16 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A filter that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filtered<'a> {
    /// The filter's name, as the operator or the application says it.
    pub name: &'a str,
    /// Where it matched: a JSON pointer into the parameters or the result, with `*` for every part that is nobody's word but
    /// the caller's or the data's.
    pub place: &'a str,
    /// What became of it: `block`, `warn` or `redact`.
    pub action: &'a str,
}

/// One finished call. Texts are escaped, and cut after 256 bytes; what is `None` isn't in the line, except for the
/// agent, which is `null`.
#[derive(Debug, Clone, Copy)]
pub struct CallRecord<'a> {
    /// The agent's instance.
    pub agent_id: Option<&'a str>,
    /// The agent's role.
    pub agent_type: Option<&'a str>,
    /// How the request arrived.
    pub transport: Transport,
    /// The protocol's method: `tools/call`, …
    pub method: &'a str,
    /// What was called.
    pub capability: Capability<'a>,
    /// How the call ended.
    pub verdict: Verdict,
    /// Why, in a word of ours such as `unknown_capability`. Never a text that the caller or the function chose.
    pub reason: &'a str,
    /// The shape of the arguments, taken before the function ran.
    pub shape: &'a Shape,
    /// From the arrival of the request to the end of the call; recorded in whole microseconds.
    pub duration: Duration,
    /// The session.
    pub session: Option<SessionTag>,
    /// The verified subject.
    pub principal: Option<&'a str>,
    /// The principal's tenant.
    pub tenant: Option<&'a str>,
    /// The issuer of the principal's token: its name is unique for that issuer only.
    pub issuer: Option<&'a str>,
    /// The OAuth client that acts for the principal.
    pub client: Option<&'a str>,
    /// The scopes that the capability asks for.
    pub scopes_required: &'a [Arc<str>],
    /// What the call takes from budgets.
    pub cost: Option<u32>,
    /// How many values of each kind were masked in what went out.
    pub redactions: &'a [(&'static str, u64)],
    /// The filters that matched.
    pub filters: &'a [Filtered<'a>],
    /// The size of the result that went out, in bytes.
    pub result_bytes: Option<u64>,
    /// The call's id, where it has one: joins its records, as that of an intent with that of its end.
    pub call: Option<&'a str>,
    /// The trace that the call belongs to, where one is known: 32 hexadecimal digits.
    pub trace: Option<&'a str>,
    /// Whether this is the end of a task, whose call has been recorded.
    pub ends_task: bool,
}

impl<'a> CallRecord<'a> {
    /// A record of what is known of every call; the rest is unknown and may be filled in with `..`.
    #[must_use]
    pub fn new(
        method: &'a str,
        transport: Transport,
        capability: Capability<'a>,
        verdict: Verdict,
        reason: &'a str,
        shape: &'a Shape,
    ) -> Self {
        Self {
            method,
            agent_id: None,
            agent_type: None,
            transport,
            capability,
            verdict,
            reason,
            shape,
            duration: Duration::ZERO,
            session: None,
            principal: None,
            tenant: None,
            issuer: None,
            client: None,
            scopes_required: &[],
            cost: None,
            redactions: &[],
            filters: &[],
            result_bytes: None,
            call: None,
            trace: None,
            ends_task: false,
        }
    }

    /// The members of the line, but for `ts` and `seq`, which it gets when it is written.
    pub(crate) fn line(&self) -> Line {
        let mut line = Line::with_capacity(768);
        line.text("kind", if self.ends_task { "task" } else { "call" })
            .text_or_null("agent_id", self.agent_id)
            .text_or_null("agent_type", self.agent_type)
            .text("transport", self.transport.as_str())
            .text("method", self.method)
            .text("capability", self.capability.as_str())
            .text("verdict", self.verdict.as_str())
            .text("reason", self.reason)
            .json("shape", self.shape.as_json())
            .number("duration_us", u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX))
            .text_if_known("session", self.session.as_ref().map(SessionTag::as_str))
            .text_if_known("principal", self.principal)
            .text_if_known("tenant", self.tenant)
            .text_if_known("issuer", self.issuer)
            .text_if_known("client", self.client);
        if !self.scopes_required.is_empty() {
            line.list("scopes_required", self.scopes_required);
        }
        if let Some(cost) = self.cost {
            line.number("cost", u64::from(cost));
        }
        if !self.redactions.is_empty() {
            line.counts("redactions", self.redactions);
        }
        if !self.filters.is_empty() {
            line.objects("filters", self.filters, |line, it| {
                line.text("name", it.name).text("place", it.place).text("action", it.action);
            });
        }
        if let Some(bytes) = self.result_bytes {
            line.number("result_bytes", bytes);
        }
        line.text_if_known("call", self.call).text_if_known("trace", self.trace);
        line
    }

    /// As [`line`](Self::line), for what is known before the function runs.
    pub(crate) fn intent(&self) -> Line {
        let mut line = Line::with_capacity(512);
        line.text("kind", "intent")
            .text_or_null("agent_id", self.agent_id)
            .text_or_null("agent_type", self.agent_type)
            .text("transport", self.transport.as_str())
            .text("method", self.method)
            .text("capability", self.capability.as_str())
            .json("shape", self.shape.as_json())
            .text_if_known("session", self.session.as_ref().map(SessionTag::as_str))
            .text_if_known("principal", self.principal)
            .text_if_known("tenant", self.tenant)
            .text_if_known("issuer", self.issuer)
            .text_if_known("client", self.client)
            .text_if_known("call", self.call)
            .text_if_known("trace", self.trace);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::SessionTag;

    #[test]
    fn a_session_tag_is_the_start_of_its_sha_256() {
        assert_eq!(SessionTag::of("abc").as_str(), "ba7816bf8f01cfea");
    }
}
