//! Phone numbers: international ones by their `+`, national ones by the shapes that numbering plans give them, all others
//! by the words around them.

use super::chars;
use super::context::{self, Context};
use super::number::{Before, Candidate, Sight};
use super::sep::Sep;

const SPACE: Sep = Sep::SPACE;
const DASH: Sep = Sep::DASH;
const DOT: Sep = Sep::DOT;
const SPACE_DASH: Sep = SPACE.or(DASH);
const SPACE_DASH_DOT: Sep = SPACE_DASH.or(DOT);
const ANY: Sep = SPACE_DASH_DOT.or(Sep::SLASH).or(Sep::UNDERSCORE).or(Sep::PAREN);

/// E.164: a country code and a number, fifteen digits in all.
const LONGEST: usize = 15;
const SHORTEST: usize = 7;

/// Nobody writes a phone in more groups than this.
const MOST_GROUPS: usize = 7;

/// What beside its form makes a number of some shape a phone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: the shape belongs to phones.
    Nothing,
    /// That it stands alone, and that no word says otherwise.
    Alone,
}

/// The group sizes of a national number, what may separate them, and how it may begin.
struct Shape {
    sizes: &'static [u8],
    seps: Sep,
    first: First,
    need: Need,
}

/// The digits that a number may begin with; a bit for each.
#[derive(Clone, Copy)]
struct First(u16);

impl First {
    const ANY: First = First(0x3FF);
    const NOT_0: First = First(0x3FE);
    const NOT_0_1: First = First(0x3FC);

    const fn only(digits: &[u8]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < digits.len() {
            bits |= 1 << digits[i];
            i += 1;
        }
        Self(bits)
    }

    fn has(self, digit: u8) -> bool {
        self.0 & 1 << digit != 0
    }
}

const fn shape(sizes: &'static [u8], seps: Sep, first: First, need: Need) -> Shape {
    Shape { sizes, seps, first, need }
}

/// Numbers without a trunk `0`, and where they are written so. What isn't here (4-7, 5-4, 2-7, …) is more often a range,
/// an invoice or a postal code, and needs words that say `phone`.
static SHAPES: [Shape; 30] = [
    shape(&[3, 3, 4], ANY, First::ANY, Need::Nothing), // North America
    shape(&[1, 3, 3, 4], ANY, First::only(&[1, 7, 8]), Need::Nothing),
    shape(&[1, 3, 3, 2, 2], ANY, First::only(&[7, 8]), Need::Nothing), // Russia
    shape(&[3, 4], SPACE_DASH_DOT, First::NOT_0_1, Need::Alone),       // local: North America, Estonia, Iceland
    shape(&[3, 7], DASH, First::NOT_0_1, Need::Alone),
    shape(&[3, 3, 3], SPACE_DASH_DOT, First::NOT_0_1, Need::Alone), // Spain, Czechia, Poland
    shape(&[5, 5], SPACE_DASH, First::only(&[6, 7, 8, 9]), Need::Alone), // India
    shape(&[3, 4, 4], SPACE_DASH, First::only(&[1]), Need::Alone),  // China
    shape(&[2, 4, 4], SPACE_DASH, First::NOT_0_1, Need::Alone),     // Brazil, Mexico
    shape(&[2, 5, 4], SPACE_DASH, First::NOT_0, Need::Alone),       // Brazil
    shape(&[4, 4], SPACE, First::NOT_0_1, Need::Alone),             // Norway, Singapore, Uruguay, Hong Kong
    shape(&[2, 2, 2, 2], SPACE_DASH_DOT, First::NOT_0_1, Need::Alone), // Denmark, Norway
    shape(&[3, 2, 2, 2], SPACE_DASH, First::NOT_0_1, Need::Alone),  // Spain, Switzerland
    shape(&[3, 3, 2, 2], ANY, First::NOT_0_1, Need::Alone),         // Turkey, Russia, Colombia
    shape(&[2, 3, 2, 2], SPACE_DASH, First::NOT_0_1, Need::Alone),  // Poland, Ukraine
    shape(&[3, 2, 2], SPACE_DASH, First::NOT_0_1, Need::Alone),     // Ukraine, Sweden
    shape(&[3, 2, 3], SPACE, First::NOT_0_1, Need::Alone),          // Norway
    shape(&[2, 3, 3], SPACE, First::NOT_0_1, Need::Alone),          // Tunisia, Cyprus
    shape(&[2, 3, 4], SPACE_DASH.or(Sep::SLASH), First::NOT_0_1, Need::Alone), // Portugal, Hungary
    shape(&[1, 4, 4], SPACE_DASH, First::NOT_0_1, Need::Alone),     // Chile
    shape(&[1, 2, 2, 2, 2], SPACE, First::NOT_0_1, Need::Alone),    // France, without its 0
    shape(&[2, 6], SPACE, First::only(&[2, 9]), Need::Alone),       // Cyprus
    shape(&[1, 3, 3, 3], SPACE, First::only(&[0]), Need::Alone),    // Georgia
    shape(&[1, 2, 3, 2, 2], SPACE, First::only(&[0]), Need::Alone),
    shape(&[1, 4, 4], SPACE_DASH, First::only(&[0]), Need::Alone), // Thailand
    shape(&[4, 3, 3], SPACE, First::NOT_0_1, Need::Alone),         // Greece
    shape(&[4, 6], SPACE, First::only(&[2, 6]), Need::Alone),      // Greece
    shape(&[3, 3, 3, 4], SPACE_DASH, First::NOT_0_1, Need::Alone), // with a country code
    shape(&[2, 3, 3, 4], SPACE_DASH, First::NOT_0_1, Need::Alone),
    shape(&[2, 3, 3, 3], SPACE, First::NOT_0_1, Need::Alone),
];

