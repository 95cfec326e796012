//! The guard: the one way that every call takes. A [`Request`] goes in, with what its caller may see; an [`Answer`] comes
//! out, after exactly one audit record has been written. No step can be left out by configuration.

mod access;
mod aside;
mod asked;
mod bind;
mod filter;
mod outgoing;
mod panics;
mod policy;
mod record;
mod release;
mod rounds;
mod rules;
mod run;
mod steps;
mod stop;
mod tasks;
mod waiting;

use std::{pin::pin, sync::Arc};

use tokio_util::sync::CancellationToken;

pub(crate) use access::Access;
pub(crate) use asked::Asked;
pub(crate) use outgoing::{Client, Nobody};
pub(crate) use panics::{contain, install_hook};
pub(crate) use policy::{Defaults, Policies};
pub(crate) use release::{Answer, Body, Meta, Sent};
pub(crate) use rounds::{Continuation, Round};
pub(crate) use rules::Rules;
pub(crate) use steps::Steps;
pub(crate) use tasks::{Outcome, Snapshot, TaskRequest, Tasks};

use crate::{
    audit::{Audit, SessionTag, Transport, Verdict},
    call::{Bound, Call, Reply, Trace},
    exposure::{Capability, Effect},
    input::{Outlet, Sealer},
    limits::{self, Admission, Budget, Concurrency, Limits, Permit, Refusal},
    telemetry::{CallSpan, Meters},
};
use aside::{Weighed, aside};
use asked::Found;
use bind::{bind, complete};
use outgoing::Outgoing;
use record::Record;
use rounds::Rounds;
use steps::Step;
use stop::Stop;
use tasks::Task;

/// One request on its way to the guard.
pub(crate) struct Request {
    /// What it is decided by, to its end.
    pub(crate) rules: Arc<Rules>,
    /// What its caller may, under these rules.
    pub(crate) access: Arc<Access>,
    pub(crate) asked: Asked,
    /// What it brings for a call that has begun.
    pub(crate) continuation: Continuation,
    pub(crate) transport: Transport,
    pub(crate) session: Option<SessionTag>,
    /// The protocol version that it is of.
    pub(crate) protocol: Option<&'static str>,
    /// The trace that it says to belong to.
    pub(crate) trace: Trace,
    pub(crate) cancelled: CancellationToken,
    pub(crate) client: Arc<dyn Client>,
}

/// What lasts while rules come and go.
pub(crate) struct Guard {
    pub(crate) limits: Limits,
    pub(crate) concurrency: Concurrency,
    pub(crate) audit: Audit,
    /// Keeps what clients carry for us.
    pub(crate) sealer: Sealer,
    pub(crate) tasks: Tasks,
    pub(crate) steps: Steps,
    pub(crate) meters: Meters,
}

impl Guard {
    /// The whole way of a call: decide, answer, and before the answer leaves, one record. `None` is the answer that a
    /// capability which was never there gives.
    pub(crate) async fn call(self: &Arc<Self>, request: Request) -> Option<Answer> {
        let rules = Arc::clone(&request.rules);
        let mut record = Record::open(self, &rules, &request);
        let outcome = contain(pin!(self.pass(&rules, &request, &mut record))).await;
        let outcome = outcome.unwrap_or_else(|panic| Err(Stop::Panicked(panic)));
        self.leave(&rules, outcome, record).await
    }

    /// Counts a request that was refused before it became a call.
    pub(crate) fn rejected(&self, reason: &'static str, transport: Transport) {
        self.audit.rejected(reason, transport);
        self.meters.rejected(reason, transport);
    }

    /// The last steps of everything that the guard lets out.
    async fn leave(&self, rules: &Rules, outcome: Result<Done, Stop>, mut record: Record<'_>) -> Option<Answer> {
        self.steps.count(Step::Redact);
        let large = outcome.is_large();
        let answer = aside(large, || rules.release_contained(outcome, &mut record)); //  9. filter and redact
        self.steps.count(Step::Record);
        match contain(pin!(record.close())).await {
            Ok(Ok(())) => answer, //                                                    10. record, before the reply
            _ => Some(Answer::refusal(Verdict::Error, "no audit record could be written, so there is no reply")),
        }
    }

