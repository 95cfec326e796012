//! What a function says when it can't do what it was asked.

use std::{any::Any, borrow::Cow, fmt};

use crate::{
    input::{Ability, InputError},
    scope::{ScopeViolation, prefix::PathError},
};

/// A tool's result: its output, or a [`ToolError`].
pub type ToolResult<T> = Result<T, ToolError>;

/// Why a tool failed. Text reaches the model only if the author chose it with [`ToolError::user`] or
/// [`ToolError::denied`]; every other error (`?` on any `std::error::Error`) reaches the model as an opaque id, and its
/// detail goes to the operator's log.
///
/// It doesn't implement [`std::error::Error`], so that `?` can turn every error type into it.
pub struct ToolError(Failure);

/// The kinds of [`ToolError`], as the guard takes them apart.
pub(crate) enum Failure {
    User(Cow<'static, str>),
    Denied(Cow<'static, str>),
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// The client can't do what the function asked of it.
    Lacking(Ability),
}

impl ToolError {
    /// A mistake that the model can mend; the text is sent to it (redacted like any other output).
    pub fn user(text: impl Into<Cow<'static, str>>) -> Self {
        Self(Failure::User(text.into()))
    }

    /// A refusal by the function itself; the text is sent to the model and the call is recorded as `denied`.
    pub fn denied(text: impl Into<Cow<'static, str>>) -> Self {
        Self(Failure::Denied(text.into()))
    }

    /// A failure that is none of the model's business: it sees an opaque id, the operator's log has the detail.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Failure::Internal(error.into()))
    }

    pub(crate) fn failure(&self) -> &Failure {
        &self.0
    }

    pub(crate) fn into_failure(self) -> Failure {
        self.0
    }
}

impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Failure::User(text) => f.debug_tuple("User").field(text).finish(),
            Failure::Denied(text) => f.debug_tuple("Denied").field(text).finish(),
            Failure::Internal(error) => f.debug_tuple("Internal").field(error).finish(),
            Failure::Lacking(ability) => f.debug_tuple("Lacking").field(ability).finish(),
        }
    }
}

/// Internal, except for the errors of resource scopes and of questions to the client: those name what the caller sent and
/// nothing of the host, so the model may read them.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for ToolError {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        if let Some(input) = any.downcast_ref::<InputError>() {
            return Self(match input {
                InputError::Unsupported(ability) => Failure::Lacking(*ability),
                InputError::NotAForm(reason) => Failure::Internal(reason.clone().into()),
                InputError::Declined | InputError::Cancelled => Failure::Denied(input.to_string().into()),
                InputError::TimedOut | InputError::Misfit | InputError::NoAnswer => {
                    Failure::User(input.to_string().into())
                }
            });
        }
        match any.downcast_ref::<PathError>() {
            Some(path) if path.is_violation() => Self::denied(path.to_string()),
            Some(path) => Self::user(path.to_string()),
            None if any.is::<ScopeViolation>() => Self::denied(error.to_string()),
            None => Self::internal(error),
        }
    }
}

/// What may stand on the right of a tool's `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a tool can return",
    label = "not a tool's error type",
    note = "return `ToolResult<T>` and say `ToolError::user(\"…\")` for a text that the model may read",
    note = "or an error type that implements `std::error::Error`: the model then sees an opaque id"
)]
pub trait IntoToolError {
    #[doc(hidden)]
    fn into_tool_error(self) -> ToolError;
}

impl IntoToolError for ToolError {
    fn into_tool_error(self) -> ToolError {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error + Send + Sync + 'static> IntoToolError for E {
    fn into_tool_error(self) -> ToolError {
        ToolError::from(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s21_only_text_that_was_chosen_for_the_model_is_for_the_model() {
        let internal = ToolError::from(std::io::Error::other("/srv/secret"));
        assert!(matches!(internal.failure(), Failure::Internal(_)));
        let violation = ToolError::from(ScopeViolation::new("../x", "a path"));
        assert!(matches!(violation.failure(), Failure::Denied(text) if text.contains("../x")));
    }
}