/// Where a phone number ends, its extension included.
pub(super) fn find(candidate: &Candidate, sight: &Sight<'_>) -> Option<usize> {
    if candidate.before == Before::Word {
        return None;
    }
    let n = if candidate.plus {
        international(candidate)?
    } else if matches!(candidate.before, Before::Digits(sep) if !sep.is_weak()) {
        return None;
    } else {
        local(candidate, sight)?
    };
    let end = candidate.end_of(n - 1);
    Some(extension(sight.text, end).unwrap_or(end))
}

fn international(candidate: &Candidate) -> Option<usize> {
    let groups = candidate.groups();
    // The plans of +1 and +7 are exactly eleven digits long; what follows is something else.
    let most = if matches!(candidate.digits[0], 1 | 7) { 11 } else { LONGEST };
    let mut n = 0;
    while let Some(group) = groups.get(n)
        && group.total() <= most
        && (n == 0 || groups[n - 1].sep.within(ANY))
        && !(n > 0 && is_date(candidate, n))
    {
        n += 1;
    }
    let total = groups[n.checked_sub(1)?].total();
    // `+37.774929` is a coordinate, `+1.4155550100` the form of RFC 5733; a dot beside other separators is a coordinate pair.
    let dotted = groups[..n - 1].iter().filter(|g| g.sep == Sep::DOT).count();
    let decimal = dotted > 0 && (n == 2 && candidate.size(1) < 9 || dotted < n - 1 && groups[0].sep == Sep::DOT);
    // No country's code begins with 0.
    (total >= SHORTEST && !decimal && candidate.digits[0] != 0).then_some(n)
}

/// How many groups from the first on are a national number, the most if several are.
fn local(candidate: &Candidate, sight: &Sight<'_>) -> Option<usize> {
    let text = sight.text;
    let groups = candidate.groups();
    let most = groups.len().min(MOST_GROUPS);
    let mut context = None;
    let (mut n, mut found) = (most, None);
    while n > 0 && found.is_none() {
        let total = groups[n - 1].total();
        if total < SHORTEST {
            break;
        }
        if total <= LONGEST && ends_here(candidate, n, text) && !has_other_meaning(candidate, n) {
            let strength = strength(candidate, n);
            if strength == Some(Need::Nothing) {
                found = Some(n);
                break;
            }
            if is_alone(candidate, n, text) && !is_money(text, candidate.start, candidate.end_of(n - 1)) {
                let said = if sight.told {
                    Context::Phone
                } else {
                    *context.get_or_insert_with(|| context::around(sight, candidate.start, candidate.end_of(n - 1)))
                };
                let phone = match said {
                    // `12345678 calls` are counted, not called.
                    Context::Call if n == 1 && total == 8 => is_called(candidate, text),
                    Context::Number if n == 1 => (9..=11).contains(&total) && !is_counting(candidate),
                    Context::Call if n == 1 => (9..=11).contains(&total),
                    Context::Phone | Context::Call | Context::Number => is_plausible(candidate, n),
                    Context::Nothing => {
                        strength.is_some() && !is_postal(candidate, n, text) || is_line(candidate, text)
                    }
                    Context::Other => false,
                };
                found = phone.then_some(n);
            }
        }
        n -= 1;
    }
    found
}

/// Whether the number may end with group `n`: no letters, and no further groups of the same number.
fn ends_here(candidate: &Candidate, n: usize, text: &str) -> bool {
    let group = candidate.groups()[n - 1];
    let word = || {
        chars::at(text, candidate.end_of(n - 1))
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' && group.sep == Sep::NONE)
            && extension(text, candidate.end_of(n - 1)).is_none()
    };
    group.sep.is_weak() && !word()
}

