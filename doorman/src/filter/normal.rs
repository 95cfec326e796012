//! A text as Unicode's compatibility form has it (NFKC, UAX #15), without what nobody sees: full-width and mathematical
//! letters are plain ones, and nothing stands between the letters of a word.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::origin::{Note, Piece};

/// The form of a text; `None` if it is the text itself.
pub(super) fn normal(text: &str, notes: &mut impl Note) -> Option<String> {
    if text.is_ascii() && !text.bytes().any(|b| matches!(b, 0..=8 | 11 | 12 | 14..=31 | 127)) {
        return None;
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let (mut form, mut seen, mut at) = (String::new(), String::new(), 0);
    let mut changed = false;
    while at < text.len() {
        let plain = plain(&text[at..]);
        if plain > 0 {
            notes.note(Piece { to: form.len(), from: at, same: true });
            form.push_str(&text[at..at + plain]);
            at += plain;
            continue;
        }
        let part = &text[at..at + composed(&text[at..])];
        seen.clear();
        seen.extend(part.chars().filter(|&c| !is_hidden(c)));
        let normalized = nfkc.normalize(&seen);
        let same = *normalized == *part;
        // What the first character doesn't compose with came from behind it.
        let first =
            usize::from(part.as_bytes()[0].is_ascii() && normalized.as_bytes().first() == part.as_bytes().first());
        if first == 1 && !same {
            notes.note(Piece { to: form.len(), from: at, same: true });
        }
        let behind = if same { 0 } else { first };
        notes.note(Piece { to: form.len() + behind, from: at + behind, same });
        form.push_str(&normalized);
        changed |= !same;
        at += part.len();
    }
    changed.then_some(form)
}

/// The length of what stays as it is: ASCII, but for a last character that marks may follow.
fn plain(text: &str) -> usize {
    let length = text.bytes().position(|b| !b.is_ascii() || is_hidden(char::from(b))).unwrap_or(text.len());
    if length == text.len() { length } else { length.saturating_sub(1) }
}

/// The length of a part that composes with nothing after it: at most one ASCII character, and what isn't plain behind it. No
/// character composes with an ASCII one that follows.
fn composed(text: &str) -> usize {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii() && !is_hidden(char::from(b)));
    let from = usize::from(first);
    let rest = &text.as_bytes()[from..];
    from + rest.iter().position(|&b| b.is_ascii() && !is_hidden(char::from(b))).unwrap_or(rest.len())
}

/// The letters that tag characters (U+E0020 to U+E007E) spell, which no reader sees and a model may read; `None` if there are
/// none.
pub(super) fn tags(text: &str) -> Option<String> {
    // All of them begin with the same three bytes.
    memchr::memmem::find(text.as_bytes(), b"\xF3\xA0\x80")
        .or_else(|| memchr::memmem::find(text.as_bytes(), b"\xF3\xA0\x81"))?;
    let spelled = |c: char| match c {
        '\u{E0020}'..='\u{E007E}' => char::from_u32(c as u32 - 0xE_0000).unwrap_or(c),
        c => c,
    };
    let letters: String = text.chars().map(spelled).collect();
    (letters != text).then_some(letters)
}

/// What has no ink and no width of its own: `Default_Ignorable_Code_Point` (Unicode, DerivedCoreProperties), annotation marks,
/// and control characters but tabs and the ends of lines.
fn is_hidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | ' '..='~' => false,
        _ => {
            c.is_control()
                || matches!(c,
                    '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
                    | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
                    | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
                    | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
                    | '\u{E0000}'..='\u{E0FFF}')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::origin::{Nothing, Origins};

    #[test]
    fn forms() {
        for (text, form) in [
            ("ｐａｓｓｗｏｒｄ", "password"),
            ("pass\u{200b}wo\u{ad}r\u{2060}d", "password"),
            ("𝓅assword ﬁle ①", "password file 1"),
            ("p\u{0}ass\u{7}", "pass"),
            ("cafe\u{301}", "café"),
            ("a\u{200b}\u{301}b", "áb"),
            ("\u{202e}abc\u{fe0f}", "abc"),
            ("x\u{e0041}y", "xy"),
        ] {
            assert_eq!(normal(text, &mut Nothing).as_deref(), Some(form), "{text:?}");
        }
        for text in ["", "plain\ttext\r\n", "café", "漢字", "«redacted:email»"] {
            assert_eq!(normal(text, &mut Nothing), None, "{text}");
        }
        assert_eq!(tags("a\u{e0070}\u{e0077}").as_deref(), Some("apw"));
        assert_eq!(tags("a\u{e0100}b é"), None);
    }

    #[test]
    fn a_part_knows_where_it_came_from() {
        for (text, found, origin) in [
            ("say ｐａｓｓ now", "pass", "ｐａｓｓ"),
            ("say pa\u{200b}ss now", "pass", "pa\u{200b}ss"),
            ("é pass\u{200b}", "pass", "pass"),
            ("\u{200b}pass é", "pass", "pass"),
        ] {
            let mut origins = Origins::default();
            let form = normal(text, &mut origins).expect("another form");
            let start = form.find(found).expect("found");
            assert_eq!(&text[origins.of(&(start..start + found.len()), text.len())], origin, "{text:?}");
        }
    }
}