    /// Steps 1 to 8 of the design, in order. Every `?` leaves with a reason that the record names.
    async fn pass(
        self: &Arc<Self>,
        rules: &Arc<Rules>,
        request: &Request,
        record: &mut Record<'_>,
    ) -> Result<Done, Stop> {
        self.steps.count(Step::Find);
        if let Asked::Task { id, request: asked } = &request.asked {
            return self.pass_task(rules, request, (id, asked), record).await;
        }
        let found = request.asked.find(&request.access.view, &rules.catalog); //        1. find, 2. authorize: one table
        record.found(found.as_ref().map(|found| found.capability));
        let rounds = found.as_ref().map(|found| self.rounds(request, found)); //        which round of the call it is
        let later = matches!(&rounds, Some(Ok(Some(rounds))) if rounds.is_later());
        let admission = self.limit(rules, request, found.as_ref(), later).await?; //    3. limit: every attempt counts
        let found = found.ok_or_else(|| match request.asked.discoverable(&request.access.view) {
            Some(id) => Stop::Scopes(record.lacks(id).into()),
            None => Stop::Unknown, //                                                   1 and 2 answer only now
        })?;
        let rounds = match rounds.transpose() {
            Ok(rounds) => rounds.flatten(),
            Err(stop) => {
                admission.refund().await;
                return Err(stop);
            }
        };
        record.round(rounds.clone());
        let begun = match self.filter(request, &found, rounds.as_deref(), record) {
            //  4. filter what was sent
            Ok(()) => self.begin(rules, request, &found, rounds.clone(), admission.budget(), record).await,
            Err(stop) => Err(stop),
        };
        let Begun { ready, outgoing, task } = match begun {
            Ok(begun) => begun, //                                                      5. bind, 6. extract
            Err(stop) => {
                admission.refund().await;
                Self::give_back(rounds.as_deref()).await;
                return Err(stop);
            }
        };
        if let Some(task) = task {
            return Ok(self.detach(Arc::clone(rules), task, ready, outgoing, admission, record));
        }
        let id = found.capability.id;
        let done = self.run(rules, (id, ready), &outgoing, &request.cancelled, &record.span).await; // 8. run
        let done = self.end_round(done, request, &found, rounds.as_deref()).await;
        let remaining = admission.settle().await.map_err(|_| Stop::StateDown)?; //      what it charged
        done.map(|done| Done { remaining, ..done })
    }

    /// Rules that count every attempt, and, for a capability that was found, its own and the budget: all or none taken. A
    /// completion is an attempt, and no call of what it completes.
    async fn limit(
        &self,
        rules: &Rules,
        request: &Request,
        found: Option<&Found<'_>>,
        later: bool,
    ) -> Result<Admission, Stop> {
        let called = found.filter(|_| !matches!(request.asked, Asked::Completion { .. }));
        let own = called.map(|found| (found.capability.id, &rules.policies.of(found.capability).limits));
        let access = &request.access;
        let who = match called.filter(|_| own.is_some_and(|(_, own)| own.breaks())) {
            Some(found) => access.counted.calling(&found.arguments),
            None => access.counted,
        };
        let granted = access.world.as_ref().map(|world| &world.limits);
        self.steps.count(Step::Limit);
        let round = if later { limits::Round::Later } else { limits::Round::First };
        self.limits.admit_under(granted, who, own, round).await.map_err(|refusal| match refusal {
            Refusal::Exceeded(exceeded) => Stop::Limit(exceeded),
            Refusal::Unavailable(_) => Stop::StateDown,
        })
    }

    /// What extractors see of the call, and the token that stops a function which the guard has given up on.
    fn context(
        request: &Request,
        capability: &Capability,
        outgoing: &Arc<Outgoing>,
        budget: Budget,
        trace: Trace,
    ) -> (Call, CancellationToken) {
        let stop = outgoing.stopped_by(request).child_token();
        let call = Call {
            principal: Arc::clone(&request.access.principal),
            state: Arc::clone(&request.rules.state),
            module: capability.module.clone(),
            cancelled: stop.clone(),
            outlet: Arc::clone(outgoing) as Arc<dyn Outlet>,
            budget,
            trace,
        };
        (call, stop)
    }

