//! The guard: the one way that every call takes. A [`Request`] goes in, with what its caller may see; an [`Answer`] comes
//! out, after exactly one audit record has been written. No step can be left out by configuration.

mod access;
mod panics;
mod policy;
mod record;
mod release;
mod rules;
mod run;

use std::{pin::pin, sync::Arc};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub(crate) use access::Access;
pub(crate) use panics::install_hook;
pub(crate) use policy::{Defaults, Policies};
pub(crate) use release::{Answer, Body, Meta};
pub(crate) use rules::Rules;

use crate::{
    audit::{Audit, SessionTag, Transport, Verdict, shape},
    call::{Bound, Call, ProgressSink, Refused, Reply, ToolError},
    exposure::{Capability, Effect, describe},
    limits::{Admission, Budget, Concurrency, Exceeded, Kind, Limits, Permit, Refusal},
};
use record::Record;

/// One call on its way to the guard.
pub(crate) struct Request {
    /// What it is decided by, to its end.
    pub(crate) rules: Arc<Rules>,
    /// What its caller may, under these rules.
    pub(crate) access: Arc<Access>,
    /// The capability's name as it was called.
    pub(crate) capability: Box<str>,
    /// The arguments: a JSON object.
    pub(crate) arguments: Value,
    pub(crate) transport: Transport,
    pub(crate) session: Option<SessionTag>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) progress: Option<Arc<dyn ProgressSink>>,
}

/// What lasts while rules come and go.
pub(crate) struct Guard {
    pub(crate) limits: Limits,
    pub(crate) concurrency: Concurrency,
    pub(crate) audit: Audit,
}

impl Guard {
    /// The whole way of a call: decide, answer, and before the answer leaves, one record. `None` is the answer that a
    /// capability which was never there gives.
    pub(crate) async fn call(&self, request: Request) -> Option<Answer> {
        let rules = Arc::clone(&request.rules);
        let mut record = Record::open(self, &rules, &request, shape(&request.arguments));
        let outcome = panics::contain(pin!(self.pass(&rules, request, &mut record))).await;
        let outcome = outcome.unwrap_or_else(|panic| Err(Stop::Panicked(panic)));
        let answer = rules.release_contained(outcome, &mut record); //                  9. redact
        match panics::contain(pin!(record.close())).await {
            Ok(Ok(())) => answer, //                                                    10. record, before the reply
            _ => Some(Answer::refusal(Verdict::Error, "no audit record could be written, so there is no reply")),
        }
    }

    /// Steps 1 to 8 of the design, in order. Every `?` leaves with a reason that the record names.
    async fn pass(&self, rules: &Rules, request: Request, record: &mut Record<'_>) -> Result<Done, Stop> {
        let found = request.access.view.find(crate::exposure::Kind::Tool, &request.capability); //                   1. find, 2. authorize: one table
        let known = found.map(|id| rules.catalog.get(id));
        record.found(known);
        let admission = self.limit(rules, &request, known).await?; //                   3. limit: every attempt counts
        let capability = known.ok_or(Stop::Unknown)?; //                                1 and 2 answer only now
        let ready = match self.prepare(&request, capability, admission.budget(), record).await {
            Ok(ready) => ready, //                                                      5. bind, 6. extract
            Err(stop) => {
                admission.refund().await;
                return Err(stop);
            }
        };
        let done = Self::run(rules, capability, ready, &request.cancelled).await; //    8. run
        let remaining = admission.settle().await.map_err(|_| Stop::StateDown)?; //      what it charged
        done.map(|done| Done { remaining, ..done })
    }

    /// Rules that count every attempt, and, for a capability that was found, its own and the budget: all or none taken.
    async fn limit(&self, rules: &Rules, request: &Request, known: Option<&Capability>) -> Result<Admission, Stop> {
        let own = known.map(|capability| (capability.id, &rules.policies.of(capability).limits));
        let access = &request.access;
        let who = match own.is_some_and(|(_, own)| own.breaks()) {
            true => access.counted.calling(&request.arguments),
            false => access.counted,
        };
        let granted = access.world.as_ref().map(|world| &world.limits);
        self.limits.admit_under(granted, who, own).await.map_err(|refusal| match refusal {
            Refusal::Exceeded(exceeded) => Stop::Limit(exceeded),
            Refusal::Unavailable(_) => Stop::StateDown,
        })
    }

    /// What extractors see of the call, and the token that stops a function which the guard has given up on.
    fn context(request: &Request, capability: &Capability, budget: Budget) -> (Call, CancellationToken) {
        let stop = request.cancelled.child_token();
        let call = Call {
            principal: Arc::clone(&request.access.principal),
            state: Arc::clone(&request.rules.state),
            module: capability.module.clone(),
            cancelled: stop.clone(),
            progress: request.progress.clone(),
            budget,
        };
        (call, stop)
    }

