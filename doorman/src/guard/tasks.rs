//! Calls that run as tasks (MCP extension `io.modelcontextprotocol/tasks`, SEP-2663): they go on when their request has been
//! answered, and whoever began one asks for it by its id. An id is random and proves nothing: to everyone but its owner,
//! and to an owner who may not call the tool any more, the task doesn't exist (S10, S26).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    Access, Answer, Done, Found, Guard, Ready, Request, Rules, Stop,
    outgoing::{ANSWER_WITHIN, Outgoing},
    record::Record,
    waiting::Waiting,
};
use crate::{
    audit::Verdict,
    exposure::{self, Exposed, TaskUse},
    input::{Ability, InputError, Question},
    limits::{Admission, CallerKey, Exceeded, Kind},
};

/// Tasks of one caller, and of all, running and kept.
const MOST: (usize, usize) = (64, 4096);
/// Bytes of results that are kept for one caller.
const MOST_BYTES: u64 = 16 << 20;
/// How long a task is kept beyond the time that it may run.
const KEPT: Duration = Duration::from_secs(600);

/// All tasks of this process.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<HashMap<Box<str>, Arc<Task>>>);

/// One task.
pub(crate) struct Task {
    id: Box<str>,
    owner: CallerKey,
    /// The tool's name.
    tool: Arc<str>,
    created: SystemTime,
    /// From its creation on, until it is forgotten.
    ttl: Duration,
    /// Fires when the task is cancelled.
    pub(super) stop: CancellationToken,
    state: Mutex<State>,
}

struct State {
    updated: SystemTime,
    open: BTreeMap<String, (Question, oneshot::Sender<Value>)>,
    ended: Option<Ended>,
}

/// How a task ended.
#[derive(Clone)]
struct Ended {
    outcome: Outcome,
    bytes: u64,
}

/// What there is of a task.
#[derive(Clone)]
pub(crate) enum Outcome {
    Working,
    /// It waits for answers.
    Asking(BTreeMap<String, Question>),
    /// The tool's result, also one that is an error.
    Completed(Arc<Answer>),
    /// There is no result.
    Failed(Arc<Answer>),
    Cancelled,
}

/// A task as it is shown.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) id: Box<str>,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
    pub(crate) ttl: Duration,
    pub(crate) outcome: Outcome,
}

/// What is asked of a task.
pub(crate) enum TaskRequest {
    Get,
    Update(BTreeMap<String, Value>),
    Cancel,
}

impl Guard {
    /// What is asked of a task is an attempt like any other, and finds nothing but the caller's own.
    pub(super) async fn pass_task(
        &self,
        rules: &Rules,
        request: &Request,
        (id, asked): (&str, &TaskRequest),
        record: &mut Record<'_>,
    ) -> Result<Done, Stop> {
        let task = self.tasks.find(id, &request.access);
        let tool = task.as_ref().and_then(|task| request.access.view.find(exposure::Kind::Tool, task.tool()));
        let admission = self.limit(rules, request, None, false).await?;
        drop(admission);
        record.found(tool.map(|id| rules.catalog.get(id)));
        let (task, tool) = task.zip(tool).ok_or(Stop::Unknown)?;
        if let (TaskRequest::Update(answers), Some(screened)) = (asked, &record.screened) {
            screened.answers(|| answers.clone()).map_err(Stop::Filtered)?;
        }
        Ok(Done::task(tool, task.serve(asked)))
    }

    /// A task for the call, if it runs as one.
    pub(super) fn task(
        &self,
        rules: &Rules,
        request: &Request,
        found: &Found<'_>,
        later: bool,
    ) -> Result<Option<Arc<Task>>, Stop> {
        let Exposed::Tool(uses) = found.capability.spec.exposed else { return Ok(None) };
        // Whom nobody vouches for leaves nothing behind (S10).
        let knows = request.access.principal.is_verified() && request.client.can(Ability::Tasks);
        match uses {
            TaskUse::Never => return Ok(None),
            TaskUse::Where if !knows => return Ok(None),
            TaskUse::Required | TaskUse::AfterInput if !knows => {
                return Err(Stop::Failed(InputError::Unsupported(Ability::Tasks).into()));
            }
            TaskUse::AfterInput if !later => return Ok(None),
            TaskUse::Where | TaskUse::Required | TaskUse::AfterInput => {}
        }
        let timeout = rules.policies.of(found.capability).timeout;
        self.tasks.begin(&request.access, &found.capability.name, timeout).map(Some).map_err(Stop::Limit)
    }

    /// Lets a call go on as a task, which has a record of its own at its end.
    pub(super) fn detach(
        self: &Arc<Self>,
        rules: Arc<Rules>,
        task: Arc<Task>,
        ready: Ready,
        outgoing: Arc<Outgoing>,
        admission: Admission,
        record: &mut Record<'_>,
    ) -> Done {
        let (guard, begun) = (Arc::clone(self), record.detach());
        // What leaves from now on is the task's.
        record.outgoing = None;
        let done = Done::task(begun.capability, task.snapshot());
        tokio::spawn(async move {
            let id = begun.capability;
            let mut record = Record::of_task(&guard, &rules, begun);
            record.outgoing = Some(Arc::clone(&outgoing));
            let done = guard.run(&rules, (id, ready), &outgoing, &task.stop, &record.span).await;
            let settled = admission.settle().await.map_err(|_| Stop::StateDown);
            let done = settled.and_then(|remaining| done.map(|done| Done { remaining, ..done }));
            let answer = guard.leave(&rules, done, record).await;
            let answer = answer.unwrap_or_else(|| Answer::refusal(Verdict::Error, "there is no result"));
            let bytes = answer.bytes;
            task.end(Outcome::of(answer), bytes);
        });
        done
    }
}

