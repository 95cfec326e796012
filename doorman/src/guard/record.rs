//! The record of one call: opened when the call comes in, written exactly once whatever the way out (S22).

use std::{sync::Arc, time::Instant};

use super::{Access, Guard, Outgoing, Request, Rounds, Rules, filter::Screened};
use crate::{
    audit::{CallRecord, Capability, Filtered, Line, SessionTag, Shape, SinkError, Transport, Verdict},
    call::Trace,
    exposure::{self, Kind, World},
    redact::Counts,
    telemetry::{CallSpan, Closed, Opened},
};

pub(super) struct Record<'g> {
    guard: &'g Guard,
    rules: &'g Rules,
    access: Arc<Access>,
    method: &'static str,
    name: Option<Box<str>>,
    transport: Transport,
    session: Option<SessionTag>,
    shape: Shape,
    began: Instant,
    found: Option<usize>,
    cost: Option<u32>,
    verdict: Verdict,
    reason: &'static str,
    pub(super) redactions: Counts,
    pub(super) result_bytes: Option<u64>,
    /// The filters that apply, and what they found.
    pub(super) screened: Option<Screened>,
    rounds: Option<Arc<Rounds>>,
    /// The call's id, where other records have it, too.
    call: Option<String>,
    /// Whether it is of a task's end, whose beginning has a record already.
    ends_task: bool,
    written: bool,
    protocol: Option<&'static str>,
    /// What left while the function ran.
    pub(super) outgoing: Option<Arc<Outgoing>>,
    /// What tells of the call beside the record.
    pub(super) span: CallSpan,
}

/// What the record of a task's end begins with.
pub(super) struct Detached {
    pub(super) capability: usize,
    access: Arc<Access>,
    transport: Transport,
    session: Option<SessionTag>,
    shape: Shape,
    began: Instant,
    cost: Option<u32>,
    call: Option<String>,
    protocol: Option<&'static str>,
    span: CallSpan,
    screened: Option<Screened>,
}

impl<'g> Record<'g> {
    pub(super) fn open(guard: &'g Guard, rules: &'g Rules, request: &Request) -> Self {
        let span = CallSpan::open(&Opened {
            method: request.asked.method(),
            transport: request.transport,
            session: request.session,
            protocol: request.protocol,
            principal: &request.access.principal,
            trace: &request.trace,
        });
        Self {
            guard,
            rules,
            access: Arc::clone(&request.access),
            method: request.asked.method(),
            // A name may hold what it likes, a credential too.
            name: request.asked.name().map(|name| rules.redactor.scrub(name).into()),
            transport: request.transport,
            session: request.session,
            shape: request.asked.shape(),
            began: Instant::now(),
            found: None,
            cost: None,
            // What a call is that nobody brings to its end: dropped by its transport.
            verdict: Verdict::Cancelled,
            reason: "dropped",
            redactions: Counts::default(),
            result_bytes: None,
            screened: None,
            rounds: None,
            call: None,
            ends_task: false,
            written: false,
            outgoing: None,
            protocol: request.protocol,
            span,
        }
    }

    pub(super) fn found(&mut self, known: Option<&exposure::Capability>) {
        self.found = known.map(|capability| capability.id);
        self.cost = known.map(|capability| capability.spec.cost);
        if let Some(capability) = known {
            self.span.found(self.method, capability);
        }
        let screens = known.and_then(|capability| self.access.screens(self.rules, capability.id));
        self.screened = screens.map(Screened::by);
    }

    /// Whose rules the caller is under.
    pub(super) fn world(&self) -> Option<World> {
        self.access.world()
    }

