//! What leaves: a function's reply or a refusal, redacted, bounded, and in the words that a model can act on.

use std::{borrow::Cow, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use rmcp::model::{ContentBlock, PromptMessage};
use serde_json::Value;

use super::{Came, Done, Outcome, Round, Rules, Snapshot, Stop, panics, policy::Policy, record::Record};
use crate::{
    audit::Verdict,
    call::{Failure, HeldContents as Held, Message, Reply},
    exposure::World,
    filter::Refused,
    input::Ability,
    limits::Unavailable,
    redact::{Blocked, Counts, Decoded, Plan, decode_base64},
};

/// The guard's answer to a call that exists for its caller.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) body: Body,
    /// Machine-readable facts of a refusal.
    pub(crate) meta: Option<Meta>,
    /// What is left of the scarcest budget that the call was counted in.
    pub(crate) remaining: Option<u32>,
    /// The size of a result.
    pub(crate) bytes: u64,
    /// Whether the function said so itself.
    pub(crate) is_said: bool,
}

/// What an answer holds.
#[derive(Clone)]
pub(crate) enum Body {
    /// Structured content and its JSON text.
    Structured(Value, String),
    /// Content blocks.
    Content(Vec<ContentBlock>),
    /// What a resource holds, and its MIME type if it isn't the annotation's.
    Contents(Sent, Option<String>),
    /// The messages of a prompt.
    Messages(Vec<PromptMessage>),
    /// What completes an argument, and how many there were.
    Values(Vec<String>, usize),
    /// A task, as it is.
    Task(Snapshot),
    /// Questions that end a round, and the state that the next one needs.
    Asking(Round),
    /// The client can't do what the function asked of it.
    Lacking(Ability),
    /// What the client sent to go on with a call can't be used.
    ForeignState,
    /// The scopes that the caller's token would need.
    Scopes(Box<[Arc<str>]>),
    /// A text that says what went wrong.
    Error(Cow<'static, str>),
}

/// What a resource holds, as it is sent.
#[derive(Clone)]
pub(crate) enum Sent {
    Text(String),
    Base64(String),
}

impl Sent {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Base64(text) => text.len(),
        }
    }
}

/// A refusal in a form for programs.
#[derive(Clone)]
pub(crate) struct Meta {
    pub(crate) verdict: Verdict,
    pub(crate) rule: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    fn of(body: Body) -> Self {
        Self { body, meta: None, remaining: None, bytes: 0, is_said: false }
    }

    /// An answer that says why there is no other.
    pub(crate) fn refusal(verdict: Verdict, text: impl Into<Cow<'static, str>>) -> Self {
        let meta = Meta { verdict, rule: None, retry_after: None };
        Self { meta: Some(meta), ..Self::of(Body::Error(text.into())) }
    }
}

impl Outcome {
    /// What a task's answer is: a tool that says what went wrong has come to its end; what it doesn't say itself hasn't.
    pub(super) fn of(answer: Answer) -> Self {
        match answer.meta.as_ref().map(|meta| meta.verdict) {
            Some(Verdict::Cancelled) => Self::Cancelled,
            Some(Verdict::Panicked | Verdict::Timeout) => Self::Failed(Arc::new(answer)),
            Some(Verdict::Error) if !answer.is_said => Self::Failed(Arc::new(answer)),
            _ => Self::Completed(Arc::new(answer)),
        }
    }
}

impl Rules {
    /// As [`release`](Self::release); a panic in the application's serialization or in ours withholds the answer.
    pub(super) fn release_contained(&self, outcome: Result<Done, Stop>, record: &mut Record<'_>) -> Option<Answer> {
        panics::contain_sync(|| self.release(outcome, record)).unwrap_or_else(|_| {
            record.verdict(Verdict::Panicked, "panic");
            Some(Answer::refusal(Verdict::Panicked, "internal error: the result was withheld"))
        })
    }

    /// Turns an outcome into the answer, and tells the record of it. `None`: the capability isn't there.
    fn release(&self, outcome: Result<Done, Stop>, record: &mut Record<'_>) -> Option<Answer> {
        match outcome {
            Ok(done) => Some(self.release_reply(done, record)),
            Err(stop) => {
                let (verdict, reason) = stop.verdict();
                record.verdict(verdict, reason);
                self.release_stop(stop, verdict, record)
            }
        }
    }

    fn release_reply(&self, done: Done, record: &mut Record<'_>) -> Answer {
        let capability = self.catalog.get(done.capability);
        let policy = self.policies.of(capability);
        let reply = match done.came {
            Came::Reply(reply) => reply,
            Came::Task(task) => {
                record.verdict(Verdict::Ok, "task");
                return Answer::of(Body::Task(task));
            }
        };
        let wrapped = capability.output.as_ref().is_some_and(|output| output.wrapped);
        let world = record.world();
        let counts = &mut record.redactions;
        let reply = match &record.screened {
            Some(screened) => {
                let structured = if wrapped { "/structuredContent/result" } else { "/structuredContent" };
                screened.reply(reply, structured, counts).map_err(Withheld::from)
            }
            None => Ok(reply),
        };
        match reply.and_then(|reply| self.redact(reply, wrapped, (policy, world), counts)) {
            Ok((body, bytes)) => {
                record.result_bytes = Some(bytes);
                record.verdict(Verdict::Ok, "ok");
                Answer { body, meta: None, remaining: done.remaining, bytes, is_said: true }
            }
            Err(Withheld { reason, text }) => {
                record.verdict(Verdict::Blocked, reason);
                Answer::refusal(Verdict::Blocked, text)
            }
        }
    }

