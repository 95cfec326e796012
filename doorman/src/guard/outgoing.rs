//! What leaves while a call runs: progress, log messages, questions. Redacted by the rules of the capability, then handed
//! to the client; questions go the way that the protocol has for them.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Found, Request, Rules, filter::Screened, rounds::Rounds, tasks::Task, waiting::Waiting};
use crate::{
    exposure::World,
    filter::Refused,
    input::{Ability, InputError, Level, Outlet, Question, Sampling},
    redact::{Counts, Plan},
};

/// How long a client may take to answer a question.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// The client of a call; the transport implements it. What comes here is redacted.
pub(crate) trait Client: Send + Sync {
    /// Whether it said that it can do this.
    fn can(&self, ability: Ability) -> bool;

    /// Whether its protocol version has rounds instead of requests from the server.
    fn has_rounds(&self) -> bool;

    fn progress(&self, progress: f64, total: Option<f64>, message: Option<String>) -> BoxFuture<'static, ()>;

    fn log(&self, level: Level, data: Value) -> BoxFuture<'static, ()>;

    /// Asks it, where its protocol version has requests from the server.
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Value, InputError>>;
}

/// A client that hears nothing and can do nothing.
pub(crate) struct Nobody;

impl Client for Nobody {
    fn can(&self, _: Ability) -> bool {
        false
    }

    fn has_rounds(&self) -> bool {
        false
    }

    fn progress(&self, _: f64, _: Option<f64>, _: Option<String>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn log(&self, _: Level, _: Value) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Value, InputError>> {
        Box::pin(std::future::ready(Err(InputError::Unsupported(question.ability()))))
    }
}

/// That a filter refused what a function asked, or what was answered: the call ends there.
#[derive(Default)]
pub(super) struct Refusal {
    refused: OnceLock<Refused>,
    told: Notify,
}

impl Refusal {
    /// Ends the call: whoever waits for an answer waits for good.
    fn ends<T: 'static>(&self, refused: Refused) -> BoxFuture<'static, T> {
        let _ = self.refused.set(refused);
        self.told.notify_one();
        Box::pin(std::future::pending())
    }

    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    pub(super) fn so_far(&self) -> Option<Refused> {
        self.refused.get().copied()
    }
}

/// The way a question goes.
enum Way {
    /// The server asks.
    Request,
    /// The round ends, and the next one brings the answer.
    Rounds(Arc<Rounds>),
    /// Whoever looks at the task answers, unless rounds before it have.
    Task(Arc<Task>, Option<Arc<Rounds>>),
}

/// The outlet of one call.
pub(super) struct Outgoing {
    client: Arc<dyn Client>,
    rules: Arc<Rules>,
    capability: usize,
    world: Option<World>,
    way: Way,
    /// The function's time stands still while it waits for an answer.
    pub(super) waiting: Arc<Waiting>,
    screened: Option<Screened>,
    /// That a question or an answer may not pass.
    pub(super) refused: Arc<Refusal>,
    /// How many questions had each name.
    keys: Mutex<HashMap<String, u32>>,
    /// What was masked in all that left until now.
    masked: Mutex<Counts>,
}

impl Outgoing {
    pub(super) fn of(
        rules: &Arc<Rules>,
        request: &Request,
        found: &Found<'_>,
        rounds: Option<Arc<Rounds>>,
        task: Option<Arc<Task>>,
        screened: Option<Screened>,
    ) -> Arc<Self> {
        let way = match (rounds, task) {
            (None, None) => Way::Request,
            (Some(rounds), None) => Way::Rounds(rounds),
            (rounds, Some(task)) => Way::Task(task, rounds),
        };
        Arc::new(Self {
            client: Arc::clone(&request.client),
            rules: Arc::clone(rules),
            capability: found.capability.id,
            world: request.access.world(),
            way,
            waiting: Arc::default(),
            screened,
            refused: Arc::default(),
            keys: Mutex::default(),
            masked: Mutex::default(),
        })
    }

    /// Returns when a question has been asked that ends the round; never where the server asks.
    pub(super) async fn round_ended(&self) {
        match &self.way {
            Way::Rounds(rounds) => rounds.ended().await,
            Way::Request | Way::Task(..) => std::future::pending().await,
        }
    }

    /// What ends the function before its time: its request's end, unless it is a task.
    pub(super) fn stopped_by<'a>(&'a self, request: &'a Request) -> &'a CancellationToken {
        match &self.way {
            Way::Task(task, _) => &task.stop,
            Way::Request | Way::Rounds(_) => &request.cancelled,
        }
    }

    fn plan(&self) -> &Plan {
        self.rules.policies.of(self.rules.catalog.get(self.capability)).plan(self.world)
    }

