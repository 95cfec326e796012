//! Payment card numbers: a brand's prefix and length, and the Luhn checksum.

use super::number::{Before, Candidate, MAX_DIGITS};
use super::sep::Sep;

/// First six digits from–to (right-padded), and the lengths that the issuer uses.
struct Brand {
    from: u32,
    to: u32,
    lengths: &'static [usize],
}

const fn brand(from: u32, to: u32, lengths: &'static [usize]) -> Brand {
    Brand { from, to, lengths }
}

const TO_19: &[usize] = &[16, 17, 18, 19];

const MAESTRO: &[usize] = &[12, 13, 14, 15, 16, 17, 18, 19];

/// Issuer ranges (ISO/IEC 7812), as the brands publish them; Maestro's as issued, also where others have the range now.
static BRANDS: [Brand; 35] = [
    brand(60_400, 60_499, &[12]),                           // Maestro, UK
    brand(180_000, 180_099, &[15]),                         // JCB, old
    brand(213_100, 213_199, &[15]),                         // JCB, old
    brand(220_000, 220_499, TO_19),                         // Mir
    brand(222_100, 272_099, &[16]),                         // Mastercard, 2-series
    brand(300_000, 305_999, &[14, 16]),                     // Diners Club
    brand(309_500, 309_599, &[14, 16]),                     // Diners Club
    brand(340_000, 349_999, &[15]),                         // American Express
    brand(350_000, 359_999, TO_19),                         // JCB
    brand(360_000, 369_999, &[14, 16, 19]),                 // Diners Club
    brand(370_000, 379_999, &[15]),                         // American Express
    brand(380_000, 399_999, &[14, 16, 19]),                 // Diners Club
    brand(400_000, 499_999, &[13, 16, 19]),                 // Visa
    brand(500_000, 501_899, MAESTRO),                       // Maestro
    brand(501_900, 501_999, &[16]),                         // Dankort
    brand(502_000, 505_999, MAESTRO),                       // Maestro
    brand(506_000, 508_999, &[12, 13, 14, 15, 16, 18, 19]), // Verve, Elo, RuPay, Maestro
    brand(509_000, 509_999, &[16]),                         // Elo
    brand(510_000, 559_999, &[16]),                         // Mastercard
    brand(560_000, 589_999, MAESTRO),                       // Maestro
    brand(600_000, 603_999, TO_19),                         // Discover, RuPay, Hipercard
    brand(604_000, 609_999, TO_19),                         // RuPay, UkrCard, Hipercard
    brand(620_000, 629_999, TO_19),                         // UnionPay
    brand(630_400, 630_499, MAESTRO),                       // Maestro
    brand(636_000, 638_999, &[16]),                         // Elo, InstaPayment
    brand(639_000, 639_099, MAESTRO),                       // Maestro
    brand(639_100, 639_999, &[16]),                         // InstaPayment
    brand(644_000, 659_999, TO_19),                         // Discover, RuPay, Troy
    brand(670_000, 679_999, MAESTRO),                       // Maestro
    brand(810_000, 819_999, TO_19),                         // UnionPay, RuPay
    brand(820_000, 829_999, &[16]),                         // RuPay
    brand(860_000, 860_099, &[16]),                         // UzCard
    brand(976_000, 976_999, &[16]),                         // Troy
    brand(979_200, 979_299, &[16]),                         // Troy
    brand(986_000, 986_099, &[16]),                         // Humo
];

/// The fewest digits of any card.
pub(super) const FEWEST: usize = 12;

/// Whether some brand's numbers begin with this digit.
pub(super) fn may_begin(digits: &[u8]) -> bool {
    digits.first().is_some_and(|d| matches!(d, 0..=6 | 8 | 9))
}

/// The brand whose numbers begin as these digits do.
fn brand_of(digits: &[u8]) -> Option<&'static Brand> {
    let head = digits.get(..6)?.iter().fold(0, |n, &d| n * 10 + u32::from(d));
    let next = BRANDS.partition_point(|brand| brand.from <= head);
    BRANDS[..next].last().filter(|brand| head <= brand.to)
}

impl Brand {
    fn issued(&self, digits: &[u8]) -> bool {
        self.lengths.contains(&digits.len()) && luhn(digits)
    }
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |d: u8| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, &d)| u32::from(if i % 2 == 1 { doubled(d) } else { d })).sum();
    sum.is_multiple_of(10)
}

