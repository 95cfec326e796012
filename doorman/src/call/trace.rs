//! The trace that a call belongs to (W3C Trace Context and Baggage): what it came with, and what the function passes on.

use std::fmt::Write;

use super::{Call, FromCall, ToolResult};

/// The most bytes of a `tracestate` (W3C Trace Context §3.3.1.5), and of a `baggage` (W3C Baggage §3.3.2).
const MOST: (usize, usize) = (512, 8192);

/// The trace that a call belongs to, as an extractor: what a function says to the services that it calls, so that their spans
/// are children of this call's. It is empty where there is no trace.
///
/// It comes from the request's `_meta` (`traceparent`, `tracestate`, `baggage`; SEP-414), or else from the headers of
/// these names, of callers whom a verifier vouches for; from nobody else. If spans are made, the parent is the call's own.
///
/// ```
/// use doorman::prelude::*;
/// use doorman::Trace;
///
/// /// Asks another service.
/// #[expose(read_only, public)]
/// async fn ask(trace: Trace) -> String {
///     let headers: Vec<String> = trace.headers().map(|(name, value)| format!("{name}: {value}")).collect();
///     headers.join("\n")
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    parent: Option<TraceParent>,
    state: Option<Box<str>>,
    baggage: Option<Box<str>>,
}

/// Which span is whose parent, of which trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    pub(crate) sampled: bool,
}

impl Trace {
    /// No trace.
    pub(crate) const NONE: &Self = &Self { parent: None, state: None, baggage: None };

    /// The trace that a request says. What is malformed is as good as not said, and without a parent there is no state.
    pub(crate) fn said(parent: Option<&str>, state: Option<&str>, baggage: Option<&str>) -> Self {
        let parent = parent.and_then(TraceParent::parse);
        let fits = |text: &&str, most| !text.is_empty() && text.len() <= most && text.bytes().all(is_visible);
        Self {
            parent,
            state: state.filter(|text| parent.is_some() && fits(text, MOST.0)).map(Into::into),
            baggage: baggage.filter(|text| fits(text, MOST.1)).map(Into::into),
        }
    }

    /// The same, with the call's own span as the parent of what follows.
    #[cfg(feature = "telemetry")]
    pub(crate) fn beneath(&self, parent: TraceParent) -> Self {
        let goes_on = self.parent.is_some_and(|it| it.trace == parent.trace);
        Self { parent: Some(parent), state: self.state.clone().filter(|_| goes_on), baggage: self.baggage.clone() }
    }

    #[cfg(any(test, feature = "telemetry"))]
    pub(crate) fn parent(&self) -> Option<TraceParent> {
        self.parent
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        self.parent.map(|parent| hex(&parent.trace))
    }

    /// The value of a `traceparent` header.
    pub fn traceparent(&self) -> Option<String> {
        self.parent.map(|it| format!("00-{}-{}-0{}", hex(&it.trace), hex(&it.span), u8::from(it.sampled)))
    }

    /// The value of a `tracestate` header, as the caller said it.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The value of a `baggage` header, as the caller said it.
    pub fn baggage(&self) -> Option<&str> {
        self.baggage.as_deref()
    }

    /// The headers to send with a request: names in lower case, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let headers = [
            ("traceparent", self.traceparent()),
            ("tracestate", self.tracestate().map(str::to_owned)),
            ("baggage", self.baggage().map(str::to_owned)),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl FromCall for Trace {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(call.trace().clone())
    }
}

impl TraceParent {
    /// W3C Trace Context §3.2: `00-<32 hex>-<16 hex>-<2 hex>`, in lower case. A later version may go on after that.
    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let dashes = [2, 35, 52].iter().all(|&at| bytes.get(at) == Some(&b'-'));
        let ends = match bytes.get(..2)? {
            b"ff" => false,
            b"00" => bytes.len() == 55,
            _ => matches!(bytes.get(55), None | Some(b'-')) && bytes.len() <= 512,
        };
        if !dashes || !ends {
            return None;
        }
        let [_version]: [u8; 1] = unhex(&bytes[..2])?;
        let (trace, span) = (unhex(&bytes[3..35])?, unhex(&bytes[36..52])?);
        let [flags] = unhex(bytes.get(53..55)?)?;
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

fn is_visible(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (value(pair[0])? * 16 + value(pair[1])?) as u8;
    }
    (digits.len() == 2 * N).then_some(out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_said_is_passed_on() {
        let trace = Trace::said(Some(GOOD), Some("vendor=1"), Some("a=1,b=2"));
        assert_eq!(trace.trace_id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let headers: Vec<_> = trace.headers().collect();
        let expected = [("traceparent", GOOD), ("tracestate", "vendor=1"), ("baggage", "a=1,b=2")];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn what_is_malformed_is_as_good_as_not_said() {
        let later = format!("cc{}-more", &GOOD[2..]);
        assert!(Trace::said(Some(&later), None, None).parent().is_some(), "a version that is to come");
        let none = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let no_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let upper = GOOD.to_uppercase();
        let (long, ff, ended) = (format!("{GOOD}-x"), format!("ff{}", &GOOD[2..]), format!("cc{}x", &GOOD[2..]));
        for text in ["", "00", none, no_span, &upper, &long, &ff, &ended, &GOOD[..54], &GOOD.replace('-', "_"), "00-ä"]
        {
            assert_eq!(Trace::said(Some(text), Some("a=b"), None), Trace::default(), "{text}");
        }
        let long = "x".repeat(9000);
        for text in ["", "a\nb", "ä", &long] {
            assert_eq!(Trace::said(Some(GOOD), Some(text), Some(text)), Trace::said(Some(GOOD), None, None), "{text}");
        }
    }
}