    /// Names what the caller is shown and lacks the scopes of.
    pub(super) fn lacks(&mut self, id: usize) -> &'g [Arc<str>] {
        self.found = Some(id);
        self.span.found(self.method, self.rules.catalog.get(id));
        &self.rules.catalog.get(id).scopes
    }

    /// What the record of a task's end begins with; from now on this one says that there is a task.
    pub(super) fn detach(&mut self) -> Detached {
        self.joined();
        // What is found from now on is the task's.
        let screened = self.screened.clone();
        self.screened = screened.as_ref().map(Screened::until_now);
        Detached {
            screened,
            capability: self.found.unwrap_or_default(),
            access: Arc::clone(&self.access),
            transport: self.transport,
            session: self.session,
            shape: self.shape.clone(),
            began: self.began,
            cost: self.cost,
            call: self.call.clone(),
            protocol: self.protocol,
            span: self.span.after(&self.opened()),
        }
    }

    /// The record of a task's end.
    pub(super) fn of_task(guard: &'g Guard, rules: &'g Rules, begun: Detached) -> Self {
        let Detached { capability, access, transport, session, shape, began, cost, call, screened, protocol, span } =
            begun;
        span.found("tools/call", rules.catalog.get(capability));
        Self {
            guard,
            rules,
            access,
            method: "tools/call",
            name: Some((*rules.catalog.get(capability).name).into()),
            transport,
            session,
            shape,
            began,
            found: Some(capability),
            cost,
            verdict: Verdict::Cancelled,
            reason: "dropped",
            redactions: Counts::default(),
            result_bytes: None,
            screened,
            call,
            rounds: None,
            ends_task: true,
            written: false,
            outgoing: None,
            protocol,
            span,
        }
    }

    /// A call of several rounds has one id in all of them.
    pub(super) fn round(&mut self, rounds: Option<Arc<Rounds>>) {
        self.rounds = rounds;
        if self.rounds.as_ref().is_some_and(|rounds| rounds.is_later()) {
            self.joined();
        }
    }

    /// There will be another record of the same call: from now on this one has the call's id.
    pub(super) fn joined(&mut self) -> Option<&str> {
        if self.call.is_none() {
            let mut own = [0; 8];
            let id: &[u8] = match self.rounds.as_ref().and_then(|rounds| rounds.id()) {
                Some(id) => &id[..8],
                None => {
                    aws_lc_rs::rand::fill(&mut own).ok()?;
                    &own
                }
            };
            self.call = Some(hex(id));
        }
        self.call.as_deref()
    }

    /// What was called, if the caller may know of it.
    pub(super) fn capability(&self) -> Option<&'g exposure::Capability> {
        self.found.map(|id| self.rules.catalog.get(id))
    }

    pub(super) fn verdict(&mut self, verdict: Verdict, reason: &'static str) {
        (self.verdict, self.reason) = (verdict, reason);
    }

    /// Writes that the call is about to run.
    pub(super) async fn intend(&mut self) -> Result<(), SinkError> {
        self.joined().ok_or_else(|| std::io::Error::other("the system has no random numbers"))?;
        let trace = self.span.trace().trace_id();
        let record = CallRecord { trace: trace.as_deref(), ..self.known() };
        self.guard.audit.intent(&record).await
    }

    /// Writes the record, and waits until it is there.
    pub(super) async fn close(mut self) -> Result<(), SinkError> {
        let handed = self.guard.audit.hand_over(self.line()).await;
        // From here on it will be written, or is known to be lost, whether or not the call goes on.
        self.written = true;
        let written = handed.written().await;
        if written.is_err() {
            self.verdict(Verdict::Error, "audit");
        }
        written
    }

    fn opened(&self) -> Opened<'_> {
        Opened {
            method: self.method,
            transport: self.transport,
            session: self.session,
            protocol: self.protocol,
            principal: &self.access.principal,
            trace: Trace::NONE,
        }
    }

    /// The span ends, and the call is counted: once, as this is the last that there is of it.
    fn tell(&self) {
        if !self.span.is_seen() && !self.guard.meters.count() {
            return;
        }
        let redactions = self.redacted();
        let agent = self.access.principal.agent();
        let closed = Closed {
            method: self.method,
            transport: self.transport,
            capability: self.capability(),
            agent_type: agent.filter(|_| self.access.world.is_some()).map(|agent| agent.kind()),
            verdict: self.verdict,
            reason: self.reason,
            duration: self.began.elapsed(),
            result_bytes: self.result_bytes,
            redactions: &redactions,
        };
        self.span.close(&closed);
        self.rules.series.count(&self.guard.meters, self.rules.catalog.all().len(), &closed);
    }

    /// How many pieces of each kind were masked, in the answer and in what left before it.
    fn redacted(&self) -> Vec<(&'static str, u64)> {
        let mut counts = self.redactions;
        if let Some(outgoing) = &self.outgoing {
            counts.merge(&outgoing.masked());
        }
        counts.iter().map(|(kind, n)| (kind, u64::from(n))).collect()
    }

    fn line(&self) -> Line {
        let trace = self.span.trace().trace_id();
        let mut record = CallRecord { trace: trace.as_deref(), ..self.known() };
        record.duration = self.began.elapsed();
        let redactions = self.redacted();
        record.redactions = &redactions;
        let found = self.screened.as_ref().map(|it| it.findings.all()).unwrap_or_default();
        let found: Vec<_> = found.iter().map(Filtered::from).collect();
        record.filters = &found;
        record.line()
    }

    /// The record as far as it is known.
    fn known(&self) -> CallRecord<'_> {
        let principal = &self.access.principal;
        let name = match (self.capability(), &self.name) {
            // A resource is named by its template: what a URI says of the variables is the caller's.
            (Some(known), _) if matches!(known.kind, Kind::Resource | Kind::Template) => {
                Capability::Resource(&known.name)
            }
            (_, Some(name)) => Capability::Named(name),
            // A task is named by its tool.
            (Some(known), None) => Capability::Named(&known.name),
            (None, None) if self.method.starts_with("tasks/") => Capability::Resource("(task)"),
            (None, None) => Capability::Resource("(resource)"),
        };
        let mut record = CallRecord::new(self.method, self.transport, name, self.verdict, self.reason, &self.shape);
        record.agent_id = principal.agent().map(|agent| agent.id());
        record.agent_type = principal.agent().map(|agent| agent.kind());
        record.principal = principal.subject();
        record.tenant = principal.tenant();
        record.issuer = principal.issuer();
        record.client = principal.client();
        record.session = self.session;
        record.call = self.call.as_deref();
        record.ends_task = self.ends_task;
        record.cost = self.cost;
        record.result_bytes = self.result_bytes;
        if let Some(capability) = self.capability() {
            record.scopes_required = &capability.scopes;
        }
        record
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.written {
            self.guard.audit.leave(self.line());
        }
        self.tell();
    }
}
