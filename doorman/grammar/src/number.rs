//! A whole number followed by a unit: what durations and sizes have in common.

/// Splits `"500ms"` into `(500, "ms")`. `None` when there is no digit in front or the number exceeds `u64`.
pub(crate) fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    // `parse` alone would accept a leading `+`; the split above leaves only digits, or nothing, which it refuses.
    Some((digits.parse().ok()?, unit))
}
