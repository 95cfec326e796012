//! Values that configurations are made of, and the check of a configuration against its module's type.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use doorman_grammar::size;
use jsonschema::{PatternOptions, Validator};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{Configuration, arguments::mistakes};
use crate::{
    call::{Argument, BadArgument, Call, Param},
    scope::ScopeViolation,
};

const ABSOLUTE_PATH: &str = "absolute-path";
const BYTE_SIZE: &str = "byte-size";

/// What the formats of this file mean, for the operator.
pub(super) fn format_in_words(format: &str) -> Option<&'static str> {
    match format {
        ABSOLUTE_PATH => Some("expected an absolute path, without `..`"),
        BYTE_SIZE => Some("expected a size in bytes, or a text such as \"64KiB\": more than zero, at most 1GiB"),
        _ => None,
    }
}

/// A path on the host, in a module's configuration: absolute and without `..`, so that it means the same wherever the
/// process was started.
///
/// ```
/// use doorman::exposure::AbsolutePath;
/// let path: AbsolutePath = serde_json::from_str("\"/srv/agents\"")?;
/// assert_eq!(&*path, std::path::Path::new("/srv/agents"));
/// assert!(serde_json::from_str::<AbsolutePath>("\"agents\"").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsolutePath(PathBuf);

impl AbsolutePath {
    fn parse(text: &str) -> Option<Self> {
        let legal = text.starts_with('/') && !text.contains('\0') && !text.split('/').any(|name| name == "..");
        legal.then(|| Self(text.into()))
    }
}

impl Deref for AbsolutePath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl<'de> Deserialize<'de> for AbsolutePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected an absolute path"))
    }
}

impl JsonSchema for AbsolutePath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AbsolutePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": ABSOLUTE_PATH })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A number of bytes, in a module's configuration: a whole number, or a text such as `64KiB`. From 1 to 1 GiB.
///
/// ```
/// use doorman::exposure::ByteSize;
/// let size: ByteSize = serde_json::from_str("\"64KiB\"")?;
/// assert_eq!(size.bytes(), 65_536);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(u64);

impl ByteSize {
    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parsed = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64().filter(|bytes| (1..=size::MAX).contains(bytes)),
            Value::String(text) => size::parse(&text).ok(),
            _ => None,
        };
        parsed.map(Self).ok_or_else(|| D::Error::custom("expected a size"))
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": size::MAX, "format": BYTE_SIZE })
    }

    fn inline_schema() -> bool {
        true
    }
}

macro_rules! value {
    ($($ty:ty),*) => {$(
        // Not what an author who forgot something is to be shown first.
        #[diagnostic::do_not_recommend]
        impl Argument for $ty {
            type Raw = Self;
            fn resolve(raw: Self, _: &Call) -> Result<Self, ScopeViolation> {
                Ok(raw)
            }
        }
        #[diagnostic::do_not_recommend]
        impl Param for $ty {
            crate::__param_from_model!();
        }
    )*};
}

value!(AbsolutePath, ByteSize);

/// What a module's configuration may be: the schema of its type.
pub(crate) struct ConfigSchema {
    schema: Value,
    validator: Validator,
}

impl ConfigSchema {
    /// The schema of a configuration type.
    pub(crate) fn of<C: Configuration>() -> Result<Self, String> {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = C::schema(&mut generator).to_value();
        let definitions = generator.take_definitions(true);
        if let (Some(object), false) = (schema.as_object_mut(), definitions.is_empty()) {
            object.insert("$defs".into(), definitions.into());
        }
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .with_format(ABSOLUTE_PATH, |text: &str| AbsolutePath::parse(text).is_some())
            .with_format(BYTE_SIZE, |text: &str| size::parse(text).is_ok())
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self { schema, validator })
    }

    /// All that doesn't fit: each mistake with its path (`services[0].name`; empty for the whole), and what was expected.
    pub(crate) fn mistakes(&self, config: &Value) -> Vec<BadArgument> {
        mistakes(&self.validator, config)
    }

    /// The keys that are legal at the top.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let root = match self.schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#')) {
            Some(pointer) => self.schema.pointer(pointer).unwrap_or(&self.schema),
            None => &self.schema,
        };
        let properties = root.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect()
    }
}