/// Whether something goes on behind a mark, as in `0-8044-2957-X`; a word (`-Fax`) doesn't count.
fn has_tail(text: &str, end: usize) -> bool {
    let [b'-' | b'/' | b'.', tail @ ..] = &text.as_bytes()[end..] else { return false };
    let letters = tail.iter().take(3).take_while(|b| b.is_ascii_alphabetic()).count();
    letters < 3 && tail.first().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a number stands alone: at most behind a word and a dash (`Suriname-467 3395`).
fn is_alone(candidate: &Candidate, n: usize, text: &str) -> bool {
    let last = candidate.groups()[n - 1];
    let word = || {
        let word = text[..candidate.start].trim_end_matches(chars::dash);
        n > 1 && candidate.groups()[0].sep == SPACE && word.ends_with(|c: char| c.is_ascii_lowercase())
    };
    let begins = candidate.before == Before::Edge || candidate.before == Before::Label && word();
    begins && last.sep == Sep::NONE && !has_tail(text, candidate.end_of(n - 1))
}

/// Where an extension behind a number ends: `x123`, ` ext. 12`, `#5`.
fn extension(text: &str, end: usize) -> Option<usize> {
    /// The words for it, longest first.
    const WORDS: [&str; 9] = ["extension", "durchwahl", "poste", "ext.", "ext", "доб.", "int.", "x", "#"];
    const MOST_DIGITS: usize = 6;
    let bytes = text.as_bytes();
    let spaces =
        |at: usize, more: &[u8]| bytes[at..].iter().take(2).take_while(|b| **b == b' ' || more.contains(b)).count();
    let at = end + spaces(end, b",;");
    let word = WORDS
        .iter()
        .find(|word| bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())))?;
    let at = at + word.len();
    let at = at + spaces(at, b".:");
    let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let glued = bytes.get(at + digits).is_some_and(|b| b.is_ascii_alphanumeric());
    ((1..=MOST_DIGITS).contains(&digits) && !glued).then_some(at + digits)
}

/// Dates, years, addresses of hosts and of network cards, decimals, thousands.
fn has_other_meaning(candidate: &Candidate, n: usize) -> bool {
    let groups = candidate.groups();
    let dotted = groups[..n - 1].iter().all(|g| g.sep == Sep::DOT);
    let decimal = n == 2 && dotted && candidate.size(1) != 4;
    let ip =
        n == 4 && dotted && (0..4).all(|i| candidate.size(i) <= 3 && candidate.value(i) <= 255 && !leads(candidate, i));
    let mac = n == 6 && (0..6).all(|i| candidate.size(i) == 2);
    let years = n == 2 && (0..2).all(|i| is_year(candidate, i));
    decimal || ip || mac || years || (0..n).any(|i| is_date(candidate, i))
}

/// Whether a group begins with a zero that says nothing, as in `01`.
fn leads(candidate: &Candidate, index: usize) -> bool {
    candidate.size(index) > 1 && candidate.value(index) < 10_u64.pow(candidate.size(index) as u32 - 1)
}

fn is_year(candidate: &Candidate, index: usize) -> bool {
    candidate.size(index) == 4 && (1900..2100).contains(&candidate.value(index))
}

/// Whether a date begins with this group: `2026-06-20`, `20.06.2026`, `06/20/2026`.
pub(super) fn is_date(candidate: &Candidate, index: usize) -> bool {
    let groups = candidate.groups();
    let Some([a, b, _]) = groups.get(index..index + 3) else { return false };
    let small = |i| candidate.size(i) <= 2 && (1..=31).contains(&candidate.value(i));
    // `05/12/88`: with dots or dashes it could be the first half of a phone.
    let short = |i| candidate.size(i) == 2 && a.sep == Sep::SLASH;
    let ends = is_year(candidate, index) && small(index + 2)
        || small(index) && (is_year(candidate, index + 2) || short(index + 2));
    a.sep == b.sep && small(index + 1) && ends && (candidate.value(index + 1) <= 12 || candidate.value(index) <= 12)
}

