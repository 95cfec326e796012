//! JSON text in which some values changed: all else stays as it was written, to the last digit and space.

use std::borrow::Cow;

use serde_json::Value;

/// `text`, which spelled a value, with what differs in `after` written anew. `None` if the two don't belong together.
pub(super) fn splice(text: &str, after: &Value) -> Option<String> {
    let mut splicer = Splicer { text, at: 0, copied: 0, out: String::with_capacity(text.len()) };
    splicer.value(after)?;
    splicer.out.push_str(&text[splicer.copied..]);
    Some(splicer.out)
}

struct Splicer<'t> {
    text: &'t str,
    at: usize,
    /// Up to where the text has been taken over.
    copied: usize,
    out: String,
}

impl Splicer<'_> {
    fn value(&mut self, after: &Value) -> Option<()> {
        self.space();
        let start = self.at;
        match (self.peek()?, after) {
            (b'{', Value::Object(members)) => {
                self.at += 1;
                let mut members = members.iter();
                while self.goes_on(b'}')? {
                    let (key, value) = members.next()?;
                    self.text(key)?;
                    self.space();
                    (self.peek()? == b':').then_some(())?;
                    self.at += 1;
                    self.value(value)?;
                }
                members.next().is_none().then_some(())
            }
            (b'[', Value::Array(items)) => {
                self.at += 1;
                let mut items = items.iter();
                while self.goes_on(b']')? {
                    self.value(items.next()?)?;
                }
                items.next().is_none().then_some(())
            }
            (b'"', Value::String(text)) => self.text(text),
            (b'{' | b'[' | b'"', _) => {
                self.skip()?;
                self.replace(start, &after.to_string());
                Some(())
            }
            // A number, or a word: what was masked is a text now.
            (_, after) => {
                self.skip()?;
                if after.is_string() {
                    self.replace(start, &after.to_string());
                }
                Some(())
            }
        }
    }

    /// A text that stays as it is written if it still says the same.
    fn text(&mut self, after: &str) -> Option<()> {
        self.space();
        let start = self.at;
        self.skip()?;
        let written = &self.text[start..self.at];
        let inside = written.get(1..written.len() - 1)?;
        let before: Cow<'_, str> =
            if inside.contains('\\') { serde_json::from_str::<String>(written).ok()?.into() } else { inside.into() };
        if before != after {
            self.replace(start, &Value::from(after).to_string());
        }
        Some(())
    }

    fn replace(&mut self, start: usize, with: &str) {
        self.out.push_str(&self.text[self.copied..start]);
        self.out.push_str(with);
        self.copied = self.at;
    }

    /// Whether another member or item follows; reads over the comma before it, or the end.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        self.space();
        let b = self.peek()?;
        if b == end || b == b',' {
            self.at += 1;
        }
        Some(b != end)
    }

    /// Reads over one value.
    fn skip(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        loop {
            match *bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    loop {
                        self.at += memchr::memchr2(b'"', b'\\', &bytes[self.at..])?;
                        if bytes[self.at] == b'"' {
                            break;
                        }
                        self.at += 2;
                    }
                    self.at += 1;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => {
                    let ends = |b: &u8| matches!(b, b',' | b':' | b'}' | b']' | b'"') || b.is_ascii_whitespace();
                    let rest = &bytes[self.at..];
                    self.at += rest.iter().position(ends).unwrap_or(rest.len());
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{FEFF}').len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed() {
        let text = " {\"a\" : 1e3,\n \"b\":[1.50, \"\\u0041\\n\", {\"c\\u0064\": -0, \"e\":[]}],\"f\":{\"g\":[{}]} } ";
        let mut value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(splice(text, &value).as_deref(), Some(text));
        value["b"][0] = json!("x\"y");
        value["f"] = json!("z");
        assert_eq!(
            splice(text, &value).as_deref(),
            Some(" {\"a\" : 1e3,\n \"b\":[\"x\\\"y\", \"\\u0041\\n\", {\"c\\u0064\": -0, \"e\":[]}],\"f\":\"z\" } ")
        );
        assert_eq!(splice("1.50", &json!("x")).as_deref(), Some("\"x\""));
        assert_eq!(splice(" \"a\"", &json!("x")).as_deref(), Some(" \"x\""));
        assert_eq!(splice("[1]", &json!([1, 2])), None);
        assert_eq!(splice("{\"a\": \"\\\\\"}", &json!({"b": "\\"})).as_deref(), Some("{\"b\": \"\\\\\"}"));
    }
}
