//! What a call can ask of its client, whichever way the question goes.

use std::{borrow::Cow, fmt, sync::Arc};

use futures::future::BoxFuture;
use rmcp::model::ElicitationSchema;
use serde_json::Value;

use super::Sampling;

/// One question.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    /// To the user: fill in a form.
    Form { message: String, schema: Arc<ElicitationSchema> },
    /// To the user: go to a page.
    Url { message: String, url: String },
    /// To the client's model.
    Sample(Sampling),
    /// Where the client works.
    Roots,
}

impl Question {
    /// What the client must be able to do.
    pub(crate) fn ability(&self) -> Ability {
        match self {
            Self::Form { .. } => Ability::Form,
            Self::Url { .. } => Ability::Url,
            Self::Sample(_) => Ability::Sampling,
            Self::Roots => Ability::Roots,
        }
    }
}

/// Something that a client may be able to do, and says so if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ability {
    /// Elicitation: have the user fill in a form.
    Form,
    /// Elicitation: send the user to a page.
    Url,
    /// Sampling: ask its model.
    Sampling,
    /// Roots: say where it works.
    Roots,
    /// Tasks: take a task for a result.
    Tasks,
}

impl Ability {
    /// What questions that need it are named by, unless the function names them.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Form | Self::Url => "elicitation",
            Self::Sampling => "sampling",
            Self::Roots => "roots",
            Self::Tasks => "task",
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "forms (elicitation)",
            Self::Url => "pages for the user (elicitation in url mode)",
            Self::Sampling => "sampling",
            Self::Roots => "roots",
            Self::Tasks => "tasks",
        })
    }
}

/// Why there is no answer. As a tool's error (`?`) a model reads it; that the client can't do what is asked becomes MCP's
/// error −32021 where the protocol version has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The user said no.
    #[error("the user declined")]
    Declined,
    /// The user gave no answer.
    #[error("the user cancelled")]
    Cancelled,
    /// The client didn't say that it can do this.
    #[error("this client doesn't support {0}, which this needs")]
    Unsupported(Ability),
    /// Nobody answered for 10 minutes.
    #[error("nobody answered in time")]
    TimedOut,
    /// What was answered doesn't fit what was asked, again and again.
    #[error("the client's answers don't fit what was asked")]
    Misfit,
    /// The type can't be a form: a mistake of the function's author. Why is for the operator's log.
    #[error("the form can't be asked for")]
    NotAForm(String),
    /// The client refused, or has gone.
    #[error("the client gave no answer")]
    NoAnswer,
}

/// The severity of a log message (RFC 5424), as MCP names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the RFC's words")]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// The way out of a call while it runs; the guard implements it, redaction included.
pub(crate) trait Outlet: Send + Sync {
    /// Reports progress, to a client that asked for it.
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) -> BoxFuture<'static, ()>;

    /// Sends a log message, to a client that asked for such.
    fn log(&self, level: Level, data: Value) -> BoxFuture<'static, ()>;

    /// What a question is named by: `wanted`, or a name that follows from its kind and place. Different for each one.
    fn key(&self, ability: Ability, wanted: Option<Cow<'static, str>>) -> String;

    /// Asks, and waits for the answer as the protocol has it. `again`: the answer that there was doesn't fit.
    fn ask(&self, key: &str, question: &Question, again: bool) -> BoxFuture<'static, Result<Value, InputError>>;
}

/// Nobody listens: for a function that is called directly.
pub(crate) struct Silent;

impl Outlet for Silent {
    fn progress(&self, _: f64, _: Option<f64>, _: Option<&str>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn log(&self, _: Level, _: Value) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn key(&self, ability: Ability, wanted: Option<Cow<'static, str>>) -> String {
        wanted.map_or_else(|| ability.word().to_owned(), Cow::into_owned)
    }

    fn ask(&self, _: &str, question: &Question, _: bool) -> BoxFuture<'static, Result<Value, InputError>> {
        Box::pin(std::future::ready(Err(InputError::Unsupported(question.ability()))))
    }
}
