//! Fields of types that derive `Argument`.
//!
//! The derive leaves decoding and the schema to serde's and schemars' derives on a mirror of the type, whose fields are
//! [`Field`]s. That a field's type is legal is checked where its [`FieldType`] is named and nowhere else: a `Field`
//! decodes whatever it holds, so a mistake is shown once, at the field, in our words.

use std::{borrow::Cow, fmt::Display};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_ignored::Path;

use super::argument::{Foreign, Plain};

/// The type of the `N`th field of a mirror.
#[doc(hidden)]
pub trait FieldType<const N: usize> {
    type Type: Plain;
}

/// The type of the `N`th field of a mirror, if it is marked `#[arg(serde)]`.
#[doc(hidden)]
pub trait ForeignFieldType<const N: usize> {
    type Type: Foreign;
}

/// A field of the mirror `M`.
#[doc(hidden)]
pub struct Field<M: FieldType<N>, const N: usize>(pub M::Type);

/// A field of the mirror `M` that isn't known to refuse unknown fields, so that decoding has to.
#[doc(hidden)]
pub struct ForeignField<M: ForeignFieldType<N>, const N: usize>(pub M::Type);

impl<'de, M: FieldType<N>, const N: usize> Deserialize<'de> for Field<M, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <M::Type as Plain>::As::deserialize(deserializer)?;
        Ok(Self(Plain::decoded(value)))
    }
}

impl<'de, M: ForeignFieldType<N>, const N: usize> Deserialize<'de> for ForeignField<M, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut unknown = None;
        let value: <M::Type as Foreign>::As =
            serde_ignored::deserialize(deserializer, |path| unknown = Some(path_of(&path)))?;
        match unknown {
            Some(path) => Err(D::Error::custom(format_args!("unknown field `{path}`"))),
            None => Ok(Self(Foreign::decoded(value))),
        }
    }
}

/// A path as a caller would write it: `filter.limit`, `ids.2`; what only Rust's types see isn't in it.
pub(super) fn path_of(path: &Path<'_>) -> String {
    let join = |parent: &Path<'_>, last: &dyn Display| match path_of(parent) {
        parent if parent.is_empty() => last.to_string(),
        parent => format!("{parent}.{last}"),
    };
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => join(parent, index),
        Path::Map { parent, key } => join(parent, key),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => path_of(parent),
    }
}

macro_rules! as_held {
    ($($field:ident: $of:ident, $bound:ident;)*) => {$(
        impl<M: $of<N>, const N: usize> JsonSchema for $field<M, N> {
            fn schema_name() -> Cow<'static, str> {
                <M::Type as $bound>::As::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                <M::Type as $bound>::As::schema_id()
            }

            fn inline_schema() -> bool {
                <M::Type as $bound>::As::inline_schema()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <M::Type as $bound>::As::json_schema(generator)
            }

            // Not documented, and what every wrapper of schemars' own does: without these an `Option` would be required.
            fn _schemars_private_non_optional_json_schema(generator: &mut SchemaGenerator) -> Schema {
                <M::Type as $bound>::As::_schemars_private_non_optional_json_schema(generator)
            }

            fn _schemars_private_is_option() -> bool {
                <M::Type as $bound>::As::_schemars_private_is_option()
            }
        }

        // For a default that the schema shows.
        impl<M: $of<N>, const N: usize> Serialize for $field<M, N>
        where
            M::Type: Serialize,
        {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

as_held! {
    Field: FieldType, Plain;
    ForeignField: ForeignFieldType, Foreign;
}
