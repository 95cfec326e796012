//! Values that look like secrets though nothing about them is known but that they are random.

use super::rules::Suspicion;

/// Shorter values are words and numbers.
const SHORTEST_OPAQUE: usize = 8;
const SHORTEST_RANDOM: usize = 16;
/// Longer ones are data.
const LONGEST: usize = 1024;

/// Bits per character from which on a value is random; English words have less than three.
const BITS: f32 = 3.2;

/// Whether a value is the secret that its key is suspected to hold.
pub(super) fn is_secret(value: &str, suspicion: Suspicion) -> bool {
    let bytes = value.as_bytes();
    let least = match suspicion {
        Suspicion::Opaque => SHORTEST_OPAQUE,
        Suspicion::Random => SHORTEST_RANDOM,
    };
    if !(least..=LONGEST).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|b| is(b)).count();
    let digits = count(u8::is_ascii_digit);
    let letters = count(u8::is_ascii_alphabetic);
    if digits == 0 || letters < 2 || bytes[0] == b'/' || value.contains("://") || is_date(bytes) {
        return false;
    }
    match suspicion {
        // `oauth2.0` and `tls1.3` are names.
        Suspicion::Opaque => digits > 2 || digits > 0 && bytes.len() >= SHORTEST_RANDOM,
        Suspicion::Random => {
            let mixed = count(u8::is_ascii_lowercase) > 0 && count(u8::is_ascii_uppercase) > 0;
            mixed && !is_spelled(value) && entropy(bytes) >= BITS
        }
    }
}

/// Whether it consists of words and numbers: `Order-2024-Retry`, `UserProfile2`.
fn is_spelled(value: &str) -> bool {
    let class = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
    let changes = value.as_bytes().windows(2).filter(|w| class(w[0]) != class(w[1])).count();
    changes * 3 < value.len()
}

fn is_date(bytes: &[u8]) -> bool {
    matches!(bytes, [b'1' | b'2', _, _, _, b'-', _, _, b'-', ..])
}

/// Shannon's, per character.
fn entropy(bytes: &[u8]) -> f32 {
    let mut seen = [0_u16; 128];
    bytes.iter().for_each(|&b| seen[usize::from(b & 127)] += 1);
    let all = f32::from(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    let share = |&n: &u16| f32::from(n) / all;
    -seen.iter().filter(|n| **n > 0).map(|n| share(n) * share(n).log2()).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_others() {
        for value in ["q83vEjRWeJCrze8SNFZ4kA==", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"] {
            assert!(is_secret(value, Suspicion::Random), "{value}");
        }
        for value in
            ["created_at", "Order-2024-Retry-Attempt", "550e8400-e29b-41d4-a716-446655440000", "/srv/Key1/a2B3"]
        {
            assert!(!is_secret(value, Suspicion::Random), "{value}");
        }
        for value in ["9f3a61c2", "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(is_secret(value, Suspicion::Opaque), "{value}");
        }
        for value in ["Keynote", "12345678", "2026-06-20T10:00:00Z", "the 2nd one", "oauth2.0"] {
            assert!(!is_secret(value, Suspicion::Opaque), "{value}");
        }
    }
}