    /// All that comes between the limits and the function. A call's end comes once, so one that has begun is taken first.
    async fn begin(
        &self,
        rules: &Arc<Rules>,
        request: &Request,
        found: &Found<'_>,
        rounds: Option<Arc<Rounds>>,
        budget: Budget,
        record: &mut Record<'_>,
    ) -> Result<Begun, Stop> {
        self.take(request, rounds.as_deref()).await?;
        let later = rounds.as_ref().is_some_and(|rounds| rounds.is_later());
        let task = self.task(rules, request, found, later)?;
        let outgoing = Outgoing::of(rules, request, found, rounds, task.clone(), record.screened.clone());
        record.outgoing = Some(Arc::clone(&outgoing));
        match self.prepare(request, found, &outgoing, budget, record).await {
            Ok(ready) => Ok(Begun { ready, outgoing, task }),
            Err(stop) => {
                task.inspect(|task| self.tasks.forget(task));
                Err(stop)
            }
        }
    }

    /// A place among the running calls, and the function with its arguments. Extractors, scopes and own types are the
    /// application's code, so a panic in them is the call's own, too. Nothing runs that couldn't be recorded, and nothing
    /// destructive whose intent hasn't been.
    async fn prepare(
        &self,
        request: &Request,
        found: &Found<'_>,
        outgoing: &Arc<Outgoing>,
        budget: Budget,
        record: &mut Record<'_>,
    ) -> Result<Ready, Stop> {
        self.steps.count(Step::Bind);
        self.audit.ready().await.map_err(|_| Stop::AuditDown)?;
        let permit = self.concurrency.try_enter(request.access.caller).map_err(Stop::Limit)?;
        let (call, stop) = Self::context(request, found.capability, outgoing, budget, record.span.trace());
        let bound = panics::contain_sync(|| match &request.asked {
            Asked::Completion { argument, partial, .. } => complete(found.capability, argument, partial, call),
            _ => bind(found.capability, &found.arguments, &call),
        });
        let bound = bound.map_err(Stop::Panicked)??;
        if request.cancelled.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        self.steps.count(Step::Extract);
        if found.capability.spec.effect == Effect::Destructive {
            record.intend().await.map_err(|_| Stop::AuditDown)?;
        }
        Ok(Ready { bound, permit, stop })
    }

    async fn run(
        &self,
        rules: &Rules,
        (capability, ready): (usize, Ready),
        outgoing: &Outgoing,
        cancelled: &CancellationToken,
        span: &CallSpan,
    ) -> Result<Done, Stop> {
        self.steps.count(Step::Run);
        let timeout = rules.policies.of(rules.catalog.get(capability)).timeout;
        let running = Box::pin(span.scope(run::run(ready, timeout, outgoing, cancelled)));
        let reply = contain(running).await.map_err(Stop::Panicked)??;
        Ok(Done { capability, came: Came::Reply(reply), remaining: None })
    }
}

/// A function that may run now, with its way out, and the task that it runs as.
struct Begun {
    ready: Ready,
    outgoing: Arc<Outgoing>,
    task: Option<Arc<Task>>,
}

/// A function that may run now.
struct Ready {
    bound: Bound,
    permit: Permit,
    /// Fires when the guard has given up on the function.
    stop: CancellationToken,
}

/// What came of a request.
enum Came {
    Reply(Reply),
    /// A task, as it is.
    Task(Snapshot),
}

/// A request that came to its end.
struct Done {
    capability: usize,
    came: Came,
    /// What is left of the scarcest budget, where there is one.
    remaining: Option<u32>,
}

impl Done {
    fn task(capability: usize, task: Snapshot) -> Self {
        Self { capability, came: Came::Task(task), remaining: None }
    }
}
