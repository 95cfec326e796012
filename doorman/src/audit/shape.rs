//! The shape of a call's arguments: types, lengths and counts; never values, never keys.

use serde_json::Value;

use super::line::push_number;

/// How many levels of arrays and objects are told apart.
const DEPTH: usize = 4;

/// How many elements of one level are looked at, so that a shape costs the same for any size of input.
const WIDTH: usize = 64;

/// The shape of a JSON value, as JSON text of at most a few KB. The default, `null`, is for a call whose arguments
/// nobody has seen.
///
/// `{"type":"object","count":1,"len":2,"values":[{"type":"integer","count":1},{"type":"string","count":1,"len":8}]}`:
/// the elements of a level are merged by type, keys are left out. `count` is how many there are of this type, among the
/// first 64 of the level. `len` is the longest of them: of arrays and objects the number of elements, of strings the
/// bytes, rounded up to a power of two, because the exact length of a PIN or a password is half the secret. Below the
/// fourth level, elements are only counted by their parent's `len`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape(Box<str>);

impl Shape {
    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self("null".into())
    }
}

/// The shape of a value. Take it before the function runs, which consumes its arguments.
#[must_use]
pub fn shape(value: &Value) -> Shape {
    let mut out = Vec::with_capacity(256);
    Level::of([value].into_iter()).write(&mut out, 1);
    // Only ASCII is ever written.
    Shape(String::from_utf8(out).unwrap_or_default().into())
}

/// The elements of one level, merged by type.
#[derive(Default)]
struct Level<'a> {
    nulls: u64,
    booleans: u64,
    integers: u64,
    numbers: u64,
    strings: u64,
    longest: usize,
    arrays: Containers<'a>,
    objects: Containers<'a>,
}

/// Arrays, or objects, of one level.
#[derive(Default)]
struct Containers<'a> {
    count: u64,
    longest: usize,
    elements: Vec<&'a Value>,
}

impl<'a> Level<'a> {
    fn of(values: impl Iterator<Item = &'a Value>) -> Self {
        let mut level = Self::default();
        for value in values {
            match value {
                Value::Null => level.nulls += 1,
                Value::Bool(_) => level.booleans += 1,
                Value::Number(number) if number.is_f64() => level.numbers += 1,
                Value::Number(_) => level.integers += 1,
                Value::String(text) => {
                    level.strings += 1;
                    level.longest = level.longest.max(text.len());
                }
                Value::Array(elements) => level.arrays.add(elements.len(), elements.iter()),
                Value::Object(members) => level.objects.add(members.len(), members.values()),
            }
        }
        level
    }

    fn write(&self, out: &mut Vec<u8>, depth: usize) {
        for (name, count) in
            [("null", self.nulls), ("boolean", self.booleans), ("integer", self.integers), ("number", self.numbers)]
        {
            if begin(out, name, count) {
                out.push(b'}');
            }
        }
        if begin(out, "string", self.strings) {
            let rounded = if self.longest == 0 { 0 } else { self.longest.next_power_of_two() };
            length(out, rounded);
            out.push(b'}');
        }
        self.arrays.write(out, "array", b",\"items\":[", depth);
        self.objects.write(out, "object", b",\"values\":[", depth);
    }
}

impl<'a> Containers<'a> {
    fn add(&mut self, len: usize, elements: impl Iterator<Item = &'a Value>) {
        self.count += 1;
        self.longest = self.longest.max(len);
        self.elements.extend(elements.take(WIDTH - self.elements.len().min(WIDTH)));
    }

    fn write(&self, out: &mut Vec<u8>, name: &str, open: &[u8], depth: usize) {
        if !begin(out, name, self.count) {
            return;
        }
        length(out, self.longest);
        if depth < DEPTH && !self.elements.is_empty() {
            out.extend_from_slice(open);
            Level::of(self.elements.iter().copied()).write(out, depth + 1);
            out.push(b']');
        }
        out.push(b'}');
    }
}

/// Writes `{"type":…,"count":…`, after a comma if something precedes it on its level; nothing if there is none.
fn begin(out: &mut Vec<u8>, name: &str, count: u64) -> bool {
    if count == 0 {
        return false;
    }
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"count\":");
    push_number(out, count);
    true
}