    /// What was masked in all that left until now.
    pub(super) fn masked(&self) -> Counts {
        *self.masked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is masked in something that leaves.
    fn counting<T>(&self, look: impl FnOnce(&mut Counts) -> T) -> T {
        let mut counts = Counts::default();
        let looked = look(&mut counts);
        if !counts.is_empty() {
            self.masked.lock().unwrap_or_else(PoisonError::into_inner).merge(&counts);
        }
        looked
    }

    /// What a filter leaves of a text of a progress report; `None` if it may not leave.
    fn filtered<'t>(&self, text: &'t str, counts: &mut Counts) -> Option<Cow<'t, str>> {
        match &self.screened {
            Some(screened) => screened.text(text, "/message", counts).ok(),
            None => Some(Cow::Borrowed(text)),
        }
    }

    /// A text without what must not leave; `None` if it can't be looked at.
    fn redacted(&self, text: &str, counts: &mut Counts) -> Option<String> {
        self.plan().text(text, counts).ok().map(Cow::into_owned)
    }

    fn redacted_question(&self, question: &Question, counts: &mut Counts) -> Option<Question> {
        Some(match question {
            Question::Form { message, schema } => {
                Question::Form { message: self.redacted(message, counts)?, schema: Arc::clone(schema) }
            }
            // A page's address is a protocol field that must arrive as it is, but for what the process holds.
            Question::Url { message, url } => Question::Url {
                message: self.redacted(message, counts)?,
                url: self.rules.redactor.scrub(url).into_owned(),
            },
            Question::Sample(sampling) => {
                let system = sampling.system.as_deref().map(|text| self.redacted(text, counts).ok_or(()));
                let mut text = |text: &str| self.redacted(text, counts);
                let messages = sampling.messages.iter().map(|(role, said)| Some((role.clone(), text(said)?)));
                Question::Sample(Sampling {
                    messages: messages.collect::<Option<_>>()?,
                    system: system.transpose().ok()?,
                    ..sampling.clone()
                })
            }
            Question::Roots => Question::Roots,
        })
    }
}

impl Outlet for Outgoing {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) -> BoxFuture<'static, ()> {
        let message = message.map(|text| {
            self.counting(|counts| {
                let filtered = self.filtered(text, counts)?;
                Some(self.redacted(&filtered, counts))
            })
        });
        match message {
            Some(None) => Box::pin(std::future::ready(())),
            Some(Some(text)) => self.client.progress(progress, total, text),
            None => self.client.progress(progress, total, None),
        }
    }

    fn log(&self, level: Level, mut data: Value) -> BoxFuture<'static, ()> {
        let leaves = self.counting(|counts| {
            let filtered = self.screened.as_ref().is_none_or(|screened| screened.log(&mut data, counts).is_ok());
            filtered && self.plan().value(&mut data, counts).is_ok()
        });
        match leaves {
            true => self.client.log(level, data),
            false => Box::pin(std::future::ready(())),
        }
    }

    fn key(&self, ability: Ability, wanted: Option<Cow<'static, str>>) -> String {
        let key = wanted.map_or_else(|| ability.word().to_owned(), Cow::into_owned);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let number = keys.entry(key.clone()).and_modify(|number| *number += 1).or_insert(1);
        if *number == 1 { key } else { format!("{key}-{number}") }
    }

    fn ask(&self, key: &str, question: &Question, again: bool) -> BoxFuture<'static, Result<Value, InputError>> {
        let ability = question.ability();
        if !self.client.can(ability) {
            return Box::pin(std::future::ready(Err(InputError::Unsupported(ability))));
        }
        let question =
            match self.screened.as_ref().map(|screened| self.counting(|counts| screened.question(question, counts))) {
                None => Cow::Borrowed(question),
                Some(Ok(question)) => Cow::Owned(question),
                Some(Err(refused)) => return self.refused.ends(refused),
            };
        let Some(question) = self.counting(|counts| self.redacted_question(&question, counts)) else {
            return Box::pin(std::future::ready(Err(InputError::NoAnswer)));
        };
        match &self.way {
            Way::Rounds(rounds) => rounds.ask(key, question, again),
            Way::Task(task, rounds) => {
                let known = rounds.as_ref().filter(|_| !again).and_then(|rounds| rounds.known(key));
                match known {
                    Some(answer) => Box::pin(std::future::ready(Ok(answer))),
                    None => task.ask(key, question, Arc::clone(&self.waiting)),
                }
            }
            Way::Request => {
                let (asked, waiting) = (self.client.ask(question), Arc::clone(&self.waiting));
                let (screened, refusal) = (self.screened.clone(), Arc::clone(&self.refused));
                Box::pin(async move {
                    let pause = waiting.pause();
                    let answer = tokio::time::timeout(ANSWER_WITHIN, asked).await.unwrap_or(Err(InputError::TimedOut));
                    drop(pause);
                    match (screened, &answer) {
                        (Some(screened), Ok(said)) => match screened.answer(said) {
                            Ok(()) => answer,
                            Err(refused) => refusal.ends(refused).await,
                        },
                        _ => answer,
                    }
                })
            }
        }
    }
}
