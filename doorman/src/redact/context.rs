//! The words around a number that say what it is: many numbers are phones only because somebody says `call`.

use std::sync::LazyLock;

use super::kind::Kind;
use super::number::Sight;

/// How far before and after a number is looked, in bytes.
const BEFORE: usize = 56;
const AFTER: usize = 24;

/// What the words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Phone,
    /// A number that is called, or a count of calls.
    Call,
    /// A number of no known sort: `the new number is …`.
    Number,
    /// Something else that is counted or numbered.
    Other,
    Nothing,
}

/// Words after which a number is a phone's, sorted; in the languages that most software speaks.
static PHONE: [&str; 43] = [
    "cell",
    "cellphone",
    "cellulare",
    "celular",
    "fax",
    "fijo",
    "fono",
    "gsm",
    "handy",
    "hotline",
    "landline",
    "mob",
    "mobil",
    "mobile",
    "mobiles",
    "mobilnummer",
    "mobiltelefon",
    "movil",
    "móvil",
    "phone",
    "phoned",
    "phones",
    "portable",
    "puhelin",
    "rufnummer",
    "sms",
    "tel",
    "telefax",
    "telefon",
    "telefone",
    "telefonnummer",
    "telefono",
    "telefoon",
    "telefón",
    "telephone",
    "teléfono",
    "tlf",
    "téléphone",
    "voicemail",
    "whatsapp",
    "мобильный",
    "тел",
    "телефон",
];

/// Words for what is done with phones, and with more than them, sorted.
static CALL: [&str; 17] = [
    "anruf",
    "anrufen",
    "appeler",
    "call",
    "called",
    "calling",
    "calls",
    "contact",
    "contatto",
    "dial",
    "llamar",
    "message",
    "messages",
    "reach",
    "reached",
    "registered",
    "ring",
];

/// Words in scripts without spaces, and those that are looked for as they are.
static PHONE_UNSPACED: [&str; 8] = ["电话", "電話", "手机", "手機", "携帯", "전화", "โทร", "هاتف"];

/// Words after which a number is something else, sorted.
static OTHER: [&str; 90] = [
    "account",
    "acct",
    "amount",
    "apartment",
    "art",
    "article",
    "bank",
    "barcode",
    "batch",
    "birthday",
    "bis",
    "booking",
    "born",
    "build",
    "bytes",
    "card",
    "case",
    "code",
    "coordinates",
    "count",
    "date",
    "dated",
    "dob",
    "document",
    "ean",
    "error",
    "flight",
    "from",
    "gtin",
    "hash",
    "house",
    "iban",
    "id",
    "identifier",
    "ids",
    "imei",
    "index",
    "inv",
    "invoice",
    "isbn",
    "issn",
    "item",
    "items",
    "job",
    "key",
    "lat",
    "latitude",
    "license",
    "line",
    "lng",
    "lon",
    "longitude",
    "lot",
    "model",
    "offset",
    "order",
    "page",
    "parcel",
    "part",
    "passport",
    "permit",
    "pid",
    "policy",
    "port",
    "postal",
    "postcode",
    "price",
    "process",
    "range",
    "record",
    "ref",
    "reference",
    "release",
    "room",
    "routing",
    "serial",
    "siren",
    "siret",
    "size",
    "sku",
    "ssn",
    "tax",
    "ticket",
    "total",
    "tracking",
    "upc",
    "vat",
    "version",
    "vin",
    "zip",
];

/// Words that say that a number is one, sorted. They say nothing where another word says what it numbers.
static NUMBER: [&str; 7] = ["nr", "number", "numbers", "numero", "nummer", "numéro", "número"];

/// What the words around a number say; the nearest before it goes before those after it.
///
/// What is masked, or is going to be, counts as one space: what its words say must not depend on whether they are
/// still there.
pub(super) fn around(sight: &Sight<'_>, start: usize, end: usize) -> Context {
    let mut buffer = [0; BEFORE];
    let before = before(sight, start, &mut buffer);
    let said = nearest(before);
    if matches!(said, Context::Phone | Context::Call | Context::Other) {
        return said;
    }
    if !before.is_ascii() && PHONE_UNSPACED.iter().any(|word| before.contains(word)) {
        return Context::Phone;
    }
    let mut to = (end + AFTER).min(sight.text.len());
    while !sight.text.is_char_boundary(to) {
        to -= 1;
    }
    // After a number only a word for phones counts, in the same line and before anything that may be masked.
    let ends = |c: char| c.is_ascii_digit() || matches!(c, '\n' | '.' | '@' | ':' | '=' | '«');
    let after = sight.text[end..to].split(ends).next().unwrap_or_default();
    if words(after).any(|word| meaning(word) == Context::Phone || word == "office") { Context::Phone } else { said }
}

/// Whether the words before a number say that it is a social security or taxpayer number.
pub(super) fn says_ssn(sight: &Sight<'_>, start: usize) -> bool {
    let mut buffer = [0; BEFORE];
    let mut earlier = "";
    words(before(sight, start, &mut buffer)).any(|word| {
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        let said = is("ssn") || is("itin") || is("security") && earlier.eq_ignore_ascii_case("social");
        earlier = word;
        said
    })
}

