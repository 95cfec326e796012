//! Digits that are nothing, as most are: they are passed over before anything is looked at closely.

use super::sep::separator;

/// The end of a group that can't be anything: too short to be a number alone, and nothing follows. Most digits in most
/// texts are of this sort.
pub(super) fn lonely(text: &str, start: usize, told: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let run = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let end = start + run;
    let short = run > 0 && run < 7 || run < 12 && !told && is_glued(bytes, start, end);
    (short && bytes.get(end).is_none_or(u8::is_ascii) && separator(text, end).is_none()).then_some(end)
}

/// The end of a run of groups that together have too few digits to be anything.
pub(super) fn few(bytes: &[u8], start: usize) -> Option<usize> {
    // Behind a label (`INV-2026-0042`) only what has more digits than an id is anything.
    let label = start > 1 && bytes[start - 1] == b'-' && bytes[start - 2].is_ascii_alphabetic();
    let fewest = if label { 9 } else { 7 };
    let (mut count, mut at, mut end) = (0, start, start);
    while let Some(&b) = bytes.get(at) {
        match b {
            b'0'..=b'9' => {
                count += 1;
                end = at + 1;
                if count == fewest {
                    return None;
                }
            }
            b' ' | b'(' if label => return None,
            b' ' | b'-' | b'.' | b',' | b'/' | b'_' | b'(' | b')' if at < end + 3 => {}
            0x80.. => return None,
            _ => break,
        }
        at += 1;
    }
    Some(end)
}

/// Whether letters stand on both sides, or a hexadecimal number goes on: no word around it makes it a phone.
fn is_glued(bytes: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    word(start.checked_sub(1).and_then(|i| bytes.get(i)))
        || word(bytes.get(end)) && !matches!(bytes[end], b'x' | b'X' | b'e')
}

/// The end of a date (`2026-06-20`), with its time if there is one: nothing else has this form, and every log is full of it.
pub(super) fn timestamp(bytes: &[u8], start: usize) -> Option<usize> {
    const FORM: &[u8; 10] = b"0000-00-00";
    let fits = |b: u8, form: u8| if form == b'0' { b.is_ascii_digit() } else { b == form };
    let date = bytes.get(start..start + FORM.len())?;
    if !matches!(date[..2], [b'1', b'9'] | [b'2', b'0']) || !date.iter().zip(FORM).all(|(&b, &form)| fits(b, form)) {
        return None;
    }
    let part = |i: usize| (date[i] - b'0') * 10 + date[i + 1] - b'0';
    if !(1..=12).contains(&part(5)) || !(1..=31).contains(&part(8)) {
        return None;
    }
    let end = start + FORM.len();
    let hour = match bytes.get(end) {
        Some(b) if b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'/') => return None,
        Some(b'T' | b't') => end + 1,
        _ => return Some(end),
    };
    let time = bytes[hour..].iter().take(24).take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')).count();
    Some(hour + time)
}
