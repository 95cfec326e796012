//! Any output as a JSON value, within a depth: what a function returns may be nested as deep as memory goes, and whoever goes
//! through that by recursion ends the process with an overflowing stack.

mod key;

use std::fmt::Display;

use serde::{
    Serialize,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant, Serializer,
    },
};
use serde_json::{Map, Value};

use key::Key;

/// How deep a value may be nested. More than what may leave, so that it is redaction that says so; few enough for any stack.
const DEEPEST: usize = 256;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoValue {
    #[error("nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// In the words of the type, or of JSON.
    #[error("{0}")]
    Said(String),
}

impl serde::ser::Error for NoValue {
    fn custom<T: Display>(said: T) -> Self {
        Self::Said(said.to_string())
    }
}

/// The value that serde_json would make of it, and it.
pub(super) fn of<T: Serialize>(it: T) -> Result<(Value, T), NoValue> {
    match it.serialize(Making { left: DEEPEST }) {
        Ok(value) => Ok((value, it)),
        Err(NoValue::TooDeep) => {
            // To drop it goes as deep as to write it: better some memory than the process and everybody's calls.
            #[expect(clippy::mem_forget, reason = "its drop would overflow the stack")]
            std::mem::forget(it);
            Err(NoValue::TooDeep)
        }
        Err(error) => Err(error),
    }
}

/// Makes a value; so many levels may be left.
#[derive(Clone, Copy)]
struct Making {
    left: usize,
}

impl Making {
    fn within(self) -> Result<Self, NoValue> {
        self.left.checked_sub(1).map(|left| Self { left }).ok_or(NoValue::TooDeep)
    }
}

macro_rules! scalars {
    ($($method:ident($ty:ty);)*) => {$(
        fn $method(self, it: $ty) -> Result<Value, NoValue> {
            Ok(Value::from(it))
        }
    )*};
}

impl Serializer for Making {
    type Ok = Value;
    type Error = NoValue;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Named<Items>;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Named<Members>;

    scalars! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_str(&str);
    }

    fn serialize_i128(self, it: i128) -> Result<Value, NoValue> {
        serde_json::to_value(it).map_err(NoValue::custom)
    }

    fn serialize_u128(self, it: u128) -> Result<Value, NoValue> {
        serde_json::to_value(it).map_err(NoValue::custom)
    }

    fn serialize_char(self, it: char) -> Result<Value, NoValue> {
        Ok(Value::String(it.into()))
    }

    fn serialize_bytes(self, it: &[u8]) -> Result<Value, NoValue> {
        Ok(it.iter().copied().collect())
    }

    fn serialize_none(self) -> Result<Value, NoValue> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, it: &T) -> Result<Value, NoValue> {
        it.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, NoValue> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, NoValue> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, NoValue> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, it: &T) -> Result<Value, NoValue> {
        it.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        it: &T,
    ) -> Result<Value, NoValue> {
        Ok(named(variant, it.serialize(self.within()?)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, NoValue> {
        Ok(Items { making: self.within()?, items: Vec::with_capacity(length.unwrap_or(0).min(1024)) })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, NoValue> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, NoValue> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Named<Items>, NoValue> {
        Ok(Named(variant, self.within()?.serialize_seq(Some(length))?))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Members, NoValue> {
        let members = Map::with_capacity(length.unwrap_or(0).min(1024));
        Ok(Members { making: self.within()?, members, key: String::new() })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Members, NoValue> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Named<Members>, NoValue> {
        Ok(Named(variant, self.within()?.serialize_map(Some(length))?))
    }

    fn collect_str<T: Display + ?Sized>(self, it: &T) -> Result<Value, NoValue> {
        Ok(Value::String(it.to_string()))
    }
}

fn named(variant: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(variant.to_owned(), value)]))
}

/// A list that is being made.
struct Items {
    making: Making,
    items: Vec<Value>,
}

impl Items {
    fn add<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), NoValue> {
        self.items.push(it.serialize(self.making)?);
        Ok(())
    }
}

/// An object that is being made.
struct Members {
    making: Making,
    members: Map<String, Value>,
    key: String,
}

impl Members {
    fn add<T: Serialize + ?Sized>(&mut self, key: &'static str, it: &T) -> Result<(), NoValue> {
        self.members.insert(key.to_owned(), it.serialize(self.making)?);
        Ok(())
    }
}

/// A variant that holds more than one value.
struct Named<T>(&'static str, T);

macro_rules! lists {
    ($($trait:ident, $method:ident;)*) => {$(
        impl $trait for Items {
            type Ok = Value;
            type Error = NoValue;

            fn $method<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), NoValue> {
                self.add(it)
            }

            fn end(self) -> Result<Value, NoValue> {
                Ok(Value::Array(self.items))
            }
        }
    )*};
}

lists! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
}

