//! E-mail addresses, found from their `@` outwards.

use std::ops::Range;

use super::chars;

/// Characters that a quoted local part may have; more is a quotation that happens to stand before an `@`.
const LONGEST_QUOTED: usize = 66;

/// How many bytes the at-sign at `i` has in any of its spellings: `@`, `＠`, `%40`, `&#64;`, `&commat;`.
pub(super) fn at_sign(text: &str, i: usize) -> Option<usize> {
    const SPELLINGS: [&str; 12] =
        ["@", "＠", "﹫", "%40", "&#64;", "&#064;", "&#x40;", "&#X40;", "&commat;", "\\u0040", "\\x40", "%2540"];
    let rest = text.as_bytes().get(i..)?;
    if rest.first() == Some(&b'@') {
        return Some(1);
    }
    SPELLINGS.iter().find(|s| rest.starts_with(s.as_bytes())).map(|s| s.len())
}

/// The address around the at-sign at `at`, not reaching back over `floor`.
pub(super) fn find(text: &str, at: usize, len: usize, floor: usize) -> Option<Range<usize>> {
    let start = local_part(text, at, floor)?;
    let end = domain(text, at + len)?;
    (!is_remote(text, &text[start..at], end)).then_some(start..end)
}

/// Where the local part begins.
fn local_part(text: &str, at: usize, floor: usize) -> Option<usize> {
    let first = chars::before(text, at, floor)?;
    if first == '"' {
        return quoted(text, at);
    }
    // Most are ASCII from their first letter to their last.
    let ascii = text.as_bytes()[floor..at].iter().rev().take_while(|b| is_local_ascii(**b)).count();
    let mut start = at - ascii;
    // Text without spaces ends where an ASCII name begins: `联系alice@example.com`.
    let mut spaced = ascii > 0;
    while let Some(c) = chars::before(text, start, floor)
        && is_local(c)
        && !(spaced && chars::unspaced(c))
    {
        start -= c.len_utf8();
        spaced = c.is_ascii();
    }
    // Quotes and full stops belong to the sentence.
    let trimmed = text[start..at].trim_start_matches(['\'', '.', '-']);
    (!trimmed.is_empty()).then(|| at - trimmed.len())
}

fn is_local(c: char) -> bool {
    let folded = chars::fold(c);
    if folded.is_ascii() { is_local_ascii(folded as u8) } else { is_letter(c) }
}

fn is_local_ascii(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'~')
}

/// Letters, digits and marks beyond ASCII, and what is invisible between them.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36F}') || chars::invisible(c)
}

/// `"alice smith"@…`: whatever it holds is part of it, also what was found for itself before.
fn quoted(text: &str, at: usize) -> Option<usize> {
    let inside = text.get(..at - 1)?;
    let (open, _) = inside.char_indices().rev().take(LONGEST_QUOTED).find(|&(_, c)| matches!(c, '"' | '\n'))?;
    (inside.as_bytes()[open] == b'"' && open + 1 < inside.len()).then_some(open)
}

/// Where a plain domain ends: small letters and dots only, and nothing after it that could belong to it.
fn plain_domain(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut dot) = (start, start);
    while let Some(&b) = bytes.get(at) {
        match b {
            b'a'..=b'z' => {}
            b'.' if at > dot && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase) => dot = at + 1,
            b'.' if bytes.get(at + 1).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'<' | b')')) => {
                break;
            }
            b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'%' | 0x80.. => return None,
            _ => break,
        }
        at += 1;
    }
    (dot > start && at - dot >= 2).then_some(at)
}

/// Where the domain ends: after its last label that can be a top-level domain.
fn domain(text: &str, start: usize) -> Option<usize> {
    if let Some(end) = plain_domain(text.as_bytes(), start) {
        return Some(end);
    }
    let mut best = None;
    let mut label = Label::default();
    let (mut labels, mut numeric) = (0, 0);
    let mut at = start;
    while let Some(c) = chars::at(text, at) {
        let dot = dot(text, at, c);
        if let Some(len) = dot {
            if label.end == 0 {
                break;
            }
            labels += 1;
            numeric += usize::from(label.letters == 0);
            label = Label::default();
            at += len;
            continue;
        }
        if !label.take(c, at) {
            break;
        }
        at += c.len_utf8();
        // `pkg@1.2.3-rc.one` is a version, `icon@2x.png` a file.
        if labels > 0 && label.is_top_level() && numeric < 2 && !is_scale(text, start) {
            best = Some(label.end);
        }
    }
    best
}

