//! Arguments: what the model may fill in, decoded by type.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    path::PathBuf,
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Deserializer, Error as _, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use super::{
    Call, Decoded, Need, Param, ParamSpec,
    field::path_of,
    param::{Slot, slots},
};
use crate::scope::ScopeViolation;

/// A parameter that comes from the model.
///
/// Standard and JSON types have it; an application's own types derive it (`#[derive(Argument)]`: unknown fields refused
/// at every depth, schema, confinement for fieldless enums); a foreign type is marked `#[arg(serde)]` at the parameter.
/// There is no blanket implementation, so that a type which was meant to be an extractor and isn't can't become
/// something that the model fills in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an argument",
    label = "the model can't fill this in",
    note = "derive `doorman::Argument` for a type of yours",
    note = "mark the parameter `#[arg(serde)]` for a foreign type with `Deserialize` and `JsonSchema`"
)]
pub trait Argument: Param {
    /// What the JSON is decoded to, before resource scopes are resolved.
    type Raw: DeserializeOwned + JsonSchema + Send + 'static;
    /// What the application must have provided: the resource scopes inside.
    const NEEDS: &'static [Need] = &[];

    /// Resolves resource scopes.
    fn resolve(raw: Self::Raw, call: &Call) -> Result<Self, ScopeViolation>;
}

/// One argument that doesn't fit, and what would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadArgument {
    /// The argument's name, with the path inside it (`filter.limit`, `ids[2]`).
    pub name: Cow<'static, str>,
    /// What was expected, never the value that came.
    pub expected: Cow<'static, str>,
}

impl fmt::Display for BadArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.expected)
    }
}

/// The schema of an argument type.
pub(super) fn schema_of<T: Argument>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T::Raw>()
}

/// Decodes one argument. Absent is not `null`: only a type that says so (`Option`) can be left out.
#[doc(hidden)]
pub fn decode<T: Argument>(
    spec: &ParamSpec,
    arguments: &Map<String, Value>,
    bad: &mut Vec<BadArgument>,
) -> Option<Decoded<T>> {
    let decoded = match (arguments.get(spec.name()), spec.default_value()) {
        (Some(value), _) => T::Raw::deserialize(value),
        (None, Some(default)) => T::Raw::deserialize(default),
        (None, None) => T::Raw::deserialize(Absent),
    };
    let raw = decoded.map_err(|error| bad.push(misfit(spec, &error))).ok()?;
    Some(Box::new(|spec, call| T::resolve(raw, call).map_err(|it| spec.outside(it))))
}

/// As [`decode`], for a type whose `Deserialize` isn't known to refuse unknown fields.
pub(super) fn decode_foreign<T: DeserializeOwned>(
    spec: &ParamSpec,
    arguments: &Map<String, Value>,
    bad: &mut Vec<BadArgument>,
) -> Option<T> {
    let before = bad.len();
    let unknown = |path: serde_ignored::Path<'_>| {
        let name = format!("{}.{}", spec.name(), path_of(&path));
        bad.push(BadArgument { name: name.into(), expected: "no such field".into() });
    };
    let decoded = match (arguments.get(spec.name()), spec.default_value()) {
        (Some(value), _) => serde_ignored::deserialize(value, unknown),
        (None, Some(default)) => T::deserialize(default),
        (None, None) => T::deserialize(Absent),
    };
    let value = decoded.map_err(|error| bad.push(misfit(spec, &error))).ok();
    value.filter(|_| bad.len() == before)
}

/// Whether an argument of this type may be left out, by the same rule that decodes it.
pub(crate) fn may_be_absent<T: DeserializeOwned>() -> bool {
    T::deserialize(Absent).is_ok()
}

/// Says what serde expected, without what it found.
fn misfit(spec: &ParamSpec, error: &serde_json::Error) -> BadArgument {
    let text = error.to_string();
    let expected = match text.rsplit_once("expected ") {
        _ if text == ABSENT => ABSENT.into(),
        Some((_, expected)) => format!("expected {}", plainly(expected)).into(),
        None => "does not fit its schema".into(),
    };
    BadArgument { name: spec.name().into(), expected }
}

/// serde's words without the names of Rust's types (S21).
fn plainly(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number in range",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with("tuple ") => "a list",
        _ => expected,
    }
}

const ABSENT: &str = "missing";

