//! A YAML document as a tree in which every key and value knows its place, so that all mistakes can be told at once.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value as Json};
use serde_saphyr::{Location, Spanned};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Location,
    pub(crate) value: Value,
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) at: Location,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// As written: a key that is given twice is here twice.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// Calls `change` with each text, in the document's order. Keys stay as they are.
    pub(crate) fn each_text(&mut self, change: &mut impl FnMut(Location, &mut String)) {
        match &mut self.value {
            Value::Text(text) => change(self.at, text),
            Value::List(items) => items.iter_mut().for_each(|item| item.each_text(change)),
            Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.each_text(change)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The keys, at any depth, that stand in their map a second time.
    pub(crate) fn duplicates(&self) -> Vec<&Key> {
        let mut found = Vec::new();
        self.find_duplicates(&mut found);
        found
    }

    fn find_duplicates<'a>(&'a self, found: &mut Vec<&'a Key>) {
        match &self.value {
            Value::List(items) => items.iter().for_each(|item| item.find_duplicates(found)),
            Value::Map(entries) => {
                let mut seen = std::collections::HashSet::new();
                for (key, value) in entries {
                    if !seen.insert(key.name.as_str()) {
                        found.push(key);
                    }
                    value.find_duplicates(found);
                }
            }
            _ => {}
        }
    }

    /// As JSON. `place` hears of the path of every value, as in `services[0].name`, and where it stands.
    pub(crate) fn to_json(&self, path: &str, place: &mut impl FnMut(String, Location)) -> Json {
        place(path.to_owned(), self.at);
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(it) => Json::Bool(*it),
            Value::Number(it) => Json::Number(it.clone()),
            Value::Text(it) => Json::String(it.clone()),
            Value::List(items) => {
                items.iter().enumerate().map(|(i, item)| item.to_json(&format!("{path}[{i}]"), place)).collect()
            }
            Value::Map(entries) => {
                let mut object = serde_json::Map::new();
                for (key, value) in entries {
                    let inside = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
                    let value = value.to_json(&inside, place);
                    // A mistake about a key is shown at the key when there is nothing to show about its value.
                    place(format!("{inside}\0key"), key.at);
                    object.insert(key.name.clone(), value);
                }
                Json::Object(object)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: referenced, value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        // JSON has no infinity and no NaN: whatever expects a number refuses the text.
        Ok(Number::from_f64(it).map_or_else(|| Value::Text(it.to_string()), Value::Number))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::Text(it.to_owned()))
    }

    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(Value::Text(it))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(Spanned { value: name, referenced: at, .. }) = entries.next_key::<Spanned<String>>()? {
            map.push((Key { at, name }, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}
