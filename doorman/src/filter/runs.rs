//! Text in base64 within a text, in either alphabet (RFC 4648), padded or not, with white space in it or without, and with
//! other letters before and after it.

use std::{cell::LazyCell, ops::Range};

/// The shortest word that is decoded by itself, and what stands within other text: of shorter ones there is always some that
/// spells something.
const SHORTEST_WORD: usize = 6;
const SHORTEST_STRETCH: usize = 8;
/// The least text that counts among bytes which aren't all text.
const SHORTEST_TEXT: usize = 6;
/// A word of so many characters that spells a text is no accident.
const NO_ACCIDENT: usize = 24;

/// A text that was found in base64, and the part of the other text that it stands in.
pub(super) struct Spelled {
    pub(super) text: String,
    pub(super) part: Range<usize>,
}

/// Calls `each` with every text that may be meant.
pub(super) fn each<E>(text: &str, mut each: impl FnMut(Spelled) -> Result<(), E>) -> Result<(), E> {
    let (bytes, mut at) = (text.as_bytes(), 0);
    while let Some(start) = bytes[at..].iter().position(|&b| six(b).is_some()).map(|i| at + i) {
        let length = bytes[start..].iter().position(|&b| six(b).is_none() && !b.is_ascii_whitespace());
        let end = length.map_or(bytes.len(), |length| start + length);
        let padding = bytes[end..].iter().take(2).take_while(|b| **b == b'=').count();
        at = end + padding;
        if end - start < SHORTEST_WORD {
            continue;
        }
        stretch(&text[start..end], padding, &mut |spelled: Spelled| {
            each(Spelled { part: start + spelled.part.start..start + spelled.part.end, ..spelled })
        })?;
    }
    Ok(())
}

/// Whether there is a text in base64 that is no accident.
pub(super) fn hide(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii() || six(c as u8).is_none());
    words.filter(|word| word.len() >= NO_ACCIDENT).any(|word| whole(&sextets(word)).is_some())
}

/// Words of base64 with white space between them: each for itself, and all of them as one.
fn stretch<E>(text: &str, padding: usize, each: &mut impl FnMut(Spelled) -> Result<(), E>) -> Result<(), E> {
    let (mut at, mut words) = (0, 0);
    for word in text.split(|c: char| c.is_ascii_whitespace()) {
        let end = at + word.len();
        words += usize::from(!word.is_empty());
        if word.len() >= SHORTEST_WORD
            && let Some(spelled) = whole(&sextets(word))
        {
            let padding = if end == text.len() { padding } else { 0 };
            each(Spelled { text: spelled, part: at..end + padding })?;
        }
        at = end + 1;
    }
    let all = sextets(text);
    if all.len() < SHORTEST_STRETCH {
        return Ok(());
    }
    if words > 1
        && let Some(spelled) = whole(&all)
    {
        return each(Spelled { text: spelled, part: 0..text.trim_end().len() + padding });
    }
    let places = LazyCell::new(|| places(text));
    for skipped in 0..4 {
        for (spelled, bytes) in texts(&decode(&all[skipped..]), SHORTEST_TEXT) {
            let (first, end) = (skipped + bytes.start * 4 / 3, skipped + (bytes.end * 4).div_ceil(3));
            let end = if end >= all.len() { text.len() + padding } else { places[end - 1] as usize + 1 };
            each(Spelled { text: spelled, part: places[first] as usize..end })?;
        }
    }
    Ok(())
}

/// Where the characters of base64 stand in a text; texts are shorter than 32 bits say.
fn places(text: &str) -> Vec<u32> {
    text.bytes().enumerate().filter(|(_, b)| six(*b).is_some()).map(|(i, _)| i as u32).collect()
}

/// The text that all of it spells, if it is text to its end.
fn whole(sextets: &[u8]) -> Option<String> {
    // What most words decode to begins with no text.
    if let [a, b, ..] = sextets
        && matches!(a << 2 | b >> 4, 0..=8 | 14..=31 | 127..=193 | 245..)
    {
        return None;
    }
    let text = String::from_utf8(decode(sextets)).ok()?;
    (!text.is_empty() && !text.chars().any(is_control)).then_some(text)
}

/// The texts of some length among bytes, and where they are.
pub(super) fn texts(bytes: &[u8], shortest: usize) -> Vec<(String, Range<usize>)> {
    let (mut found, mut at) = (Vec::new(), 0);
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive(is_control) {
            let text = part.trim_end_matches(is_control);
            if text.len() >= shortest {
                found.push((text.to_owned(), at..at + text.len()));
            }
            at += part.len();
        }
        at += chunk.invalid().len();
    }
    found
}

fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

fn sextets(text: &str) -> Vec<u8> {
    text.bytes().filter_map(six).collect()
}

/// The bytes of six bits each; bits that are left over are dropped.
fn decode(sextets: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(sextets.len() / 4 * 3 + 2);
    let (fours, rest) = sextets.as_chunks::<4>();
    for [a, b, c, d] in fours {
        bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    match rest {
        [a, b] => bytes.push(a << 2 | b >> 4),
        [a, b, c] => bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2]),
        _ => {}
    }
    bytes
}

fn six(b: u8) -> Option<u8> {
    match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
    };

    use super::*;

    /// The parts of a text that spell something with this in it.
    fn parts(text: &str, with: &str) -> Vec<String> {
        let mut found = Vec::new();
        let Ok(()) = each(text, |spelled| {
            if spelled.text.contains(with) {
                found.push(text[spelled.part].to_owned());
            }
            Ok::<(), Infallible>(())
        });
        found
    }

    #[test]
    fn wherever_it_stands() {
        let (plain, secret) = ("my password leaked", "password");
        for encoded in [STANDARD.encode(plain), STANDARD_NO_PAD.encode(plain), URL_SAFE.encode(plain)] {
            assert_eq!(parts(&encoded, secret)[0], encoded);
            assert_eq!(parts(&format!("run {encoded}, now"), secret)[0], encoded);
            assert_eq!(parts(&format!("é{encoded}é"), secret)[0], encoded);
            let wrapped = encoded.as_bytes().chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\r\n ");
            assert!(!parts(&wrapped, secret).is_empty(), "{wrapped}");
            for before in ["x", "xy", "xyz", "wxyz", "run ", "a b c "] {
                let text = format!("{before}{encoded} and more");
                assert!(!parts(&text, secret).is_empty(), "{text}");
                let parted = format!("{before}{wrapped} and");
                assert!(!parts(&parted, secret).is_empty(), "{parted}");
            }
        }
        // Among bytes that aren't text.
        let mixed = STANDARD.encode([b"\xff\xfe\x00".as_slice(), b"password", b"\x01\x80"].concat());
        assert!(!parts(&mixed, secret).is_empty());
        assert_eq!(parts("cm9vdA", "root"), ["cm9vdA"]);
        assert_eq!(parts("cm9vdA==.", "root"), ["cm9vdA=="]);
    }

    #[test]
    fn what_is_no_accident() {
        assert!(hide(&STANDARD.encode("a text of more than some bytes")));
        for text in
            ["", "internationalization", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "/usr/local/lib/site-packages/"]
        {
            assert!(!hide(text), "{text}");
        }
    }
}