/// Stands for an argument that isn't there: it answers `Option` and nothing else.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde_json::Error::custom(ABSENT))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// What an argument's [`Param`] implementation consists of.
#[doc(hidden)]
#[macro_export]
macro_rules! __param_from_model {
    () => {
        const ORIGIN: $crate::__private::Origin = $crate::__private::Origin::model::<Self>();
        fn decode(
            spec: &$crate::__private::ParamSpec,
            arguments: &$crate::__private::Arguments,
            bad: &mut $crate::__private::Vec<$crate::__private::BadArgument>,
        ) -> $crate::__private::Option<$crate::__private::Decoded<Self>> {
            $crate::__private::decode(spec, arguments, bad)
        }
    };
}

macro_rules! plain {
    ($($ty:ty),* $(,)?) => {$(
        impl Argument for $ty {
            type Raw = Self;
            fn resolve(raw: Self, _: &Call) -> Result<Self, ScopeViolation> {
                Ok(raw)
            }
        }
        impl Param for $ty {
            __param_from_model!();
        }
    )*};
}

plain! {
    bool, u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, usize, isize, char, String, PathBuf, Value, Map<String, Value>,
    std::num::NonZeroU8, std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64,
}

macro_rules! containers {
    ($([$($generics:tt)*] $ty:ty => $raw:ty, $value:ident, $call:ident: $resolve:expr, $needs:expr;)*) => {$(
        impl<$($generics)*> Argument for $ty {
            type Raw = $raw;
            const NEEDS: &'static [Need] = $needs;
            fn resolve($value: $raw, $call: &Call) -> Result<Self, ScopeViolation> {
                $resolve
            }
        }
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Param for $ty {
            __param_from_model!();
        }
    )*};
}

containers! {
    [T: Argument] Option<T> => Option<T::Raw>, raw, call: raw.map(|raw| T::resolve(raw, call)).transpose(), T::NEEDS;
    [T: Argument] Vec<T> => Vec<T::Raw>, raw, call: raw.into_iter().map(|raw| T::resolve(raw, call)).collect(), T::NEEDS;
    [T: Argument<Raw = T> + Ord + DeserializeOwned + JsonSchema] BTreeSet<T> => BTreeSet<T>, raw, _call: Ok(raw), &[];
    [T: Argument] BTreeMap<String, T> => BTreeMap<String, T::Raw>, raw, call:
        raw.into_iter().map(|(key, raw)| Ok((key, T::resolve(raw, call)?))).collect(), T::NEEDS;
    [T: Argument] HashMap<String, T> => HashMap<String, T::Raw>, raw, call:
        raw.into_iter().map(|(key, raw)| Ok((key, T::resolve(raw, call)?))).collect(), T::NEEDS;
    [A: Argument<Raw = A> + DeserializeOwned + JsonSchema, B: Argument<Raw = B> + DeserializeOwned + JsonSchema]
        (A, B) => (A, B), raw, _call: Ok(raw), &[];
    [A: Argument<Raw = A> + DeserializeOwned + JsonSchema, B: Argument<Raw = B> + DeserializeOwned + JsonSchema,
     C: Argument<Raw = C> + DeserializeOwned + JsonSchema]
        (A, B, C) => (A, B, C), raw, _call: Ok(raw), &[];
}

/// A foreign type that the developer marked `#[arg(serde)]`. (What it is decoded as is no supertrait, so that a type
/// that lacks several has one mistake.)
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be decoded with serde",
    label = "no `Deserialize` with `JsonSchema`",
    note = "`#[arg(serde)]` asks for `serde::Deserialize` and `schemars::JsonSchema`"
)]
pub trait Foreign: Sized + 'static {
    type As: DeserializeOwned + JsonSchema;
    fn decoded(it: Self::As) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Foreign for T {
    type As = T;

    fn decoded(it: T) -> T {
        it
    }
}

/// An argument that is what the model sent: neither an extractor nor a resource, nor a container of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not plain data from the model",
    label = "not plain data",
    note = "fields of arguments, and `#[data]` parameters, are standard types or types that derive `doorman::Argument`",
    note = "what comes from the server, and `Scoped<S>`, is a parameter of its own, without `#[data]`"
)]
pub trait Plain: Sized {
    type As: DeserializeOwned + JsonSchema;
    const SLOT: Slot<Self>;
    fn decoded(it: Self::As) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Argument<Raw = T> + DeserializeOwned + JsonSchema> Plain for T {
    type As = T;
    const SLOT: Slot<T> = slots::param();

    fn decoded(it: T) -> T {
        it
    }
}

/// The default of an argument, as JSON.
#[doc(hidden)]
pub fn default_value<T: DefaultValue>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// What can be the default of an argument.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a default of type `{Self}` can't be published",
    label = "no `Serialize`",
    note = "the default is part of the argument's schema: derive `serde::Serialize` for the type"
)]
pub trait DefaultValue: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> DefaultValue for T {}
