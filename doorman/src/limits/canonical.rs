//! One digest for all spellings of the same arguments: whatever the order of an object's members, with or without those
//! that are `null`, and however a number is written.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Number, Value};

/// The SHA-256 of a value. Members count in the order of their names; every part is tagged and has its length, so no two
/// values that differ in more than spelling are written alike.
pub(crate) fn sha256(value: &Value) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    write(value, &mut context);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn write(value: &Value, to: &mut Context) {
    match value {
        Value::Null => to.update(b"n"),
        Value::Bool(it) => to.update(if *it { b"t" } else { b"f" }),
        Value::Number(it) => text(b"#", &number(it), to),
        Value::String(it) => text(b"s", it, to),
        Value::Array(items) => {
            count(b"[", items.len(), to);
            items.iter().for_each(|item| write(item, to));
        }
        Value::Object(members) => {
            // An optional argument that is `null` isn't there.
            let mut sorted: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
            count(b"{", sorted.len(), to);
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                text(b"k", name, to);
                write(value, to);
            }
        }
    }
}

/// A whole number is one, also as `1.0` or `-0`.
fn number(number: &Number) -> String {
    match number.as_f64() {
        // So far every whole number is a float of its own.
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => (float as i64).to_string(),
        _ => number.to_string(),
    }
}

fn text(tag: &[u8; 1], text: &str, to: &mut Context) {
    count(tag, text.len(), to);
    to.update(text.as_bytes());
}

fn count(tag: &[u8; 1], count: usize, to: &mut Context) {
    to.update(tag);
    to.update(&(count as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sha256;

    #[test]
    fn the_order_of_members_is_nothing_and_everything_else_is() {
        let same = [
            r#"{"a":{"x":1,"y":[0]},"b":null}"#,
            r#"{"b":null,"a":{"y":[-0],"x":1}}"#,
            r#"{"a":{"y":[0.0],"x":1.0}}"#,
            r#"{"a":{"y":[-0.0],"x":10e-1,"z":null}}"#,
        ];
        let digests = same.map(|text| sha256(&serde_json::from_str(text).expect("JSON")));
        assert!(digests.iter().all(|it| *it == digests[0]));
        let all = [
            json!({}),
            json!([]),
            json!(null),
            json!(""),
            json!("1"),
            json!(1),
            json!(1.5),
            json!(-1),
            json!(true),
            json!(false),
            json!(["a", "b"]),
            json!(["b", "a"]),
            json!(["ab"]),
            json!([["a"], "b"]),
            json!({"a": "b"}),
            json!({"a": ["b"]}),
            json!({"a": "", "b": ""}),
            json!({"a": {"b": ""}}),
        ];
        let digests: std::collections::HashSet<_> = all.iter().map(sha256).collect();
        assert_eq!(digests.len(), all.len());
    }
}
