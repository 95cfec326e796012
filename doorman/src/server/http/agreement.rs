//! Headers that repeat what the body says must say the same, whatever the protocol version: a proxy that decides by one
//! and a server that acts by the other would be two policies (S11, SEP-2243).

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{super::scan::Envelope, refuse::Refused};

/// Checks the headers that are there. Which must be there is rmcp's to say, for it depends on the version.
pub(super) fn check(headers: &HeaderMap, envelope: &Envelope<'_>) -> Result<(), Refused> {
    let said = [
        ("Mcp-Method", HeaderName::from_static("mcp-method"), envelope.method.as_deref()),
        ("Mcp-Name", HeaderName::from_static("mcp-name"), envelope.target.as_deref()),
        ("MCP-Protocol-Version", HeaderName::from_static("mcp-protocol-version"), envelope.protocol_version.as_deref()),
    ];
    for (header, name, body) in said {
        let mut values = headers.get_all(&name).iter();
        let Some(value) = values.next() else { continue };
        let single = values.next().is_none();
        let agrees = match (text(value), body) {
            (Some(text), Some(body)) => text == body,
            // A session's version is agreed at its start, not every method has a name, and an answer has no method.
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !single || !agrees {
            return Err(Refused::HeaderMismatch { header, id: envelope.id.map(Into::into) });
        }
    }
    Ok(())
}

/// A header's text; what a header can't hold comes as `=?base64?…?=`.
fn text(value: &HeaderValue) -> Option<Cow<'_, str>> {
    let text = value.to_str().ok()?;
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(text.into());
    };
    let decoded = STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok().map(Cow::Owned)
}
