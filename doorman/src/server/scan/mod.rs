//! The gate before the JSON-RPC parser: one linear scan of the raw bytes of one message.
//!
//! In come the bytes of a line or a request body; out goes an [`Envelope`] of facts borrowed from them, or a [`Refusal`]
//! with the JSON-RPC code to answer. rmcp answers malformed JSON with 415 or not at all, takes the last of two equal
//! keys and knows no depth of ours, so what it must never see is stopped here; whatever passes also parses there.
//! `lex` knows tokens, `walk` structure and duplicates, `envelope` JSON-RPC 2.0.

mod envelope;
#[cfg(test)]
mod laws;
mod lex;
#[cfg(test)]
mod tests;
mod walk;

use std::{borrow::Cow, fmt};

/// The deepest nesting that any limit may allow: `serde_json` refuses the level after it.
const DEEPEST: usize = 127;

/// What a message may cost to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanLimits {
    depth: usize,
    values: usize,
}

/// The longest request for a subscription, in bytes: rmcp keeps it for as long as the subscription lasts.
const LONGEST_SUBSCRIPTION: usize = 128 * 1024;

/// How many values a message may have: parsed, each takes many times the byte or two that it takes in the text.
const VALUES: usize = 250_000;

impl ScanLimits {
    /// Objects and arrays may nest `depth` levels, the message itself being the first; 127 at most, so that what passes
    /// still parses.
    pub(crate) fn depth(depth: usize) -> Self {
        Self { depth: depth.min(DEEPEST), values: VALUES }
    }
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self::depth(64)
    }
}

/// Which of the three JSON-RPC messages one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `method` and `id`: wants an answer.
    Request,
    /// `method` without `id`: gets none.
    Notification,
    /// `result` or `error`: answers a request of ours.
    Response,
}

/// What the transport needs to know of a legal message before it is parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// Request, notification or response.
    pub(crate) kind: Kind,
    /// `method`, decoded; absent in a response.
    pub(crate) method: Option<Cow<'a, str>>,
    /// `id` as it was written, quotes included: a string or an integer that fits `i64`.
    pub(crate) id: Option<&'a str>,
    /// What the call is about, decoded, which is what the `Mcp-Name` header must repeat: `params.name`, `params.uri` or
    /// `params.taskId`, as the method has it. Absent when it isn't a string.
    pub(crate) target: Option<Cow<'a, str>>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`, decoded, when it is a string.
    pub(crate) protocol_version: Option<Cow<'a, str>>,
}

/// Which of the JSON-RPC error codes a refusal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// −32700: not UTF-8 or not JSON.
    Parse,
    /// −32600: JSON, but not one legal JSON-RPC 2.0 message.
    Request,
    /// −32602: the message is legal, what stands in its `params` is not.
    Params,
}

impl Code {
    /// The number on the wire.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::Request => -32600,
            Self::Params => -32602,
        }
    }
}

/// Why a message goes no further. `Display` is the message for the caller: it says what and where, never what stood there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code to answer with.
    pub(crate) code: Code,
    /// The request's `id` as it was written, if exactly one legal id was read before scanning ended; else answer `null`.
    pub(crate) id: Option<Box<str>>,
    fault: Fault,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == Code::Parse {
            f.write_str("malformed JSON: ")?;
        }
        let Fault { what, at } = self.fault;
        match at {
            Some(at) => write!(f, "{what} (at byte {at})"),
            None => f.write_str(what),
        }
    }
}

/// What is wrong, and at which byte where there is one to point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    what: &'static str,
    at: Option<usize>,
}

impl Fault {
    fn at(at: usize, what: &'static str) -> Self {
        Self { what, at: Some(at) }
    }

    fn missing(what: &'static str) -> Self {
        Self { what, at: None }
    }
}

/// Reads one message to its end and says what it is, or why it is refused.
///
/// Takes time linear in `bytes` (sorting keys adds a logarithm in objects of more than eight), whatever they hold, and
/// doesn't recurse.
pub(crate) fn scan<'a>(bytes: &'a [u8], limits: &ScanLimits) -> Result<Envelope<'a>, Refusal> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let fault = Fault::at(error.valid_up_to(), "not UTF-8");
            return Err(Refusal { code: Code::Parse, id: None, fault });
        }
    };
    let mut walk = walk::Walk::new(text, *limits);
    let parsed = walk.run();
    let (facts, outside, inside) = walk.finish();
    let refuse = |code, fault| Err(Refusal { code, id: facts.sole_id().map(Box::from), fault });

    // Not JSON trumps all; what is wrong with the envelope trumps what is wrong inside `params`.
    if let Err(fault) = parsed {
        return refuse(Code::Parse, fault);
    }
    match (facts.is_object(), outside, envelope::read(&facts), inside) {
        (Err(fault), ..) | (_, Some(fault), ..) | (_, _, Err(fault), _) => refuse(Code::Request, fault),
        (.., Some(fault)) => refuse(Code::Params, fault),
        (_, _, Ok(envelope), None) => match envelope.method.as_deref() {
            Some("subscriptions/listen") if bytes.len() > LONGEST_SUBSCRIPTION => {
                refuse(Code::Params, Fault::missing("a subscription takes at most 128 KiB"))
            }
            _ => Ok(envelope),
        },
    }
}

/// A JSON-RPC error message; `id` as it was written, else `null`.
pub(crate) fn error_message(code: i32, message: &str, id: Option<&str>) -> String {
    let message = serde_json::Value::from(message);
    let id = id.unwrap_or("null");
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#)
}