impl Tasks {
    /// Begins a task, if there is room for one more.
    pub(super) fn begin(&self, access: &Access, tool: &Arc<str>, timeout: Duration) -> Result<Arc<Task>, Exceeded> {
        let mut id = [0; 16];
        if aws_lc_rs::rand::fill(&mut id).is_err() {
            return Err(full());
        }
        let id: Box<str> = id.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        let now = SystemTime::now();
        let mut tasks = lock(&self.0);
        make_room(&mut tasks, access.caller, now)?;
        let task = Arc::new(Task {
            id: id.clone(),
            owner: access.caller,
            tool: Arc::clone(tool),
            created: now,
            ttl: timeout + ANSWER_WITHIN + KEPT,
            stop: CancellationToken::new(),
            state: Mutex::new(State { updated: now, open: BTreeMap::new(), ended: None }),
        });
        tasks.insert(id, Arc::clone(&task));
        Ok(task)
    }

    /// A task that is its caller's, and whose tool the caller may still call.
    pub(super) fn find(&self, id: &str, access: &Access) -> Option<Arc<Task>> {
        let task = Arc::clone(lock(&self.0).get(id)?);
        let granted = || access.view.find(exposure::Kind::Tool, &task.tool).is_some();
        (task.owner == access.caller && !task.is_over(SystemTime::now()) && granted()).then_some(task)
    }

    /// Forgets a task that was begun and won't run.
    pub(super) fn forget(&self, task: &Task) {
        lock(&self.0).remove(&task.id);
    }
}

/// Forgets what is over; of the caller's ended ones the oldest, while there are too many or they hold too much.
fn make_room(tasks: &mut HashMap<Box<str>, Arc<Task>>, caller: CallerKey, now: SystemTime) -> Result<(), Exceeded> {
    tasks.retain(|_, task| !task.is_over(now));
    let mut own: Vec<(SystemTime, Option<u64>, Box<str>)> = tasks
        .values()
        .filter(|task| task.owner == caller)
        .map(|task| (task.created, lock(&task.state).ended.as_ref().map(|it| it.bytes), task.id.clone()))
        .collect();
    own.sort_unstable();
    let (mut count, mut bytes) = (own.len(), own.iter().filter_map(|(_, bytes, _)| *bytes).sum::<u64>());
    for (_, ended, id) in own {
        if count < MOST.0 && bytes <= MOST_BYTES {
            break;
        }
        if let Some(held) = ended {
            tasks.remove(&id);
            (count, bytes) = (count - 1, bytes - held);
        }
    }
    if count >= MOST.0 || tasks.len() >= MOST.1 { Err(full()) } else { Ok(()) }
}

fn full() -> Exceeded {
    Exceeded { rule: format!("{} tasks at once", MOST.0), kind: Kind::Concurrency, retry_after: None }
}

impl Task {
    /// Whether it may be forgotten: it has ended, is as old as was said, and whoever waited had time to see its end.
    fn is_over(&self, now: SystemTime) -> bool {
        let since = |time: SystemTime| now.duration_since(time).unwrap_or_default();
        let state = lock(&self.state);
        state.ended.is_some() && since(self.created) > self.ttl && since(state.updated) > KEPT
    }

    /// The tool's name.
    pub(super) fn tool(&self) -> &str {
        &self.tool
    }

    /// What is known of it now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let state = lock(&self.state);
        let outcome = match &state.ended {
            Some(ended) => ended.outcome.clone(),
            None if state.open.is_empty() => Outcome::Working,
            None => {
                Outcome::Asking(state.open.iter().map(|(key, (question, _))| (key.clone(), question.clone())).collect())
            }
        };
        let (id, created, updated, ttl) = (self.id.clone(), self.created, state.updated, self.ttl);
        Snapshot { id, created, updated, ttl, outcome }
    }

    /// Does what is asked of it.
    pub(super) fn serve(&self, request: &TaskRequest) -> Snapshot {
        match request {
            TaskRequest::Get => {}
            TaskRequest::Update(answers) => {
                let mut state = lock(&self.state);
                for (key, answer) in answers {
                    if let Some((_, waits)) = state.open.remove(key) {
                        // Who doesn't wait any more needs no answer.
                        let _ = waits.send(answer.clone());
                        state.updated = SystemTime::now();
                    }
                }
            }
            TaskRequest::Cancel => self.stop.cancel(),
        }
        self.snapshot()
    }

    /// Asks whoever looks at the task, and waits for the answer.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: &str,
        question: Question,
        waiting: Arc<Waiting>,
    ) -> BoxFuture<'static, Result<Value, InputError>> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = lock(&self.state);
            state.open.insert(key.to_owned(), (question, answer));
            state.updated = SystemTime::now();
        }
        let (task, key) = (Arc::clone(self), key.to_owned());
        Box::pin(async move {
            let _pause = waiting.pause();
            let answer = tokio::time::timeout(ANSWER_WITHIN, answered).await;
            lock(&task.state).open.remove(&key);
            match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) => Err(InputError::NoAnswer),
                Err(_) => Err(InputError::TimedOut),
            }
        })
    }

    /// Notes how it ended.
    pub(super) fn end(&self, outcome: Outcome, bytes: u64) {
        let mut state = lock(&self.state);
        state.open.clear();
        state.updated = SystemTime::now();
        state.ended = Some(Ended { outcome, bytes });
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