    /// A place among the running calls, and the function with its arguments. Extractors, scopes and own types are the
    /// application's code, so a panic in them is the call's own, too. Nothing runs that couldn't be recorded, and nothing
    /// destructive whose intent hasn't been.
    async fn prepare(
        &self,
        request: &Request,
        capability: &Capability,
        budget: Budget,
        record: &mut Record<'_>,
    ) -> Result<Ready, Stop> {
        self.audit.ready().await.map_err(|_| Stop::AuditDown)?;
        let permit = self.concurrency.try_enter(request.access.caller).map_err(Stop::Limit)?;
        let (call, stop) = Self::context(request, capability, budget);
        let bound = panics::contain_sync(|| bind(capability, &request.arguments, &call)).map_err(Stop::Panicked)??;
        if request.cancelled.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if capability.spec.effect == Effect::Destructive {
            record.intend().await.map_err(|_| Stop::AuditDown)?;
        }
        Ok(Ready { bound, permit, stop })
    }

    async fn run(
        rules: &Rules,
        capability: &Capability,
        ready: Ready,
        cancelled: &CancellationToken,
    ) -> Result<Done, Stop> {
        let timeout = rules.policies.of(capability).timeout;
        let running = Box::pin(run::run(ready, timeout, cancelled));
        let reply = panics::contain(running).await.map_err(Stop::Panicked)??;
        Ok(Done { capability: capability.id, reply, remaining: None })
    }
}

/// A function that may run now.
struct Ready {
    bound: Bound,
    permit: Permit,
    /// Fires when the guard has given up on the function.
    stop: CancellationToken,
}

/// Decodes the arguments, enforces what the published schema says, resolves scopes, takes what comes from the server.
fn bind(capability: &Capability, arguments: &Value, call: &Call) -> Result<Bound, Stop> {
    /// No function has so many parameters; an own schema may have some more.
    const MOST_ARGUMENTS: usize = 1000;
    let schema = &capability.arguments;
    if arguments.as_object().is_some_and(|object| object.len() > MOST_ARGUMENTS) {
        return Err(Stop::Invalid(format!("arguments: expected {MOST_ARGUMENTS} at most")));
    }
    schema.check(arguments).map_err(|mistakes| Stop::Invalid(describe(&mistakes)))?;
    let Some(object) = arguments.as_object() else {
        return Err(Stop::Invalid("arguments: expected an object".to_owned()));
    };
    (capability.spec.bind)(call, object).map_err(|refused| match refused {
        Refused::Invalid(bad) => Stop::Invalid(describe(&schema.explain(arguments, bad))),
        Refused::Outside { argument, violation } => Stop::Outside(format!("{argument}: {violation}")),
        Refused::Extract(error) => Stop::Failed(error),
    })
}

/// A function that came to its end.
struct Done {
    capability: usize,
    reply: Reply,
    /// What is left of the scarcest budget, where there is one.
    remaining: Option<u32>,
}

/// Why a call ended before its function's own end.
enum Stop {
    /// Unknown, or not granted: no one can tell which.
    Unknown,
    Limit(Exceeded),
    Invalid(String),
    Outside(String),
    Failed(ToolError),
    Timeout,
    Cancelled,
    Panicked(String),
    AuditDown,
    /// The counts of limits can't be looked at.
    StateDown,
}

impl Stop {
    /// How the record names it.
    fn verdict(&self) -> (Verdict, &'static str) {
        use crate::call::Failure;
        match self {
            Self::Unknown => (Verdict::Denied, "unknown_capability"),
            Self::Limit(Exceeded { kind: Kind::Budget, .. }) => (Verdict::BudgetExceeded, "budget"),
            Self::Limit(Exceeded { kind: Kind::Rate, .. }) => (Verdict::RateLimited, "rate"),
            Self::Limit(Exceeded { kind: Kind::Breaker, .. }) => (Verdict::RateLimited, "breaker"),
            Self::Limit(Exceeded { kind: Kind::Concurrency, .. }) => (Verdict::RateLimited, "concurrency"),
            Self::Invalid(_) => (Verdict::Invalid, "arguments"),
            Self::Outside(_) => (Verdict::Denied, "scope_violation"),
            Self::Failed(error) => match error.failure() {
                Failure::User(_) => (Verdict::Error, "tool"),
                Failure::Denied(_) => (Verdict::Denied, "tool"),
                Failure::Internal(_) => (Verdict::Error, "internal"),
            },
            Self::Timeout => (Verdict::Timeout, "timeout"),
            Self::Cancelled => (Verdict::Cancelled, "cancelled"),
            Self::Panicked(_) => (Verdict::Panicked, "panic"),
            Self::AuditDown => (Verdict::Error, "audit"),
            Self::StateDown => (Verdict::Error, "state"),
        }
    }
}
