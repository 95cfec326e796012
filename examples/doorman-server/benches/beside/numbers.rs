//! What is made of many measurements.

/// The middle one.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    percentile(numbers, 50)
}

/// The one that so many percent of all aren't above.
pub(crate) fn percentile(numbers: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() * percent / 100).copied().unwrap_or(f64::NAN)
}