fn length(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(b",\"len\":");
    push_number(out, len as u64);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Shape, shape};

    fn read(value: &Value) -> Value {
        serde_json::from_str(shape(value).as_json()).expect("JSON")
    }

    #[test]
    fn shapes() {
        // The inputs are the predecessor's vectors; it told exact lengths of strings and looked at first elements only.
        for (input, expected) in [
            (json!([]), json!({"type": "array", "count": 1, "len": 0})),
            (json!({}), json!({"type": "object", "count": 1, "len": 0})),
            (json!("SECRET QUERY TEXT"), json!({"type": "string", "count": 1, "len": 32})),
            (json!(false), json!({"type": "boolean", "count": 1})),
            (json!(1), json!({"type": "integer", "count": 1})),
            (json!(1.5), json!({"type": "number", "count": 1})),
            (json!(null), json!({"type": "null", "count": 1})),
            (
                json!(["SENTINEL-A", "SENTINEL-B", ""]),
                json!({"type": "array", "count": 1, "len": 3, "items": [{"type": "string", "count": 3, "len": 16}]}),
            ),
            (
                json!({"a": 1, "secret": "s".repeat(40)}),
                json!({"type": "object", "count": 1, "len": 2, "values":
                    [{"type": "integer", "count": 1}, {"type": "string", "count": 1, "len": 64}]}),
            ),
            (
                json!([[1], {"k": [true]}, [null, "x"], 2.5]),
                json!({"type": "array", "count": 1, "len": 4, "items": [
                    {"type": "number", "count": 1},
                    {"type": "array", "count": 2, "len": 2, "items":
                        [{"type": "null", "count": 1}, {"type": "integer", "count": 1}, {"type": "string", "count": 1, "len": 1}]},
                    {"type": "object", "count": 1, "len": 1, "values":
                        [{"type": "array", "count": 1, "len": 1, "items": [{"type": "boolean", "count": 1}]}]}]}),
            ),
            (
                json!([[[[[1]]]]]),
                json!({"type": "array", "count": 1, "len": 1, "items": [{"type": "array", "count": 1, "len": 1, "items":
                    [{"type": "array", "count": 1, "len": 1, "items": [{"type": "array", "count": 1, "len": 1}]}]}]}),
            ),
        ] {
            assert_eq!(read(&input), expected, "{input}");
        }
        assert_eq!(Shape::default().as_json(), "null");
    }

    #[test]
    fn neither_values_nor_keys() {
        let canary = "CANARY";
        for value in [
            json!(canary),
            json!([canary]),
            json!({canary: 1}),
            json!({"a": {canary: [{canary: canary}]}}),
            json!({"\"}],\"CANARY\":[{\"": canary}),
        ] {
            assert!(!shape(&value).as_json().contains("CANARY"), "{value}");
        }
    }

    #[test]
    fn lengths_of_secrets_are_not_told() {
        let pins: Vec<_> = (5..=8).map(|n| shape(&json!({"pin": "1".repeat(n)}))).collect();
        assert!(pins.windows(2).all(|two| two[0] == two[1]));
        assert_eq!(shape(&json!(9_999)), shape(&json!(-1)));
    }

    #[test]
    fn bounded_for_any_input() {
        let many = |n: usize, inner: &Value| Value::Array(vec![inner.clone(); n]);
        let mixed = json!([1, 1.5, "x", null, true, [[1]], {"k": {"k": 1}}]);
        let big = many(70, &many(3, &json!({"a": mixed, "b": many(70, &mixed)})));
        assert!(shape(&big).as_json().len() < 4_096);
        let items = json!([{"type": "integer", "count": 64}]);
        assert_eq!(read(&many(1_000, &json!(1))), json!({"type": "array", "count": 1, "len": 1_000, "items": items}));
        let halves = json!([many(40, &json!(1)), many(40, &json!("x")), many(40, &json!(null))]);
        assert_eq!(
            read(&halves)["items"][0]["items"],
            json!([{"type": "integer", "count": 40}, {"type": "string", "count": 24, "len": 1}])
        );
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([{ "k": deep }, deep_twin()]);
        }
        assert!(shape(&deep).as_json().len() < 4_096);
    }

    fn deep_twin() -> Value {
        json!([[[[[[{}]]]]], {"a": {"a": {"a": {"a": {}}}}}])
    }
}