/// What the form of the first `n` groups needs to be a phone; `None` if it isn't one that phones have.
fn strength(candidate: &Candidate, n: usize) -> Option<Need> {
    let groups = candidate.groups();
    let total = groups[n - 1].total();
    let used = groups[..n - 1].iter().fold(Sep::NONE, |set, g| set.or(g.sep));
    if n < 2 || !used.within(ANY) {
        return None;
    }
    if candidate.paren && groups[0].sep == Sep::PAREN {
        // `Smith (1999) 345-367` is a citation.
        return (total <= 13 && candidate.size(0) <= 5 && !is_year(candidate, 0)).then_some(Need::Nothing);
    }
    let small = (1..n).any(|i| candidate.size(i) < 2);
    // Postal codes have five digits and three (Brazil) or four (United States).
    let postal = n == 2 && candidate.size(0) == 5 && groups[0].sep == DASH && matches!(candidate.size(1), 3 | 4);
    // A slash stands behind an area code, or between two numbers.
    let two = groups[..n - 1].iter().any(|group| group.sep == Sep::SLASH && group.total() > 5);
    // `00` calls abroad, which takes more digits.
    let abroad = candidate.digits[..2] == [0; 2];
    let enough = if abroad { total >= 10 && used.0 & DOT.0 == 0 } else { total >= 8 };
    let trunk = candidate.digits[0] == 0 && candidate.digits[..3] != [0; 3] && candidate.size(0) >= 2;
    // Bytes and words in hexadecimal: `01 00 00 00`, `0203 7474`.
    let dump = total == 8 && used == SPACE && (1..n).all(|i| candidate.size(i) == candidate.size(0));
    if trunk && enough && !dump && !(small || postal || two) && used != Sep::UNDERSCORE {
        return Some(if candidate.before == Before::Label { Need::Alone } else { Need::Nothing });
    }
    let fits = |shape: &&Shape| {
        shape.sizes.len() == n
            && (0..n).all(|i| candidate.size(i) == usize::from(shape.sizes[i]))
            && used.within(shape.seps)
            && shape.first.has(candidate.digits[0])
    };
    let shape = SHAPES.iter().find(fits)?;
    (!is_range(candidate, n)).then_some(shape.need)
}

/// Whether it is a postal code of Japan: `445-3808 鴨川市`.
fn is_postal(candidate: &Candidate, n: usize, text: &str) -> bool {
    let rest = &text[candidate.end_of(n - 1)..];
    n == 2 && candidate.size(1) == 4 && rest.trim_start_matches([' ', '\u{3000}']).starts_with(chars::unspaced)
}

/// Whether it is a line of its own, as under an address, and begins with the zero of a long-distance call.
fn is_line(candidate: &Candidate, text: &str) -> bool {
    let groups = candidate.groups();
    let (before, after) = (&text.as_bytes()[..candidate.start], text.as_bytes().get(candidate.end_of(0)));
    groups.len() == 1
        && (10..=11).contains(&groups[0].total())
        && candidate.digits[0] == 0
        && candidate.digits[1] != 0
        && before.last() == Some(&b'\n')
        && after.is_none_or(|b| matches!(b, b'\n' | b'\r'))
}

/// `0123456789`: the digits themselves.
fn is_counting(candidate: &Candidate) -> bool {
    candidate.digits[..candidate.groups()[0].total()].windows(2).all(|w| w[0].abs_diff(w[1]) == 1)
}

/// Whether a number ends what a word before it began: `call 59219948.`, but not `calls: 12345678` or `12345678 calls`.
fn is_called(candidate: &Candidate, text: &str) -> bool {
    let before = text[..candidate.start].trim_end_matches(' ');
    let after = text[candidate.end_of(0)..].strip_prefix(' ').unwrap_or_default();
    before.ends_with(char::is_alphabetic) && !after.starts_with(char::is_lowercase)
}

/// Whether words may make a phone of it: not every digit in a group of its own, and not so long that it is an id.
fn is_plausible(candidate: &Candidate, n: usize) -> bool {
    let groups = candidate.groups();
    let used = groups[..n - 1].iter().fold(Sep::NONE, |set, g| set.or(g.sep));
    let single = (1..n).filter(|&i| candidate.size(i) < 2).count();
    let length = if n == 1 { 7..=13 } else { SHORTEST..=LONGEST };
    used.within(ANY) && single <= 1 && length.contains(&groups[n - 1].total())
}

/// `200-1000`, `1000 2000`: two round numbers.
fn is_range(candidate: &Candidate, n: usize) -> bool {
    n == 2 && (0..2).all(|i| candidate.value(i).is_multiple_of(100))
}

/// Whether a currency stands beside a number: thousands are separated by spaces in half of the world.
fn is_money(text: &str, start: usize, end: usize) -> bool {
    let sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺' | '₴' | '%');
    const CODES: [&str; 14] =
        ["EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "JPY", "INR", "kr", "zł"];
    let before = text[..start].trim_end_matches(' ');
    let after = text[end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    before.ends_with(sign)
        || after.starts_with(sign)
        || CODES.iter().any(|code| before.ends_with(code) || after.starts_with(code))
}
