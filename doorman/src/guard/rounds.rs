//! Calls of more than one round (MCP 2026-07-28, SEP-2322): a question ends a round, and the next request brings its answer
//! together with a state that only this server can read.
//!
//! The state holds the call's id, the answers so far, and when it ends. It is encrypted and authenticated, and bound to the
//! caller, the capability and all arguments. A call is taken in the state store for as long as one of its rounds runs and
//! once it has come to its end: so no answer makes a function run to its end twice, in one process or in several.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use super::{Asked, Done, Found, Guard, Request, Stop, outgoing::ANSWER_WITHIN};
use crate::{
    input::{InputError, Question, Sealer},
    limits::{CallerKey, Limits, NotTaken, Taken, Unavailable},
};

/// What the seal is for.
const PURPOSE: &str = "request state";

/// The most bytes of answers that a call may gather: they travel with each round.
const MOST: usize = 32 << 10;

/// What a client sends along to go on with a call.
#[derive(Default)]
pub(crate) struct Continuation {
    /// As this server gave it.
    pub(crate) state: Option<String>,
    /// By the names of the questions.
    pub(crate) answers: BTreeMap<String, Value>,
}

/// One round of a call.
pub(super) struct Rounds {
    /// The call's id, the same in all of its rounds; made when it is needed.
    id: OnceLock<[u8; 16]>,
    /// Whether there was a round before.
    later: bool,
    inner: Mutex<Inner>,
    /// Told when a question has been asked that this round has no answer to.
    asked: Notify,
}

#[derive(Default)]
struct Inner {
    /// Answers that this round brought.
    brought: BTreeMap<String, Value>,
    /// Those that the function has taken, of this round and those before.
    taken: BTreeMap<String, Value>,
    /// What is to be asked.
    open: BTreeMap<String, Question>,
    /// That the call is taken.
    once: Option<Taken>,
}

/// What a state holds.
#[derive(Serialize, Deserialize)]
struct State {
    id: [u8; 16],
    /// In seconds since 1970.
    until: u64,
    answers: BTreeMap<String, Value>,
}

impl State {
    /// What a client carries; `None` if it is too long.
    fn seal(&self, sealer: &Sealer, bound: &[&[u8]]) -> Option<String> {
        let plain = serde_json::to_vec(self).ok().filter(|plain| plain.len() <= MOST)?;
        sealer.seal(PURPOSE, bound, &plain)
    }

    /// What a client has carried, if it is of this server, bound to the same, and still good.
    fn open(sealer: &Sealer, bound: &[&[u8]], text: &str, now: u64) -> Result<Self, Foreign> {
        let plain = sealer.open(PURPOSE, bound, text).ok_or(Foreign)?;
        let state: Self = serde_json::from_slice(&plain).map_err(|_| Foreign)?;
        if state.until < now { Err(Foreign) } else { Ok(state) }
    }
}

/// A state that isn't one of this server's for this call, or not any more.
pub(super) struct Foreign;

/// Questions, and the state that goes with them.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) questions: BTreeMap<String, Question>,
    pub(crate) state: String,
}

/// What a state is bound to.
struct Bound {
    caller: [u8; 16],
    capability: String,
    arguments: [u8; 32],
}

impl Bound {
    fn of(request: &Request, found: &Found<'_>) -> Self {
        Self {
            caller: request.access.caller.to_bytes(),
            capability: found.capability.counted_as().into_owned(),
            arguments: crate::limits::sha256(&found.arguments),
        }
    }

    fn parts(&self) -> [&[u8]; 3] {
        [&self.caller, self.capability.as_bytes(), &self.arguments]
    }
}

impl Guard {
    /// Which round of a call this is, where the protocol version has rounds.
    pub(super) fn rounds(&self, request: &Request, found: &Found<'_>) -> Result<Option<Arc<Rounds>>, Stop> {
        if !request.client.has_rounds() || matches!(request.asked, Asked::Completion { .. }) {
            return Ok(None);
        }
        let opened = Rounds::open(request, found, &self.sealer);
        opened.map(|rounds| Some(Arc::new(rounds))).map_err(|Foreign| Stop::ForeignState)
    }

    /// Takes the call that a round goes on with, unless it has been.
    pub(super) async fn take(&self, request: &Request, rounds: Option<&Rounds>) -> Result<(), Stop> {
        let Some(rounds) = rounds else { return Ok(()) };
        match rounds.take(request.access.caller, &self.limits).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(NotTaken::Before)) => Err(Stop::ForeignState),
            Ok(Err(NotTaken::TooMany(exceeded))) => Err(Stop::Limit(exceeded)),
            Err(_) => Err(Stop::StateDown),
        }
    }

    /// Lets go of a call that hasn't come to its end.
    pub(super) async fn give_back(rounds: Option<&Rounds>) {
        if let Some(rounds) = rounds {
            rounds.give_back().await;
        }
    }

    /// A round that asks something isn't the call's end: what it asks gets the state that the next one needs.
    pub(super) async fn end_round(
        &self,
        done: Result<Done, Stop>,
        request: &Request,
        found: &Found<'_>,
        rounds: Option<&Rounds>,
    ) -> Result<Done, Stop> {
        let (Err(Stop::Asking(_)), Some(rounds)) = (&done, rounds) else { return done };
        Self::give_back(Some(rounds)).await;
        let round = rounds.close(request, found, &self.sealer);
        round.map_or(Err(Stop::TooMuchState), |round| Err(Stop::Asking(Some(round))))
    }
}