/// How many groups from the first on are a card number; the most, if several are.
pub(super) fn find(candidate: &Candidate) -> Option<usize> {
    let groups = candidate.groups();
    if groups.last()?.total() < FEWEST {
        return None;
    }
    let brand = brand_of(&candidate.digits)?;
    (1..=groups.len())
        .rev()
        .take_while(|&n| groups[n - 1].total() >= FEWEST)
        .find(|&n| is_spelled_like_one(candidate, n) && brand.issued(&candidate.digits[..groups[n - 1].total()]))
}

/// Whether the separators are ones that a writer puts into one number, not between the numbers of a list.
fn is_spelled_like_one(candidate: &Candidate, n: usize) -> bool {
    const ANY: Sep = Sep::SPACE.or(Sep::DASH).or(Sep::UNDERSCORE).or(Sep::DOT).or(Sep::COMMA);
    const NUMERIC: Sep = Sep::DOT.or(Sep::COMMA);
    let groups = candidate.groups();
    let used = groups[..n - 1].iter().fold(Sep::NONE, |set, g| set.or(g.sep));
    if !used.within(ANY) {
        return false;
    }
    if n == 1 {
        // The digits of a decimal fraction, or before one.
        return candidate.before != Before::Digits(Sep::DOT) && groups[0].sep != Sep::DOT;
    }
    // `3.38713_28727_96366_6080`
    if candidate.before == Before::Digits(Sep::DOT) {
        return false;
    }
    let even = (1..n - 1).all(|i| candidate.size(i) == candidate.size(0)) && candidate.size(n - 1) <= candidate.size(0);
    if used.0 & NUMERIC.0 != 0 {
        // A list of numbers goes on before or after.
        let listed = matches!(candidate.before, Before::Digits(_)) || groups[n - 1].sep.0 & NUMERIC.0 != 0;
        return !listed && n >= 3 && (0..n).all(|i| (3..=7).contains(&candidate.size(i)));
    }
    let fours = (0..n - 1).all(|i| candidate.size(i).is_multiple_of(4));
    even || fours || n == 2 && candidate.size(0) == 6 || n == 3 && candidate.size(0) == 4 && candidate.size(1) == 6
}

/// Whether a JSON number is a card number.
pub(super) fn is_card_number(number: &serde_json::Number) -> bool {
    /// The smallest number with 12 digits.
    const SMALLEST: u64 = 100_000_000_000;
    let n = match (number.as_u64(), number.as_f64()) {
        (Some(n), _) => n,
        (None, _) if number.is_i64() => return false,
        // An `f32` can't hold a card number exactly, so a number that fits one isn't a card; this keeps schemas of
        // `float` fields as they are.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range and without fraction")]
        (None, Some(f)) if f.fract() == 0.0 && (1e11..1.8e19).contains(&f) && f64::from(f as f32) != f => f as u64,
        _ => return false,
    };
    if n < SMALLEST {
        return false;
    }
    let mut digits = [0; MAX_DIGITS + 1];
    let (mut rest, mut at) = (n, digits.len());
    while rest > 0 && at > 0 {
        at -= 1;
        digits[at] = (rest % 10) as u8;
        rest /= 10;
    }
    let digits = &digits[at..];
    brand_of(digits).is_some_and(|brand| brand.issued(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(number: &str) -> bool {
        let digits: Vec<u8> = number.bytes().map(|b| b - b'0').collect();
        brand_of(&digits).is_some_and(|brand| brand.issued(&digits))
    }

    #[test]
    fn brands_and_checksum() {
        for number in [
            "4111111111111111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "6759649826438453",
            "6200000000000005",
            "060412345674",
            "501849126583",
        ] {
            assert!(card(number), "{number}");
        }
        for number in ["4111111111111112", "411111111111111", "1781913600000", "0000000000000000", "9999999999999995"] {
            assert!(!card(number), "{number}");
        }
        assert!(BRANDS.is_sorted_by_key(|b| b.from) && BRANDS.iter().all(|b| b.from <= b.to));
    }

    #[test]
    fn json_numbers() {
        let number = |text: &str| serde_json::from_str(text).is_ok_and(|n| is_card_number(&n));
        assert!(number("4111111111111111") && number("4111111111111111.0") && number("4.111111111111111e15"));
        assert!(!number("123456789") && !number("-4111111111111111") && !number("4111111111111111.5"));
        assert!(!number("1781913600000") && !number("18446744073709551615") && !number("1e300"));
    }
}