impl SerializeTupleVariant for Named<Items> {
    type Ok = Value;
    type Error = NoValue;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), NoValue> {
        self.1.add(it)
    }

    fn end(self) -> Result<Value, NoValue> {
        Ok(named(self.0, Value::Array(self.1.items)))
    }
}

impl SerializeMap for Members {
    type Ok = Value;
    type Error = NoValue;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoValue> {
        self.key = key.serialize(Key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), NoValue> {
        let value = it.serialize(self.making)?;
        self.members.insert(std::mem::take(&mut self.key), value);
        Ok(())
    }

    fn end(self) -> Result<Value, NoValue> {
        Ok(Value::Object(self.members))
    }
}

impl SerializeStruct for Members {
    type Ok = Value;
    type Error = NoValue;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, it: &T) -> Result<(), NoValue> {
        self.add(key, it)
    }

    fn end(self) -> Result<Value, NoValue> {
        Ok(Value::Object(self.members))
    }
}

impl SerializeStructVariant for Named<Members> {
    type Ok = Value;
    type Error = NoValue;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, it: &T) -> Result<(), NoValue> {
        self.1.add(key, it)
    }

    fn end(self) -> Result<Value, NoValue> {
        Ok(named(self.0, Value::Object(self.1.members)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        One(u8),
        Two(u8, f32),
        Many { a: Option<bool>, b: (char, &'static str) },
    }

    #[derive(Serialize)]
    struct All {
        shapes: Vec<Shape>,
        numbers: (i8, i64, u64, f64, f64),
        none: Option<()>,
        unit: (),
        maps: BTreeMap<i32, BTreeMap<bool, Newtype>>,
        #[serde(flatten)]
        more: BTreeMap<String, Value>,
    }

    #[derive(Serialize)]
    struct Newtype(String);

    #[test]
    fn it_is_the_value_that_serde_json_makes() {
        let all = All {
            shapes: vec![Shape::Unit, Shape::One(1), Shape::Two(2, 0.1), Shape::Many { a: None, b: ('é', "x") }],
            numbers: (-1, i64::MIN, u64::MAX, 1e300, f64::NAN),
            none: None,
            unit: (),
            maps: BTreeMap::from([(-3, BTreeMap::from([(true, Newtype("y".to_owned()))]))]),
            more: BTreeMap::from([("z".to_owned(), serde_json::json!({"deep": [[], {}]}))]),
        };
        let text = |value: Value| value.to_string();
        assert_eq!(of(&all).map(|(value, _)| text(value)).ok(), serde_json::to_value(&all).map(text).ok());
        assert!(of(&BTreeMap::from([(vec![1], 1)])).is_err_and(|error| error.to_string() == "key must be a string"));
    }

    #[test]
    fn what_is_too_deep_is_no_value() {
        let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert!(of(nested(DEEPEST)).is_ok_and(|(value, it)| value == it));
        assert!(matches!(of(nested(DEEPEST + 1)), Err(NoValue::TooDeep)));
    }
}