impl Rounds {
    /// The round that a request begins.
    pub(super) fn open(request: &Request, found: &Found<'_>, sealer: &Sealer) -> Result<Self, Foreign> {
        let Continuation { state, answers } = &request.continuation;
        let (id, taken, later) = match state {
            None => (OnceLock::new(), BTreeMap::new(), false),
            Some(text) => {
                let state = State::open(sealer, &Bound::of(request, found).parts(), text, now())?;
                (state.id.into(), state.answers, true)
            }
        };
        let inner = Inner { brought: answers.clone(), taken, ..Inner::default() };
        Ok(Self { id, later, inner: Mutex::new(inner), asked: Notify::new() })
    }

    /// The call's id; `None` if the system has no random numbers.
    pub(super) fn id(&self) -> Option<&[u8; 16]> {
        if let Some(known) = self.id.get() {
            return Some(known);
        }
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).ok()?;
        Some(self.id.get_or_init(|| id))
    }

    /// Whether there was a round before.
    pub(super) fn is_later(&self) -> bool {
        self.later
    }

    /// Takes the call, if there was a round before; unless it has been, by a round that runs or has come to its end.
    pub(super) async fn take(&self, caller: CallerKey, limits: &Limits) -> Result<Result<(), NotTaken>, Unavailable> {
        // A state ends before the taking does.
        const KEPT: Duration = Duration::from_secs(ANSWER_WITHIN.as_secs() + 60);
        let Some(id) = self.id.get().filter(|_| self.later) else { return Ok(Ok(())) };
        let taken = limits.take_once(caller, id, KEPT).await?;
        Ok(taken.map(|taken| self.lock().once = Some(taken)))
    }

    /// Lets go of a call that hasn't come to its end. What can't be given back stays taken: the call has to begin anew.
    pub(super) async fn give_back(&self) {
        let once = self.lock().once.take();
        if let Some(once) = once {
            once.give_back().await;
        }
    }

    /// Answers, or notes the question and never returns: the round ends.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: &str,
        question: Question,
        again: bool,
    ) -> BoxFuture<'static, Result<Value, InputError>> {
        if again {
            self.lock().taken.remove(key);
        } else if let Some(answer) = self.known(key) {
            return Box::pin(std::future::ready(Ok(answer)));
        }
        self.lock().open.insert(key.to_owned(), question);
        self.asked.notify_one();
        Box::pin(std::future::pending())
    }

    /// The answer that there is to a question.
    pub(super) fn known(&self, key: &str) -> Option<Value> {
        let mut inner = self.lock();
        if let Some(answer) = inner.brought.remove(key) {
            inner.taken.insert(key.to_owned(), answer);
        }
        inner.taken.get(key).cloned()
    }

    /// All answers that there are, of this round and those before.
    pub(super) fn answers(&self) -> BTreeMap<String, Value> {
        let inner = self.lock();
        inner.taken.iter().chain(&inner.brought).map(|(key, answer)| (key.clone(), answer.clone())).collect()
    }

    /// Returns when something has been asked.
    pub(super) async fn ended(&self) {
        self.asked.notified().await;
    }

    /// What is to be asked, with the state for the next round; `None` if the answers so far are too many bytes.
    pub(super) fn close(&self, request: &Request, found: &Found<'_>, sealer: &Sealer) -> Option<Round> {
        let mut inner = self.lock();
        let (questions, answers) = (std::mem::take(&mut inner.open), std::mem::take(&mut inner.taken));
        let state = State { id: *self.id()?, until: now() + ANSWER_WITHIN.as_secs(), answers };
        let state = state.seal(sealer, &Bound::of(request, found).parts())?;
        Some(Round { questions, state })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|it| it.as_secs()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: &[&[u8]] = &[b"alice", b"tool", b"arguments"];

    /// A state that ends then.
    fn state(until: u64) -> State {
        State { id: [7; 16], until, answers: BTreeMap::from([("confirm".to_owned(), true.into())]) }
    }

    #[test]
    fn s10_a_state_is_good_for_its_time() {
        let sealer = Sealer::random().expect("a key");
        let now = now();
        for (until, is_good) in [(0, false), (now - 1, false), (now, true), (now + 1, true), (u64::MAX, true)] {
            let text = state(until).seal(&sealer, BOUND).expect("sealed");
            let opened = State::open(&sealer, BOUND, &text, now);
            let expected = is_good.then(|| (state(0).id, state(0).answers));
            assert_eq!(opened.map(|it| (it.id, it.answers)).ok(), expected, "{until}");
        }
    }

    #[test]
    fn a_state_that_is_too_long_is_not_made() {
        let sealer = Sealer::random().expect("a key");
        let with =
            |bytes: usize| State { answers: BTreeMap::from([("a".into(), "x".repeat(bytes).into())]), ..state(0) };
        assert!(with(MOST - 200).seal(&sealer, BOUND).is_some());
        assert!(with(MOST).seal(&sealer, BOUND).is_none());
    }
}
