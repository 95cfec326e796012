//! The span of one request that reached the guard, after OpenTelemetry's semantic conventions for MCP. It is a span of
//! `tracing`, so it goes where the process's subscriber sends spans, and what the function traces is beneath it.

use tracing::{Instrument, Span, field::Empty, instrument::Instrumented};

use super::{Closed, Opened};
use crate::{
    audit::Transport,
    call::Trace,
    exposure::{Capability, Kind},
};

/// The `target` of these spans, for filters.
pub(crate) const TARGET: &str = "doorman::call";

/// A span that begins with the request and ends with its record, whatever the way out (S22).
pub(crate) struct CallSpan {
    span: Span,
    /// What the caller may be believed of its trace.
    said: Trace,
}

impl CallSpan {
    /// Begins. A caller whom nobody vouches for is given a trace of its own, with a link to the one that it says: a
    /// stranger neither writes into our traces nor decides which are sampled.
    pub(crate) fn open(opened: &Opened<'_>) -> Self {
        let verified = opened.principal.is_verified();
        let span = tracing::info_span!(
            target: TARGET,
            // Not beneath whatever happens to serve the connection, which may last for long.
            parent: None,
            "mcp.server",
            otel.name = opened.method,
            otel.kind = "server",
            otel.status_code = Empty,
            mcp.method.name = opened.method,
            mcp.protocol.version = opened.protocol,
            mcp.session.id = opened.session.as_ref().map(|tag| tag.as_str()),
            network.transport = match opened.transport {
                Transport::Stdio => "pipe",
                Transport::Http => "tcp",
            },
            gen_ai.operation.name = Empty,
            gen_ai.tool.name = Empty,
            gen_ai.prompt.name = Empty,
            mcp.resource.uri = Empty,
            "error.type" = Empty,
            doorman.capability = "(unknown)",
            doorman.verdict = Empty,
            doorman.reason = Empty,
            doorman.agent.id = opened.principal.agent().map(|agent| agent.id()),
            doorman.agent.type = opened.principal.agent().map(|agent| agent.kind()),
            doorman.result.bytes = Empty,
        );
        #[cfg(feature = "telemetry")]
        if let Some(parent) = opened.trace.parent().filter(|_| !span.is_disabled()) {
            context::join(&span, parent, verified);
        }
        Self { span, said: if verified { opened.trace.clone() } else { Trace::default() } }
    }

    /// Whether anybody sees it.
    pub(crate) fn is_seen(&self) -> bool {
        !self.span.is_disabled()
    }

    /// Names what is called. Only what there is for the caller has a name here: nobody can make up others.
    pub(crate) fn found(&self, method: &'static str, capability: &Capability) {
        if !self.is_seen() {
            return;
        }
        let name = &*capability.name;
        let _ = self.span.record("doorman.capability", name);
        match capability.kind {
            Kind::Tool => {
                self.span.record("otel.name", format!("{method} {name}")).record("gen_ai.tool.name", name);
                if method == "tools/call" {
                    self.span.record("gen_ai.operation.name", "execute_tool");
                }
            }
            Kind::Prompt => {
                self.span.record("otel.name", format!("{method} {name}")).record("gen_ai.prompt.name", name);
            }
            // Of a template its text, never what a caller put in.
            Kind::Resource | Kind::Template => drop(self.span.record("mcp.resource.uri", name)),
        }
    }

    /// The trace for what the call does: the caller's, beneath this span if spans are made.
    pub(crate) fn trace(&self) -> Trace {
        #[cfg(feature = "telemetry")]
        if let Some(own) = context::of(&self.span) {
            return self.said.beneath(own);
        }
        self.said.clone()
    }

    /// A span of its own for what goes on when this one has ended.
    pub(crate) fn after(&self, opened: &Opened<'_>) -> Self {
        let trace = self.trace();
        Self::open(&Opened { trace: &trace, ..*opened })
    }

    /// Has a future run in the span.
    pub(crate) fn scope<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.span.clone())
    }

    /// Ends. Functions that still run, and spans of theirs, don't hold it up.
    pub(crate) fn close(&self, closed: &Closed<'_>) {
        if !self.is_seen() {
            return;
        }
        self.span.record("doorman.verdict", closed.verdict.as_str()).record("doorman.reason", closed.reason);
        if let Some(bytes) = closed.result_bytes {
            self.span.record("doorman.result.bytes", bytes);
        }
        if let Some(error) = closed.error() {
            self.span.record("error.type", error).record("otel.status_code", "ERROR");
        }
        #[cfg(feature = "telemetry")]
        context::end(&self.span);
    }
}

/// Between what a request says of its trace and OpenTelemetry's context.
#[cfg(feature = "telemetry")]
mod context {
    use opentelemetry::{
        Context, SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceContextExt, TraceState},
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use crate::call::TraceParent;

    /// Puts a span beneath another's, or beside it.
    pub(super) fn join(span: &Span, parent: TraceParent, verified: bool) {
        let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, above) = (TraceId::from_bytes(parent.trace), SpanId::from_bytes(parent.span));
        // The caller's state goes on to what is called, and to no collector: it may say anything (S20).
        let remote = SpanContext::new(trace, above, flags, true, TraceState::default());
        if verified {
            // There may be nobody who makes spans of these.
            let _ = span.set_parent(Context::new().with_remote_span_context(remote));
        } else {
            span.add_link(remote);
        }
    }

    /// The span's own place in a trace, if spans are made.
    pub(super) fn of(span: &Span) -> Option<TraceParent> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        let own = context.span().span_context().clone();
        own.is_valid().then(|| TraceParent {
            trace: own.trace_id().to_bytes(),
            span: own.span_id().to_bytes(),
            sampled: own.is_sampled(),
        })
    }

    pub(super) fn end(span: &Span) {
        span.context().span().end();
    }
}