/// The length of a label separator; IDNA (RFC 3490) knows four.
fn dot(text: &str, at: usize, c: char) -> Option<usize> {
    match c {
        '.' | '。' | '．' | '｡' => Some(c.len_utf8()),
        '%' => text[at..].get(..3).is_some_and(|s| s.eq_ignore_ascii_case("%2E")).then_some(3),
        _ => None,
    }
}

fn is_scale(text: &str, start: usize) -> bool {
    matches!(text.as_bytes().get(start..start + 3), Some([b'1'..=b'9', b'x', b'.']))
}

#[derive(Default)]
struct Label {
    /// After the last letter or digit: hyphens and invisible characters at the end don't belong to it.
    end: usize,
    letters: usize,
    chars: usize,
    begins_with_digit: bool,
    ascii: bool,
}

impl Label {
    fn take(&mut self, c: char, at: usize) -> bool {
        let folded = chars::fold(c);
        if matches!(folded, '-' | '_') || chars::invisible(c) {
            return self.chars > 0 || chars::invisible(c) || folded == '_';
        }
        let ascii = folded.is_ascii();
        if !(if ascii { folded.is_ascii_alphanumeric() } else { is_letter(c) }) || (self.ascii && chars::unspaced(c)) {
            return false;
        }
        let digit = chars::digit(c).is_some();
        self.begins_with_digit |= self.chars == 0 && digit;
        self.letters += usize::from(!digit);
        self.chars += 1;
        self.ascii |= ascii;
        self.end = at + c.len_utf8();
        true
    }

    fn is_top_level(&self) -> bool {
        self.chars >= 2 && self.letters >= 1 && !self.begins_with_digit
    }
}

/// `git@github.com:x/y.git`: the account of a forge, not somebody's address.
fn is_remote(text: &str, local: &str, end: usize) -> bool {
    const ACCOUNTS: [&str; 5] = ["git", "hg", "svn", "forgejo", "gitea"];
    /// How far to look for the path's end.
    const PATH: usize = 128;
    let rest = &text.as_bytes()[end..];
    match rest {
        [b':' | b'/', ..] if ACCOUNTS.iter().any(|a| local.eq_ignore_ascii_case(a)) => true,
        [b':', path @ ..] => {
            let path = &path[..path.len().min(PATH)];
            let word = path.iter().take_while(|b| b.is_ascii_alphanumeric() || b"/._-~".contains(b)).count();
            path[..word].contains(&b'/') && path[..word].ends_with(b".git")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found at the first at-sign.
    fn found(text: &str) -> Option<&str> {
        let (at, len) = (0..text.len()).find_map(|i| at_sign(text, i).map(|len| (i, len)))?;
        find(text, at, len, 0).map(|range| &text[range])
    }

    #[test]
    fn addresses() {
        for address in [
            "alice@example.com",
            "a.b-c_d+e@x.y.co",
            "o'brien@example.com",
            "alice@exämple.com",
            "älice@example.com",
            "alice%40example.com",
            "alice%40example%2Ecom",
            "alice＠example.com",
            "ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "alice&#64;example.com",
            "\"alice smith\"@example.com",
            "ali\u{200b}ce@exam\u{200b}ple.com",
            "用户@例え.テスト",
            "alice@xn--exmple-cua.com",
            "alice@3com.com",
        ] {
            assert_eq!(found(address), Some(address));
        }
    }

    #[test]
    fn only_the_address() {
        for text in [
            "mailto:alice@x.co?subject=x",
            "<alice@x.co>",
            "user=alice@x.co",
            "'alice@x.co'",
            "to alice@x.co.",
            "(alice@x.co),",
            "联系alice@x.co吧",
            "alice@x.co-",
            "x/alice@x.co/y",
            "alice@x.co: hi",
            "alice@x.co.1",
        ] {
            assert_eq!(found(text), Some("alice@x.co"), "{text}");
        }
    }

    #[test]
    fn others() {
        for text in [
            "git@github.com:x/y.git",
            "ssh://git@github.com/x",
            "deploy@host.example.com:srv/app.git",
            "user@host",
            "@app.route",
            "react@18.2.0",
            "pkg@1.2.3-rc.one",
            "icon@2x.png",
            "root@10.0.0.1",
            "a @ b.com",
            "@",
            "x@.com",
            "x@y.z",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
