//! A text without its escapes, one level of them: `%41`, `&#65;`, `\u0041`, `\\`.

use super::origin::{Note, Piece};
use crate::redact::resolve_escape;

/// The text that a text stands for; `None` if it has no escapes.
pub(super) fn unescape(text: &str, notes: &mut impl Note) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    let mut found = false;
    while let Some(next) = memchr::memchr3(b'%', b'&', b'\\', &bytes[at..]).map(|i| at + i) {
        let rest = &text[next..];
        let resolved = match rest.starts_with(r"\\") {
            true => Some((None, 2)),
            false => resolve_escape(rest).map(|(stands_for, length)| (Some(stands_for), length)),
        };
        let Some((stands_for, length)) = resolved else {
            at = next + 1;
            continue;
        };
        found = true;
        if next > copied {
            notes.note(Piece { to: out.len(), from: copied, same: true });
            out.push_str(&text[copied..next]);
        }
        notes.note(Piece { to: out.len(), from: next, same: false });
        out.push_str(stands_for.as_ref().map_or("\\", |it| it.as_str()));
        at = next + length;
        copied = at;
    }
    if !found {
        return None;
    }
    if copied < text.len() {
        notes.note(Piece { to: out.len(), from: copied, same: true });
        out.push_str(&text[copied..]);
    }
    Some(out)
}

/// Whether a text has an escape that a letter may hide in. `\\` and `\n` hide none.
pub(super) fn hide(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hides = |i: &usize| match bytes[*i] {
        b'\\' => matches!(bytes.get(i + 1), Some(b'u' | b'x')) && resolve_escape(&text[*i..]).is_some(),
        _ => resolve_escape(&text[*i..]).is_some(),
    };
    memchr::memchr3_iter(b'%', b'&', b'\\', bytes).any(|i| hides(&i))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::origin::{Nothing, Origins};

    #[test]
    fn one_level() {
        for (text, plain) in [
            ("%2e%2E/", "../"),
            ("&#112;&#x70;&#0000112;&lt;&num;", "ppp<#"),
            ("&#112&#x70 ", "pp "),
            (r"\u0070\x70\/\\u0070", r"pp/\u0070"),
            (r"\\\\", r"\\"),
            ("a%20b & c", "a b & c"),
        ] {
            assert_eq!(unescape(text, &mut Nothing).as_deref(), Some(plain), "{text}");
        }
        for text in ["", "100 %", "a & b", r"C:\dir"] {
            assert_eq!(unescape(text, &mut Nothing), None, "{text}");
        }
        assert!(hide("%41") && hide("&lt;") && hide(r"\\u0041"));
        assert!(!hide(r"\\\\n \\ 5 %") && !hide(""));
    }

    #[test]
    fn a_part_knows_where_it_came_from() {
        let text = "x %70ass%20 y%21";
        let mut origins = Origins::default();
        let plain = unescape(text, &mut origins).expect("escapes");
        for (found, origin) in [("pass", "%70ass"), ("ass ", "ass%20"), ("y!", "y%21"), ("x ", "x ")] {
            let start = plain.find(found).expect("found");
            assert_eq!(&text[origins.of(&(start..start + found.len()), text.len())], origin);
        }
    }
}
