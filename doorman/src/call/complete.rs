//! Completion: what an argument of a prompt, or a variable of a resource's URI, may be, while it is typed.

use std::{borrow::Cow, fmt};

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Call, IntoToolError, Refused, ToolError};

/// What has been typed of an argument, and what is known of the others.
#[derive(Debug, Clone)]
pub struct Partial {
    pub(crate) text: Box<str>,
    pub(crate) others: Map<String, Value>,
}

impl Partial {
    /// What has been typed so far, for calling a completer directly.
    pub fn of(text: &str) -> Self {
        Self { text: text.into(), others: Map::new() }
    }

    /// With another argument that is known.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.others.insert(name.to_owned(), value.into());
        self
    }

    /// What has been typed so far; it may be nothing.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Another argument that is filled in already.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.others.get(name)?.as_str()
    }
}

/// What a completer gives: texts, best first. The first 100 are sent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't complete an argument",
    label = "not a list of texts",
    note = "a completer is `async fn(Partial, Call) -> Vec<String>`, or gives `ToolResult<Vec<String>>`"
)]
pub trait IntoValues {
    #[doc(hidden)]
    fn into_values(self) -> Result<Vec<String>, ToolError>;
}

impl IntoValues for Vec<String> {
    fn into_values(self) -> Result<Vec<String>, ToolError> {
        Ok(self)
    }
}

impl<E: IntoToolError> IntoValues for Result<Vec<String>, E> {
    fn into_values(self) -> Result<Vec<String>, ToolError> {
        self.map_err(IntoToolError::into_tool_error)
    }
}

/// How an argument is completed.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Completer {
    /// By those of these that begin with what has been typed.
    Among(&'static [&'static str]),
    /// By a function.
    By(fn(Call, Partial) -> Result<Completing, Refused>),
}

impl fmt::Debug for Completer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Among(texts) => write!(f, "Among({texts:?})"),
            Self::By(_) => f.write_str("By(..)"),
        }
    }
}

/// A running completer.
pub type Completing = BoxFuture<'static, Result<Vec<String>, ToolError>>;

/// A completer's future.
#[doc(hidden)]
pub fn completed<V, F>(future: F) -> Result<Completing, Refused>
where
    V: IntoValues,
    F: Future<Output = V> + Send + 'static,
{
    Ok(Box::pin(async move { future.await.into_values() }))
}

/// Those texts that begin with what has been typed, whatever its case.
pub(crate) fn beginning_with<'t>(typed: &str, texts: impl IntoIterator<Item = Cow<'t, str>>) -> Vec<String> {
    let typed = typed.to_lowercase();
    texts.into_iter().filter(|text| text.to_lowercase().starts_with(&typed)).map(Cow::into_owned).collect()
}
