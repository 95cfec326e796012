//! Keys of objects.

use serde::{
    Serialize,
    ser::{Error, Impossible, Serializer},
};
use serde_json::Value;

use super::NoValue;

/// Makes a key: JSON has texts only, so numbers and truth values are written as such.
pub(super) struct Key;

impl Key {
    fn refused<T>() -> Result<T, NoValue> {
        Err(NoValue::custom("key must be a string"))
    }
}

macro_rules! keys {
    ($($method:ident($ty:ty);)*) => {$(
        fn $method(self, it: $ty) -> Result<String, NoValue> {
            Ok(it.to_string())
        }
    )*};
}

impl Serializer for Key {
    type Ok = String;
    type Error = NoValue;
    type SerializeSeq = Impossible<String, NoValue>;
    type SerializeTuple = Impossible<String, NoValue>;
    type SerializeTupleStruct = Impossible<String, NoValue>;
    type SerializeTupleVariant = Impossible<String, NoValue>;
    type SerializeMap = Impossible<String, NoValue>;
    type SerializeStruct = Impossible<String, NoValue>;
    type SerializeStructVariant = Impossible<String, NoValue>;

    keys! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
    }

    fn serialize_f32(self, it: f32) -> Result<String, NoValue> {
        finite(Value::from(it))
    }

    fn serialize_f64(self, it: f64) -> Result<String, NoValue> {
        finite(Value::from(it))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_none(self) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_unit(self) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, NoValue> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, it: &T) -> Result<String, NoValue> {
        it.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, NoValue> {
        Self::refused()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, NoValue> {
        Self::refused()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, NoValue> {
        Self::refused()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, NoValue> {
        Self::refused()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NoValue> {
        Self::refused()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NoValue> {
        Self::refused()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, NoValue> {
        Self::refused()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NoValue> {
        Self::refused()
    }
}

fn finite(value: Value) -> Result<String, NoValue> {
    if value.is_number() { Ok(value.to_string()) } else { Key::refused() }
}