/// The text before a number without what is masked, read backwards into the buffer.
fn before<'b>(sight: &Sight<'b>, start: usize, buffer: &'b mut [u8; BEFORE]) -> &'b str {
    const MASK: &[u8] = "«redacted:".as_bytes();
    const LONGEST_MASK: usize = 32;
    let bytes = sight.text.as_bytes();
    let mut from = start.saturating_sub(BEFORE);
    // Mostly nothing is masked so near.
    if sight.spans.last().is_none_or(|span| span.end <= from) && !bytes[from..start].contains(&0xBB) {
        while !sight.text.is_char_boundary(from) {
            from += 1;
        }
        return &sight.text[from..start];
    }
    let mut spans = sight.spans.iter().rev().peekable();
    let (mut at, mut free) = (start, BEFORE);
    while at > 0 && free > 0 {
        free -= 1;
        buffer[free] = b' ';
        if let Some(span) = spans.next_if(|span| span.end >= at) {
            at = span.start;
            continue;
        }
        let from = at.saturating_sub(LONGEST_MASK);
        if bytes[at - 1] == 0xBB
            && let Some(open) = memchr::memmem::rfind(&bytes[from..at], MASK)
            && Kind::mask_len(&bytes[from + open..at]) == Some(at - from - open)
        {
            at = from + open;
            continue;
        }
        at -= 1;
        buffer[free] = bytes[at];
    }
    // A character that was cut is no part of a word that is known.
    let cut = buffer[free..].iter().take_while(|b| **b & 0xC0 == 0x80).count();
    std::str::from_utf8(&buffer[free + cut..]).unwrap_or_default()
}

fn nearest(before: &str) -> Context {
    let mut said = Context::Nothing;
    for word in words(before) {
        match meaning(word) {
            Context::Number if said != Context::Nothing => {}
            Context::Nothing => {}
            more => said = more,
        }
    }
    said
}

/// Words of letters and digits; what isn't ASCII counts as a letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let bytes = rest.as_bytes();
            let start = bytes.iter().position(|&b| is_letter(b))?;
            let length = bytes[start..].iter().take_while(|b| is_letter(**b)).count();
            let word = &rest[start..start + length];
            rest = &rest[start + length..];
            if length > 1 {
                return Some(word);
            }
        }
    })
}

fn is_letter(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80
}

/// What a word says in any spelling: `phoneNumber` and `PHONE_NUMBER` have a word `phone`.
fn meaning(word: &str) -> Context {
    let said = known(word);
    let hump = || word.as_bytes().windows(2).position(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
    match said {
        Context::Nothing => hump().map_or(said, |i| known(&word[..=i])),
        _ => said,
    }
}

/// How long the words are that begin with each byte, a bit for each length: most words are none of them.
static LENGTHS: LazyLock<[u32; 256]> = LazyLock::new(|| {
    let mut lengths = [0; 256];
    for word in PHONE.iter().chain(&CALL).chain(&OTHER).chain(&NUMBER) {
        lengths[usize::from(word.as_bytes()[0])] |= 1 << word.len();
    }
    lengths
});

/// What a word says, in whatever case its Latin letters are.
fn known(word: &str) -> Context {
    /// No word in the tables is longer.
    const LONGEST: usize = 20;
    let (first, length) = (word.as_bytes()[0].to_ascii_lowercase(), word.len());
    if length > LONGEST || LENGTHS[usize::from(first)] & 1 << length == 0 {
        return Context::Nothing;
    }
    let mut lower = [0; LONGEST];
    let lower = &mut lower[..length];
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let is = |known: &[&str]| known.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok();
    match () {
        () if is(&PHONE) => Context::Phone,
        () if is(&CALL) => Context::Call,
        () if is(&OTHER) => Context::Other,
        () if is(&NUMBER) => Context::Number,
        () => Context::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        assert!(
            PHONE.is_sorted()
                && CALL.is_sorted()
                && NUMBER.is_sorted()
                && PHONE.iter().chain(&OTHER).all(|word| word.len() <= 20)
        );
        let mut sorted = OTHER;
        sorted.sort_unstable();
        assert_eq!(OTHER, sorted);
        let said = |text: &str| {
            let start = text.find(|c: char| c.is_ascii_digit()).unwrap();
            let end = text.rfind(|c: char| c.is_ascii_digit()).unwrap() + 1;
            around(&Sight { text, floor: 0, told: false, spans: &[] }, start, end)
        };
        assert_eq!(said("please call me at 5551234567"), Context::Call);
        assert_eq!(said("phoneNumber: 5551234567"), Context::Phone);
        assert_eq!(said("call about order 5551234567"), Context::Other);
        assert_eq!(said("5551234567 (mobile)"), Context::Phone);
        assert_eq!(said("телефон 5551234567"), Context::Phone);
        assert_eq!(said("手机5551234567"), Context::Phone);
        assert_eq!(said("the new number is 5551234567"), Context::Number);
        assert_eq!(said("the account number is 5551234567"), Context::Other);
        assert_eq!(said("WhatsApp 5551234567"), Context::Phone);
        assert_eq!(said("«redacted:phone» 5551234567"), Context::Nothing);
        assert_eq!(said("call «redacted:email» on 5551234567"), Context::Call);
        assert_eq!(said("5551234567 people\ncall"), Context::Nothing);
    }
}
