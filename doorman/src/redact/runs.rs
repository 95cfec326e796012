//! Base64 in the middle of a text: a payload in a log line, the body of a mail, a `data:` URL.

use super::encoded::{self, Decoded};
use super::kind::Kind;
use super::spans::Span;

/// Shorter runs are words and ids.
pub(super) const SHORTEST: usize = 24;
/// Longer ones aren't somebody's address.
const LONGEST: usize = 1 << 20;

/// Masks runs of base64 that spell a text in which `find` finds something, which says what they are.
///
/// Whether a run is long enough is seen at its end: of most texts only every twentieth byte is looked at.
pub(super) fn find(text: &str, find: impl Fn(&str) -> Option<Kind>, into: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while let Some(stretch) = bytes.get(start..start + SHORTEST) {
        if let Some(i) = stretch.iter().rposition(|&b| !is_base64(b)) {
            start += i + 1;
            continue;
        }
        let length = bytes[start..].iter().take_while(|b| is_base64(**b)).count();
        let padding = bytes[start + length..].iter().take(2).take_while(|b| **b == b'=').count();
        let end = start + length + padding;
        let run = &text[start..end];
        let whole = start == 0 && end == text.len();
        if !whole && run.len() <= LONGEST && may_be_text(run.as_bytes()) {
            into.extend(spelled(run, &find).map(|kind| Span { kind, start, end }));
        }
        start = end;
    }
}

fn spelled(run: &str, find: &impl Fn(&str) -> Option<Kind>) -> Option<Kind> {
    match encoded::decode(run)? {
        Decoded::Text(text, _) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => find(&text),
        _ => None,
    }
}

/// Whether the first three bytes can be text: hashes and random ids mostly can't.
fn may_be_text(run: &[u8]) -> bool {
    let six = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let printable = |b: u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..);
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| six(run[i]));
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d].into_iter().all(printable)
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    #[test]
    fn runs() {
        let found = |text: &str| {
            let mut spans = Vec::new();
            find(text, |text| text.contains('@').then_some(Kind::Email), &mut spans);
            spans.iter().map(|span| text[span.start..span.end].to_owned()).collect::<Vec<_>>()
        };
        for encoded in [STANDARD.encode("mail alice@example.com now"), URL_SAFE_NO_PAD.encode("x?y>alice@example.com")]
        {
            assert_eq!(found(&format!("payload: {encoded}, done")), std::slice::from_ref(&encoded));
            assert_eq!(found(&format!("{encoded} {encoded}")), [encoded.clone(), encoded.clone()]);
            assert_eq!(found(&encoded), [""; 0], "a text that is nothing else is decoded elsewhere");
        }
        for text in ["/usr/local/lib/python3/site-packages/x", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3 x", "x"] {
            assert_eq!(found(text), [""; 0]);
        }
    }
}
