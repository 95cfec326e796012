//! Addresses of hosts and network cards: IPv4, IPv6, MAC. Looked for only where asked.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::kind::{Kind, Kinds};
use super::spans::Spans;

/// The longest spelling: an IPv6 address with an IPv4 tail.
const LONGEST: usize = 45;

/// Finds addresses word by word.
pub(super) fn find(text: &str, kinds: Kinds, spans: &mut Spans) {
    if !kinds.has(Kind::Ip) && !kinds.has(Kind::Mac) {
        return;
    }
    let part = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'-');
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&b| part(b)) {
        let start = at + offset;
        let length = bytes[start..].iter().take_while(|&&b| part(b)).count();
        at = start + length;
        // Letters that go on belong to a word, not to an address.
        let glued = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if length > LONGEST + 3 || glued(start.checked_sub(1).and_then(|i| bytes.get(i))) || glued(bytes.get(at)) {
            continue;
        }
        let word = &text[start..at];
        let trimmed = word.trim_end_matches(['.', ':', '-']);
        // `::` ends an address too.
        let whole = if word.ends_with("::") { word } else { trimmed };
        let (ip, port) = (kind_of(whole), whole.rsplit_once(':').and_then(|(host, _)| kind_of(host)));
        let found = ip.map(|kind| (kind, whole.len())).or_else(|| {
            let host = whole.rfind(':').unwrap_or_default();
            port.filter(|kind| *kind == Kind::Ip && whole[..host].contains('.')).map(|kind| (kind, host))
        });
        if let Some((kind, length)) = found.filter(|(kind, _)| kinds.has(*kind)) {
            spans.push(start, start + length, kind);
        }
    }
}

/// What a word is from its first character to its last.
fn kind_of(word: &str) -> Option<Kind> {
    if word.parse::<Ipv4Addr>().is_ok() {
        return Some(Kind::Ip);
    }
    if is_mac(word.as_bytes()) {
        return Some(Kind::Mac);
    }
    let groups = word.bytes().filter(|&b| b == b':').count();
    // `a::b`, `::` and times (`12:30`) are no addresses.
    let has_digit = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
    (groups >= 2 && word.len() > 2 && has_digit(word) && word.parse::<Ipv6Addr>().is_ok()).then_some(Kind::Ip)
}

/// `00:1a:2b:3c:4d:5e`, with hyphens, or Cisco's `001a.2b3c.4d5e`.
fn is_mac(word: &[u8]) -> bool {
    let grouped = |size: usize, seps: &[u8]| {
        seps.contains(&word[size])
            && word.iter().enumerate().all(
                |(i, &b)| {
                    if i % (size + 1) == size { b == word[size] } else { b.is_ascii_hexdigit() }
                },
            )
    };
    match word.len() {
        17 => grouped(2, b":-"),
        14 => grouped(4, b"."),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let found = |text: &str| {
            let mut spans = Spans::default();
            find(text, Kinds::DEFAULT.with(Kind::Ip).with(Kind::Mac), &mut spans);
            spans.apply(text).replace("redacted:", "")
        };
        assert_eq!(found("from 192.168.0.1:8080, 10.0.0.0/8 and 127.0.0.1."), "from «ip»:8080, «ip»/8 and «ip».");
        assert_eq!(found("[fe80::1%eth0] 2001:db8::8a2e:370:7334 ::1"), "[«ip»%eth0] «ip» «ip»");
        assert_eq!(found("00:1A:2b:3c:4d:5e 00-1a-2b-3c-4d-5e 001a.2b3c.4d5e"), "«mac» «mac» «mac»");
        for text in ["12:30:45", "1.2.3", "256.1.1.1", "a::b is C++", "v1.2.3.4x", "2026-06-20", "dead:beef"] {
            assert_eq!(found(text), text);
        }
        let mut spans = Spans::default();
        find("127.0.0.1", Kinds::DEFAULT, &mut spans);
        assert!(spans.is_empty());
    }
}
