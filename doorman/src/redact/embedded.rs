//! JSON inside strings, parsed so that nothing of it can hide: repeated keys are noticed, bounds are kept while parsing.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::plan::Blocked;

/// What a text turned out to be.
pub(crate) enum Parsed {
    /// JSON. If a key was repeated, the value has the last one only, and the text must not be forwarded as it is.
    Json { value: Value, repeated: bool },
    /// Some other text.
    Text,
    /// Too deep or too large to be parsed.
    Blocked(Blocked),
}

/// Whether it is worth trying: the text begins and ends like an object or an array.
pub(crate) fn may_be_json(text: &str) -> bool {
    // Most texts end with a letter, a digit or a stop.
    if text.as_bytes().last().is_none_or(|b| b.is_ascii_alphanumeric() || *b == b'.') {
        return false;
    }
    let text = trim(text).as_bytes();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))) && text.len() > 2
}

/// Parses a text with at most so many levels and values.
pub(crate) fn parse(text: &str, depth: usize, nodes: usize) -> Parsed {
    let mut state = State { nodes, repeated: false, blocked: None };
    let mut deserializer = serde_json::Deserializer::from_str(trim(text));
    // serde_json's own limit (128) gives an error that can't be told from a syntax error; ours is reached first.
    let seed = Seed { depth: depth.min(126), state: &mut state };
    let value = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match (value, state.blocked) {
        (_, Some(blocked)) => Parsed::Blocked(blocked),
        (Ok(value), None) => Parsed::Json { value, repeated: state.repeated },
        (Err(_), None) => Parsed::Text,
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{FEFF}')
}

struct State {
    nodes: usize,
    repeated: bool,
    blocked: Option<Blocked>,
}

struct Seed<'s> {
    depth: usize,
    state: &'s mut State,
}

impl Seed<'_> {
    fn inner<E: Error>(&mut self) -> Result<Seed<'_>, E> {
        let Some(depth) = self.depth.checked_sub(1) else {
            self.state.blocked = Some(Blocked::TooDeep);
            return Err(E::custom("too deep"));
        };
        let Some(nodes) = self.state.nodes.checked_sub(1) else {
            self.state.blocked = Some(Blocked::TooManyValues);
            return Err(E::custom("too many values"));
        };
        self.state.nodes = nodes;
        Ok(Seed { depth, state: self.state })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.inner()?)?;
            if map.insert(key, value).is_some() {
                self.state.repeated = true;
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_as_serde_json_does() {
        let text = r#" {"a": [1, -2, 1e3, null, true, "x\u0040"], "b": {}} "#;
        let Parsed::Json { value, repeated: false } = parse(text, 10, 100) else { panic!("is JSON") };
        assert_eq!(Some(value), serde_json::from_str::<Value>(text).ok());
    }

    #[test]
    fn notices_what_could_hide() {
        assert!(matches!(parse(r#"{"a":1,"a":2}"#, 10, 10), Parsed::Json { repeated: true, .. }));
        assert!(matches!(parse("[1] x]", 10, 10), Parsed::Text));
        assert!(matches!(parse("[[1]]", 1, 10), Parsed::Blocked(Blocked::TooDeep)));
        assert!(matches!(parse("[1,2,3]", 9, 2), Parsed::Blocked(Blocked::TooManyValues)));
        assert!(matches!(parse(&"[".repeat(100_000), 128, 1000), Parsed::Blocked(Blocked::TooDeep)));
        assert!(may_be_json("\u{feff} [1] ") && !may_be_json("[1}") && !may_be_json("{}") && !may_be_json("[x"));
    }
}
