//! What a function gives back: structured data, text, MCP content, or nothing.

use std::{borrow::Cow, marker::PhantomData};

use rmcp::model::ContentBlock;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{IntoToolError, ToolError};

/// A function's output before it is redacted.
#[derive(Debug)]
pub enum Reply {
    /// Structured content; its JSON text goes with it.
    Structured(Value),
    /// One text block.
    Text(Cow<'static, str>),
    /// MCP content blocks: text, images, audio, links, embedded resources.
    Content(Vec<ContentBlock>),
}

/// Output with a schema: every type with `Serialize` and `JsonSchema`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a tool's output",
    label = "not a tool's output",
    note = "derive `serde::Serialize` and `schemars::JsonSchema` for structured output",
    note = "or return `String` for text, `doorman::content::ContentBlock` for MCP content, `()` for nothing"
)]
pub trait Structured {
    #[doc(hidden)]
    fn reply(self) -> Result<Reply, ToolError>;
    #[doc(hidden)]
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> Structured for T {
    fn reply(self) -> Result<Reply, ToolError> {
        serde_json::to_value(self).map(Reply::Structured).map_err(ToolError::internal)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// Dispatch on a return type: the exact types first, then `Result`, then everything structured. `Result` and `String`
/// implement `Serialize` and `JsonSchema` themselves, so plain traits would overlap; method lookup on references
/// doesn't. Outputs are no trust decision: a wrong turn here could cost a text block, not an identity.
#[doc(hidden)]
pub struct Ret<T>(pub PhantomData<fn() -> T>);

/// What a function's output becomes, found out once per function.
#[doc(hidden)]
pub struct Output<R> {
    pub reply: fn(R) -> Result<Reply, ToolError>,
    pub schema: fn(&mut SchemaGenerator) -> Option<Schema>,
}

#[doc(hidden)]
pub trait RetExact {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>;
}

macro_rules! exact {
    ($($ty:ty: $value:ident => $reply:expr;)*) => {$(
        impl RetExact for &&Ret<$ty> {
            type T = $ty;
            fn __doorman_output(&self) -> Output<$ty> {
                Output { reply: |$value| Ok($reply), schema: |_| None }
            }
        }
        impl<E: IntoToolError> RetExact for &&Ret<Result<$ty, E>> {
            type T = Result<$ty, E>;
            fn __doorman_output(&self) -> Output<Self::T> {
                Output {
                    reply: |value| {
                        let $value = value.map_err(IntoToolError::into_tool_error)?;
                        Ok($reply)
                    },
                    schema: |_| None,
                }
            }
        }
    )*};
}

exact! {
    (): _unit => Reply::Content(Vec::new());
    String: text => Reply::Text(text.into());
    &'static str: text => Reply::Text(text.into());
    Cow<'static, str>: text => Reply::Text(text);
    ContentBlock: block => Reply::Content(vec![block]);
    Vec<ContentBlock>: blocks => Reply::Content(blocks);
}

#[doc(hidden)]
pub trait RetResult {
    type T;
    type E;
    fn __doorman_output(&self) -> Output<Result<Self::T, Self::E>>
    where
        Self::T: Structured,
        Self::E: IntoToolError;
}

impl<T, E> RetResult for &Ret<Result<T, E>> {
    type T = T;
    type E = E;

    fn __doorman_output(&self) -> Output<Result<T, E>>
    where
        T: Structured,
        E: IntoToolError,
    {
        Output {
            reply: |value| value.map_err(IntoToolError::into_tool_error)?.reply(),
            schema: |generator| Some(T::schema(generator)),
        }
    }
}

#[doc(hidden)]
pub trait RetPlain {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>
    where
        Self::T: Structured;
}

impl<T> RetPlain for Ret<T> {
    type T = T;

    fn __doorman_output(&self) -> Output<T>
    where
        T: Structured,
    {
        Output { reply: T::reply, schema: |generator| Some(T::schema(generator)) }
    }
}
