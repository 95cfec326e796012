//! Sizes in bytes: result bounds, request bounds, file rotation.

use crate::{GrammarError, number};

/// The largest size that can be written: 1 GiB, in bytes.
pub const MAX: u64 = 1 << 30;

const EXPECTED: &str =
    "a size such as \"64KiB\": a whole number and a unit (B, KB, MB, GB, KiB, MiB, GiB), more than zero, at most 1GiB";

/// Parses `"64KiB"`, `"1MiB"`, `"10KB"`, `"512B"` or a bare `"512"` into bytes: more than zero, at most [`MAX`].
/// `KB`, `MB`, `GB` are powers of 1000; `KiB`, `MiB`, `GiB` powers of 1024.
///
/// # Errors
/// Anything else, a fraction or a space inside included.
pub fn parse(text: &str) -> Result<u64, GrammarError> {
    let error = || GrammarError::new(EXPECTED, text);
    let (number, unit) = number::split(text).ok_or_else(error)?;
    let bytes_per_unit = match unit {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(error()),
    };
    match number.checked_mul(bytes_per_unit) {
        Some(bytes @ 1..=MAX) => Ok(bytes),
        _ => Err(error()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn legal() {
        for (text, bytes) in [
            ("1", 1),
            ("512", 512),
            ("512B", 512),
            ("10KB", 10_000),
            ("10kB", 10_000),
            ("64KiB", 65_536),
            ("1MiB", 1 << 20),
            ("5MB", 5_000_000),
            ("1GB", 1_000_000_000),
            ("1GiB", 1 << 30),
            ("1073741824", 1 << 30),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn illegal() {
        for text in [
            "",
            "B",
            "0",
            "0KiB",
            "-1",
            "+1",
            "1.5MiB",
            "64 KiB",
            " 1",
            "1 ",
            "1K",
            "1M",
            "1kib",
            "2GiB",
            "1073741825",
            "1TiB",
            "99999999999999999999",
            "18446744073709551615GiB",
            "0x10",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("expected a size such as \"64KiB\""), "{text}: {error}");
        }
    }
}
