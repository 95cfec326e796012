//! What a function gives back: structured data, text, MCP content, or nothing.

use std::{borrow::Cow, marker::PhantomData};

use rmcp::model::ContentBlock;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{
    Contents, IntoToolError, Message, ToolError,
    value::{self, NoValue},
};

/// A function's output before it is redacted.
#[derive(Debug)]
pub enum Reply {
    /// Structured content; its JSON text goes with it.
    Structured(Value),
    /// One text block.
    Text(Cow<'static, str>),
    /// MCP content blocks: text, images, audio, links, embedded resources.
    Content(Vec<ContentBlock>),
    /// What a resource holds.
    Contents(Contents),
    /// The messages of a prompt.
    Messages(Vec<Message>),
    /// What completes an argument.
    Values(Vec<String>),
    /// Something that is nested too deep for anybody to go through.
    TooDeep,
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
        match value::of(self) {
            Ok((value, _)) => Ok(Reply::Structured(value)),
            Err(NoValue::TooDeep) => Ok(Reply::TooDeep),
            Err(error) => Err(ToolError::internal(error)),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// Output of a resource beside texts and [`Contents`]: every type with `Serialize`, as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a resource holds",
    label = "not a resource's contents",
    note = "return `String` for text, `doorman::content::Contents` for bytes or a MIME type of its own",
    note = "or derive `serde::Serialize`: it is sent as JSON"
)]
pub trait Held {
    #[doc(hidden)]
    fn reply(self) -> Result<Reply, ToolError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Held for T {
    fn reply(self) -> Result<Reply, ToolError> {
        match value::of(self) {
            Ok((_, it)) => {
                let text = serde_json::to_string(&it).map_err(ToolError::internal)?;
                Ok(Reply::Contents(Contents::text(text).mime("application/json")))
            }
            Err(NoValue::TooDeep) => Ok(Reply::TooDeep),
            Err(error) => Err(ToolError::internal(error)),
        }
    }
}

/// Output of a prompt beside texts: messages.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a prompt",
    label = "not a prompt's messages",
    note = "return `Vec<Message>`, a `Message`, or `String` for one message of the user"
)]
pub trait Spoken {
    #[doc(hidden)]
    fn reply(self) -> Result<Reply, ToolError>;
}

impl Spoken for Message {
    fn reply(self) -> Result<Reply, ToolError> {
        Ok(Reply::Messages(vec![self]))
    }
}

impl Spoken for Vec<Message> {
    fn reply(self) -> Result<Reply, ToolError> {
        Ok(Reply::Messages(self))
    }
}

/// What a function's output becomes, found out once per function.
#[doc(hidden)]
pub struct Output<R> {
    pub reply: fn(R) -> Result<Reply, ToolError>,
    pub schema: fn(&mut SchemaGenerator) -> Option<Schema>,
}

/// An output of one of the types that are known exactly.
#[doc(hidden)]
pub trait RetExact {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>;
}

// Written out, because rustc shows where a bound stands: in the macro below it would show the macro.
/// A tool's output that is a `Result`.
#[doc(hidden)]
pub trait RetResult {
    type T;
    type E;
    fn __doorman_output(&self) -> Output<Result<Self::T, Self::E>>
    where
        Self::T: Structured,
        Self::E: IntoToolError;
}

/// A tool's output of any other type.
#[doc(hidden)]
pub trait RetPlain {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>
    where
        Self::T: Structured;
}

/// A resource's output that is a `Result`.
#[doc(hidden)]
pub trait RetHeldResult {
    type T;
    type E;
    fn __doorman_output(&self) -> Output<Result<Self::T, Self::E>>
    where
        Self::T: Held,
        Self::E: IntoToolError;
}

/// A resource's output of any other type.
#[doc(hidden)]
pub trait RetHeldPlain {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>
    where
        Self::T: Held;
}

/// A prompt's output that is a `Result`.
#[doc(hidden)]
pub trait RetSpokenResult {
    type T;
    type E;
    fn __doorman_output(&self) -> Output<Result<Self::T, Self::E>>
    where
        Self::T: Spoken,
        Self::E: IntoToolError;
}

/// A prompt's output of any other type.
#[doc(hidden)]
pub trait RetSpokenPlain {
    type T;
    fn __doorman_output(&self) -> Output<Self::T>
    where
        Self::T: Spoken;
}

/// Dispatch on a return type: the exact types first, then `Result`, then everything else that the trait allows.
/// `Result` and `String` implement `Serialize` and `JsonSchema` themselves, so plain traits would overlap; method lookup on
/// references doesn't. Outputs are no trust decision: a wrong turn here could cost a text block, not an identity.
macro_rules! dispatch {
    (
        $(#[$doc:meta])*
        $ret:ident, $allowed:ident, $schema:expr, [$result_trait:ident, $plain_trait:ident];
        $($ty:ty: $value:ident => $reply:expr;)*
    ) => {
        $(#[$doc])*
        #[doc(hidden)]
        pub struct $ret<T>(pub PhantomData<fn() -> T>);

        $(
            impl RetExact for &&$ret<$ty> {
                type T = $ty;
                fn __doorman_output(&self) -> Output<$ty> {
                    Output { reply: |$value| Ok($reply), schema: |_| None }
                }
            }
            impl<E: IntoToolError> RetExact for &&$ret<Result<$ty, E>> {
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
        )*

        impl<T, E> $result_trait for &$ret<Result<T, E>> {
            type T = T;
            type E = E;

            fn __doorman_output(&self) -> Output<Result<T, E>>
            where
                T: $allowed,
                E: IntoToolError,
            {
                Output {
                    reply: |value| value.map_err(IntoToolError::into_tool_error)?.reply(),
                    schema: $schema,
                }
            }
        }

        impl<T> $plain_trait for $ret<T> {
            type T = T;

            fn __doorman_output(&self) -> Output<T>
            where
                T: $allowed,
            {
                Output { reply: T::reply, schema: $schema }
            }
        }
    };
}

dispatch! {
    /// What a tool's output becomes.
    Ret, Structured, |generator| Some(T::schema(generator)), [RetResult, RetPlain];
    (): _unit => Reply::Content(Vec::new());
    String: text => Reply::Text(text.into());
    &'static str: text => Reply::Text(text.into());
    Cow<'static, str>: text => Reply::Text(text);
    ContentBlock: block => Reply::Content(vec![block]);
    Vec<ContentBlock>: blocks => Reply::Content(blocks);
}

dispatch! {
    /// What a resource's output becomes.
    RetHeld, Held, |_| None, [RetHeldResult, RetHeldPlain];
    String: text => Reply::Contents(Contents::text(text));
    &'static str: text => Reply::Contents(Contents::text(text));
    Cow<'static, str>: text => Reply::Contents(Contents::text(text));
    Contents: contents => Reply::Contents(contents);
}

dispatch! {
    /// What a prompt's output becomes.
    RetSpoken, Spoken, |_| None, [RetSpokenResult, RetSpokenPlain];
    String: text => Reply::Messages(vec![Message::user(text)]);
    &'static str: text => Reply::Messages(vec![Message::user(text)]);
    Cow<'static, str>: text => Reply::Messages(vec![Message::user(&*text)]);
}