    fn release_stop(&self, stop: Stop, verdict: Verdict, record: &mut Record<'_>) -> Option<Answer> {
        let is_said = matches!(stop, Stop::Failed(_));
        let text: Cow<'static, str> = match stop {
            Stop::Unknown => return None,
            Stop::Asking(round) => {
                record.joined();
                return Some(Answer::of(round.map_or(Body::ForeignState, Body::Asking)));
            }
            Stop::ForeignState => return Some(Answer::of(Body::ForeignState)),
            Stop::Scopes(scopes) => {
                let meta = Meta { verdict, rule: None, retry_after: None };
                return Some(Answer { meta: Some(meta), ..Answer::of(Body::Scopes(scopes)) });
            }
            Stop::Limit(exceeded) => {
                let text = exceeded.to_string();
                let meta = Meta { verdict, rule: Some(exceeded.rule), retry_after: exceeded.retry_after };
                return Some(Answer { meta: Some(meta), ..Answer::of(Body::Error(text.into())) });
            }
            Stop::Filtered(_) => return Some(Answer::refusal(verdict, Refused::TEXT)),
            Stop::Invalid(text) | Stop::Outside(text) => text.into(),
            Stop::Failed(error) => match error.into_failure() {
                Failure::User(text) | Failure::Denied(text) => text,
                Failure::Lacking(ability) => return Some(Answer::of(Body::Lacking(ability))),
                Failure::Internal(detail) => {
                    return Some(self.internal(verdict, "failed", &detail.to_string(), record));
                }
            },
            Stop::Timeout => "the tool took too long and was stopped".into(),
            Stop::Cancelled => "cancelled".into(),
            Stop::Panicked(text) => return Some(self.internal(verdict, "panicked", &text, record)),
            Stop::AuditDown => "no audit record can be written, so nothing runs".into(),
            Stop::StateDown => Unavailable.to_string().into(),
            Stop::TooMuchState => "the answers so far are too long to go on with".into(),
        };
        let text = match record.screened.as_ref().map(|it| it.text(&text, "/error", &mut record.redactions)) {
            Some(Err(refused)) => {
                record.verdict(Verdict::Blocked, refused.reason());
                return Some(Answer::refusal(Verdict::Blocked, Refused::TEXT));
            }
            Some(Ok(text)) => self.sayable(&text, record),
            None => self.sayable(&text, record),
        };
        Some(Answer { is_said, ..Answer::refusal(verdict, text) })
    }

    /// A text without what must not leave, by the rules of the tool that said it.
    fn sayable(&self, text: &str, record: &mut Record<'_>) -> String {
        let Some(capability) = record.capability() else {
            return self.redactor.text(text, &mut record.redactions).into_owned();
        };
        let plan = self.policies.of(capability).plan(record.world());
        let said = plan.text(text, &mut record.redactions);
        said.map_or_else(|blocked| format!("withheld: {blocked}"), Cow::into_owned)
    }

    /// What is none of the model's business: an id for it, the redacted detail for the operator's log (S18, S21).
    fn internal(&self, verdict: Verdict, what: &'static str, detail: &str, record: &mut Record<'_>) -> Answer {
        let id = incident();
        let detail = self.sayable(detail, record);
        tracing::error!(incident = %id, detail = %detail.escape_debug(), "a tool {what}");
        Answer::refusal(verdict, format!("internal error (incident {id})"))
    }
}

/// An id that ties an answer to a log line: random, so that it tells nothing.
fn incident() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::time::SystemTime::now()))
}

/// A reply that may not leave, and what is said instead.
struct Withheld {
    reason: &'static str,
    text: Cow<'static, str>,
}

impl From<Refused> for Withheld {
    fn from(refused: Refused) -> Self {
        Self { reason: refused.reason(), text: Refused::TEXT.into() }
    }
}

impl From<Blocked> for Withheld {
    fn from(blocked: Blocked) -> Self {
        Self { reason: "unredactable", text: format!("the result was withheld: {blocked}").into() }
    }
}

