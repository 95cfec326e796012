//! One digest for all spellings of the same arguments: whatever the order of an object's members.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

/// The SHA-256 of a value. Members count in the order of their names; every part is tagged and has its length, so no two
/// values are written alike.
pub(super) fn sha256(value: &Value) -> [u8; 32] {
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
        Value::Number(it) => text(b"#", &it.to_string(), to),
        Value::String(it) => text(b"s", it, to),
        Value::Array(items) => {
            count(b"[", items.len(), to);
            items.iter().for_each(|item| write(item, to));
        }
        Value::Object(members) => {
            count(b"{", members.len(), to);
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                text(b"k", name, to);
                write(value, to);
            }
        }
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
        let same = [r#"{"a":{"x":1,"y":[2]},"b":null}"#, r#"{"b":null,"a":{"y":[2],"x":1}}"#];
        let [one, two] = same.map(|text| sha256(&serde_json::from_str(text).expect("JSON")));
        assert_eq!(one, two);
        let all = [
            json!({}),
            json!([]),
            json!(null),
            json!(""),
            json!("1"),
            json!(1),
            json!(1.0),
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
