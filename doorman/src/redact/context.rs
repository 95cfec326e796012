//! The words around a number that say what it is: many numbers are phones only because somebody says `call`.

/// How far before and after a number is looked, in bytes.
const BEFORE: usize = 56;
const AFTER: usize = 24;

/// What the words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Phone,
    /// Something else that is counted or numbered.
    Other,
    Nothing,
}

/// Words after which a number is a phone's, sorted; in the languages that most software speaks.
static PHONE: [&str; 61] = [
    "anruf", "anrufen", "appeler", "call", "called", "calling", "calls", "cell", "cellphone", "cellulare", "celular",
    "contact", "contatto", "dial", "fax", "fijo", "fono", "gsm", "handy", "hotline", "landline", "llamar", "message",
    "messages", "mob", "mobil", "mobile", "mobiles", "mobilnummer", "mobiltelefon", "movil", "móvil", "phone",
    "phoned", "phones", "portable", "puhelin", "reach", "reached", "registered", "ring", "rufnummer", "sms", "tel",
    "telefax", "telefon", "telefone", "telefonnummer", "telefono", "telefoon", "telefón", "telephone", "teléfono",
    "tlf", "téléphone", "voicemail", "whatsapp", "мобильный", "номер", "тел", "телефон",
];

/// Words in scripts without spaces, and those that are looked for as they are.
static PHONE_UNSPACED: [&str; 8] = ["电话", "電話", "手机", "手機", "携帯", "전화", "โทร", "هاتف"];

/// Words after which a number is something else, sorted.
static OTHER: [&str; 74] = [
    "account", "acct", "amount", "art", "article", "barcode", "batch", "birthday", "bis", "booking", "born", "build",
    "bytes", "case", "code", "coordinates", "count", "customer", "date", "dated", "dob", "document", "ean",
    "employee", "error", "from", "hash", "id", "identifier", "ids", "index", "inv", "invoice", "isbn", "issn", "item",
    "items", "job", "key", "lat", "latitude", "license", "line", "lng", "lon", "longitude", "lot", "member", "model",
    "offset", "order", "page", "parcel", "part", "passport", "pid", "policy", "port", "postal", "postcode", "price",
    "process", "range", "record", "ref", "reference", "release", "serial", "size", "sku", "ticket", "total",
    "tracking", "version",
];

/// What the words around a number say; the nearest before it goes before those after it.
pub(super) fn around(text: &str, start: usize, end: usize) -> Context {
    let bytes = text.as_bytes();
    let mut from = start.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..start];
    let said = nearest(before);
    if said != Context::Nothing {
        return said;
    }
    if !before.is_ascii() && PHONE_UNSPACED.iter().any(|word| before.contains(word)) {
        return Context::Phone;
    }
    let mut to = (end + AFTER).min(bytes.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    // After a number only a word for phones counts, and only in the same line.
    let after = text[end..to].split('\n').next().unwrap_or_default();
    let phone = words(after).any(|word| is_phone(word));
    if phone { Context::Phone } else { Context::Nothing }
}

fn nearest(before: &str) -> Context {
    let mut said = Context::Nothing;
    for word in words(before) {
        if is_phone(word) {
            said = Context::Phone;
        } else if is(&OTHER, word) {
            said = Context::Other;
        }
    }
    said
}

/// Words in any spelling: `phoneNumber` and `PHONE_NUMBER` have a word `phone`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let camel = |word: &'_ str| {
        let hump = word.as_bytes().windows(2).position(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
        hump.map_or(word.len(), |i| i + 1)
    };
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1).map(move |word| &word[..camel(word)])
}

fn is_phone(word: &str) -> bool {
    is(&PHONE, word)
}

fn is(known: &[&str], word: &str) -> bool {
    /// No word in the tables is longer.
    const LONGEST: usize = 20;
    if word.len() > LONGEST {
        return false;
    }
    let mut lower = [0; LONGEST];
    let lower = &mut lower[..word.len()];
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    known.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        assert!(PHONE.is_sorted() && PHONE.iter().chain(&OTHER).all(|word| word.len() <= 20));
        let mut sorted = OTHER;
        sorted.sort_unstable();
        assert_eq!(OTHER, sorted);
        let said = |text: &str| {
            let start = text.find(|c: char| c.is_ascii_digit()).unwrap();
            let end = text.rfind(|c: char| c.is_ascii_digit()).unwrap() + 1;
            around(text, start, end)
        };
        assert_eq!(said("please call me at 5551234567"), Context::Phone);
        assert_eq!(said("phoneNumber: 5551234567"), Context::Phone);
        assert_eq!(said("call about order 5551234567"), Context::Other);
        assert_eq!(said("5551234567 (mobile)"), Context::Phone);
        assert_eq!(said("телефон 5551234567"), Context::Phone);
        assert_eq!(said("手机5551234567"), Context::Phone);
        assert_eq!(said("5551234567 people\ncall"), Context::Nothing);
    }
}