impl Rules {
    /// Redacts and bounds a reply; the number is its size in bytes.
    fn redact(
        &self,
        reply: Reply,
        wrapped: bool,
        (policy, world): (&Policy, Option<World>),
        counts: &mut Counts,
    ) -> Result<(Body, u64), Withheld> {
        let plan = policy.plan(world);
        let (body, bytes) = match reply {
            Reply::Structured(mut value) => {
                plan.value(&mut value, counts)?;
                if wrapped {
                    value = Value::Object(serde_json::Map::from_iter([("result".to_owned(), value)]));
                }
                let text = json(&value);
                let bytes = text.len();
                (Body::Structured(value, text), bytes)
            }
            Reply::Text(text) => {
                let text = plan.text(&text, counts)?.into_owned();
                let bytes = text.len();
                (Body::Content(vec![ContentBlock::text(text)]), bytes)
            }
            Reply::Content(blocks) => {
                let mut bytes = 0;
                let blocks = blocks.into_iter().map(|block| self.block(block, plan, counts, &mut bytes));
                (Body::Content(blocks.collect::<Result<_, _>>()?), bytes)
            }
            Reply::Contents(contents) => {
                let mime = contents.mime.map(|mime| self.redactor.scrub(&mime).into_owned());
                let sent = self.contents(contents.held, plan, counts)?;
                let bytes = sent.len();
                (Body::Contents(sent, mime), bytes)
            }
            Reply::Messages(messages) => {
                let mut bytes = 0;
                let messages = messages.into_iter().map(|Message(PromptMessage { role, content, .. })| {
                    Ok(PromptMessage::new(role, self.block(content, plan, counts, &mut bytes)?))
                });
                (Body::Messages(messages.collect::<Result<_, Withheld>>()?), bytes)
            }
            Reply::TooDeep => return Err(Blocked::TooDeep.into()),
            Reply::Values(values) => {
                let values = completing(values, plan, counts)?;
                let bytes = values.iter().map(String::len).sum();
                let total = values.len();
                (Body::Values(values.into_iter().take(MOST_VALUES).collect(), total), bytes)
            }
        };
        let bytes = bytes as u64;
        if bytes > policy.max_result {
            let text =
                format!("the result has {bytes} bytes and at most {} are allowed; ask for less", policy.max_result);
            return Err(Withheld { reason: "result_too_large", text: text.into() });
        }
        Ok((body, bytes))
    }

    /// Redacts one content block. Binary media pass, but for held credentials; everything else is data like any other.
    fn block(
        &self,
        block: ContentBlock,
        plan: &Plan,
        counts: &mut Counts,
        bytes: &mut usize,
    ) -> Result<ContentBlock, Withheld> {
        let unfit = || Withheld {
            reason: "unredactable",
            text: "the result was withheld: a content block that can't be redacted".into(),
        };
        let mut value = serde_json::to_value(block).map_err(|_| unfit())?;
        let media = take_binary(&mut value);
        plan.value(&mut value, counts)?;
        if let Some((path, data)) = media {
            *bytes += data.len();
            if let Some(slot) = value.pointer_mut(path) {
                *slot = self.media(data, plan, counts)?.into();
            }
        }
        *bytes += json(&value).len();
        serde_json::from_value(value).map_err(|_| unfit())
    }
}

impl Rules {
    /// Base64 of something that isn't text passes, but for held credentials. Whether it is text, its bytes decide, not
    /// its MIME type; what isn't base64 at all is text.
    fn media(&self, mut data: String, plan: &Plan, counts: &mut Counts) -> Result<String, Withheld> {
        // A line break could part a credential.
        data.retain(|c| !c.is_ascii_whitespace());
        match decode_base64(&data) {
            None => Ok(plan.text(&data, counts)?.into_owned()),
            Some(Decoded::Binary(..)) => Ok(self.redactor.scrub(&data).into_owned()),
            Some(Decoded::Text(text, alphabet)) => Ok(match plan.text(&text, counts)? {
                Cow::Borrowed(_) => data,
                Cow::Owned(redacted) => alphabet.encode(redacted),
            }),
        }
    }
}

impl Rules {
    /// Redacts what a resource holds.
    fn contents(&self, held: Held, plan: &Plan, counts: &mut Counts) -> Result<Sent, Withheld> {
        Ok(match held {
            Held::Text(text) => Sent::Text(plan.text(&text, counts)?.into_owned()),
            Held::Blob(blob) => Sent::Base64(self.media(STANDARD.encode(blob), plan, counts)?),
        })
    }
}

/// The most values that an answer may have (MCP, completion).
const MOST_VALUES: usize = 100;

/// Values that redaction leaves as they are: who chose one that is masked would ask for something else.
fn completing(values: Vec<String>, plan: &Plan, counts: &mut Counts) -> Result<Vec<String>, Blocked> {
    let mut kept = Vec::with_capacity(values.len());
    for value in values {
        if *plan.text(&value, counts)? == *value {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// The JSON text of a value; `to_string` of the value itself says the same in twice the time.
fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// Takes the base64 data of an image, a sound or a binary resource out of a block, for it isn't text to be scanned.
pub(super) fn take_binary(block: &mut Value) -> Option<(&'static str, String)> {
    for path in ["/data", "/resource/blob"] {
        if let Some(Value::String(data)) = block.pointer_mut(path) {
            return Some((path, std::mem::take(data)));
        }
    }
    None
}
