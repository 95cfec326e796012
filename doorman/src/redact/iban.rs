//! International bank account numbers (ISO 13616): a country, its length, and the checksum modulo 97.

use super::chars;

/// Country code and length of the whole number, by code: the registry of ISO 13616 and the countries that use the form
/// without being in it.
static COUNTRIES: [(&[u8; 2], usize); 112] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AO", 25),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BF", 28),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BJ", 28),
    (b"BR", 29),
    (b"BY", 28),
    (b"CF", 27),
    (b"CG", 27),
    (b"CH", 21),
    (b"CI", 28),
    (b"CM", 27),
    (b"CR", 22),
    (b"CV", 25),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"DZ", 26),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GA", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GQ", 27),
    (b"GR", 27),
    (b"GT", 28),
    (b"GW", 25),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IR", 26),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KM", 27),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MA", 28),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MG", 27),
    (b"MK", 19),
    (b"ML", 28),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"MZ", 25),
    (b"NE", 28),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SN", 28),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TD", 27),
    (b"TG", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
    (b"YT", 27),
];

/// The longest number that the standard allows.
const LONGEST: usize = 34;

/// The number whose check digits begin at `digits`: where it begins and ends.
pub(super) fn find(text: &str, digits: usize, floor: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    // `DE 89 3704 …` doesn't occur; two letters stand right before.
    let start = digits.checked_sub(2).filter(|&start| start >= floor)?;
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    if !country.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    if chars::before(text, start, floor).is_some_and(|c| c.is_alphanumeric() || c == '_')
        || !bytes.get(digits + 1)?.is_ascii_digit()
    {
        return None;
    }
    let known = COUNTRIES.binary_search_by(|(code, _)| (*code).cmp(&country)).ok();
    known.and_then(|i| of_length(text, start, COUNTRIES[i].1)).or_else(|| unregistered(text, start))
}

/// A number of so many characters, in any case, with marks between its groups.
fn of_length(text: &str, start: usize, length: usize) -> Option<(usize, usize)> {
    let mut number = [0; LONGEST];
    let (mut count, mut at) = (0, start);
    while count < length {
        let c = chars::at(text, at)?;
        match c {
            _ if c.is_ascii_alphanumeric() => {
                number[count] = c.to_ascii_uppercase() as u8;
                count += 1;
            }
            // Groups are of four mostly; whatever they are, one mark stands between two.
            _ if count >= 2 && (chars::space(c) || chars::dash(c) || c == '.' || chars::invisible(c)) => {
                let next = chars::at(text, at + c.len_utf8())?;
                if !next.is_ascii_alphanumeric() && !chars::invisible(next) {
                    return None;
                }
            }
            _ => return None,
        }
        at += c.len_utf8();
    }
    let glued = chars::at(text, at).is_some_and(|c| c.is_ascii_alphanumeric());
    (!glued && checks(&number[..length])).then_some((start, at))
}

/// A number of a country that has no length or another one than the registry says, but written as these numbers are:
/// capitals and digits in one piece, or in groups of four.
fn unregistered(text: &str, start: usize) -> Option<(usize, usize)> {
    const SHORTEST: usize = 14;
    let mut number = [0; LONGEST];
    let (mut count, mut at, mut spaced) = (0, start, false);
    for &b in &text.as_bytes()[start..] {
        let goes_on = || text.as_bytes().get(at + 1).is_some_and(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        match b {
            b'A'..=b'Z' | b'0'..=b'9' => {
                *number.get_mut(count)? = b;
                count += 1;
            }
            b' ' if count % 4 == 0 && (spaced || count == 4) && goes_on() => spaced = true,
            _ => break,
        }
        at += 1;
    }
    if count < SHORTEST {
        return None;
    }
    let (letters, digits) = (&number[2..count], number[..count].iter().filter(|b| b.is_ascii_digit()).count());
    // A hash has letters up to `F` only.
    let hash = letters.iter().all(u8::is_ascii_hexdigit) && letters.iter().any(u8::is_ascii_alphabetic);
    let glued = chars::at(text, at).is_some_and(|c| c.is_alphanumeric() || c == '_');
    (digits >= 8 && !hash && !glued && checks(&number[..count])).then_some((start, at))
}

/// ISO 7064 MOD 97-10 over the number with its first four characters at the end, letters being 10 to 35.
fn checks(number: &[u8]) -> bool {
    let rearranged = number[4..].iter().chain(&number[..4]);
    let remainder = rearranged.fold(0_u32, |rest, &b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let digits = text.find(|c: char| c.is_ascii_digit())?;
        find(text, digits, 0).map(|(start, end)| &text[start..end])
    }

    #[test]
    fn numbers() {
        assert!(COUNTRIES.is_sorted_by_key(|(code, _)| *code));
        assert!(COUNTRIES.iter().all(|(_, length)| *length <= LONGEST));
        for iban in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "de89370400440532013000",
            "GB82-WEST-1234-5698-7654-32",
            "gb82 west 1234 5698 7654 32",
            "NO9386011117947",
            "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
            "BD66TXMC191360963",
            "FR14 2004 1010 0505 0001 3M02 606",
        ] {
            assert_eq!(found(iban), Some(iban));
            assert_eq!(found(&format!("an IBAN: {iban}, or")), Some(iban));
        }
        for other in [
            "DE89370400440532013001",
            "DE893704004405320130000",
            "XX89370400440532013000",
            "xx66txmc191360963",
            "ADE89370400440532013000",
            "DE89",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
