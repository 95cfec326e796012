//! A YAML document as a tree in which every key and value knows its place, so that all mistakes can be told at once.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
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

    /// As JSON; of a key that is given twice, the last value.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(it) => Json::Bool(*it),
            Value::Number(it) => Json::Number(it.clone()),
            Value::Text(it) => Json::String(it.clone()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.name.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// What stands at a path such as `services[0].name`: the value, and its key if it has one. Where a part of the path is
    /// missing, what it is missing from.
    pub(crate) fn at_path(&self, path: &str) -> (&Self, Option<&Key>) {
        let (mut here, mut key, mut rest) = (self, None, path);
        while !rest.is_empty() {
            let rest_of = |part: &str| {
                let after = rest.strip_prefix('.').unwrap_or(rest).strip_prefix(part)?;
                (after.is_empty() || after.starts_with(['.', '['])).then_some(after)
            };
            let next = match &here.value {
                // Keys may hold dots: the longest that fits is meant.
                Value::Map(entries) => entries
                    .iter()
                    .filter_map(|(key, value)| Some((value, Some(key), rest_of(&key.name)?)))
                    .min_by_key(|(.., after)| after.len()),
                Value::List(items) => rest.strip_prefix('[').and_then(|rest| {
                    let (index, after) = rest.split_once(']')?;
                    Some((items.get(index.parse::<usize>().ok()?)?, None, after))
                }),
                _ => None,
            };
            let Some((value, its_key, after)) = next else { break };
            (here, key, rest) = (value, its_key, after);
        }
        (here, if rest.is_empty() { key } else { None })
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
        // `1e3` is a whole number to whoever writes it.
        if it.fract() == 0.0 && it.abs() < 9e15 {
            return Ok(Value::Number((it as i64).into()));
        }
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
        /// No key of any grammar is that long, and errors name keys by their paths.
        const LONGEST_KEY: usize = 256;
        let mut map = Vec::new();
        while let Some(Spanned { value: name, referenced: at, .. }) = entries.next_key::<Spanned<String>>()? {
            if name.len() > LONGEST_KEY {
                return Err(A::Error::custom("a key of more than 256 bytes"));
            }
            map.push((Key { at, name }, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}
