//! Who called what, how it ended and how long it took, in memory that the log's length doesn't matter to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead};

use serde_json::{Value, json};

use super::Entry;
use super::entry::{millis, visible};
use crate::lines::{Lines, Read};

/// How many pairs of agent and capability are told apart; those beyond are counted together.
const PAIRS: usize = 4_096;

/// How many verdicts, and reasons of refusals, are told apart. There are far fewer.
const WORDS: usize = 64;

/// How many intents wait for their call's end. So many calls never run at once.
const INTENTS: usize = 65_536;

/// How many characters of a text are kept and shown. Names of ours are shorter.
const TEXT: usize = 128;

/// Durations are told apart in so many steps between a power of two and the next: 3 % at most.
const STEPS: u32 = 32;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Lines before this time aren't counted.
    since: Option<String>,
    pairs: BTreeMap<(String, String), Pair>,
    rejected: BTreeMap<String, u64>,
    /// Calls that began and of whose end nothing is known, with what was called.
    open: BTreeSet<String>,
    intents: u64,
    lost: u64,
    lines: u64,
    /// Lines that aren't records.
    unreadable: u64,
}

/// Calls of one agent to one capability.
#[derive(Debug, Default)]
struct Pair {
    calls: u64,
    verdicts: BTreeMap<String, u64>,
    /// How many calls took how long, by step.
    durations: BTreeMap<u32, u64>,
    longest: u64,
}

impl Stats {
    /// Of lines from this time on (RFC 3339, UTC, as records say it).
    pub(crate) fn since(since: Option<String>) -> Self {
        Self { since, ..Self::default() }
    }

    /// Counts the lines of a file.
    pub(crate) fn file(&mut self, text: impl BufRead) -> io::Result<()> {
        let mut lines = Lines::new(text);
        while let Some(read) = lines.next()? {
            self.lines += 1;
            match read {
                Read::Whole(line) => match Entry::of(line) {
                    Some(entry) => self.count(entry),
                    None => self.unreadable += 1,
                },
                Read::Torn(_) | Read::TooLong(_) => self.unreadable += 1,
            }
        }
        Ok(())
    }

    fn count(&mut self, entry: Entry<'_>) {
        if self.since.as_ref().is_some_and(|since| *entry.ts < **since) {
            return;
        }
        match &*entry.kind {
            "call" => self.call(entry),
            "intent" => {
                self.intents += 1;
                if let Some(call) = entry.call.filter(|_| self.open.len() < INTENTS) {
                    self.open.insert(cut(call));
                }
            }
            "rejected" => {
                let reason = cut(entry.reason.unwrap_or_default());
                let count = room(&mut self.rejected, reason, WORDS);
                *count = count.saturating_add(entry.count.unwrap_or(0));
            }
            "recovered" => self.lost = self.lost.saturating_add(entry.lost.unwrap_or(0)),
            _ => {}
        }
    }

    fn call(&mut self, entry: Entry<'_>) {
        let key = (cut(entry.who()), cut(entry.capability.unwrap_or_default()));
        if let Some(call) = entry.call {
            self.open.remove(&cut(call));
        }
        let known = self.pairs.len() < PAIRS || self.pairs.contains_key(&key);
        let key = if known { key } else { ("(others)".to_owned(), "(others)".to_owned()) };
        let pair = self.pairs.entry(key).or_default();
        pair.calls += 1;
        *room(&mut pair.verdicts, cut(entry.verdict.unwrap_or_default()), WORDS) += 1;
        let us = entry.duration_us.unwrap_or(0);
        *pair.durations.entry(step(us)).or_default() += 1;
        pair.longest = pair.longest.max(us);
    }

    /// As JSON; times in µs.
    pub(crate) fn to_json(&self) -> Value {
        let rows = self.pairs.iter().map(|((who, capability), pair)| {
            let [p50, p90, p99] = [50, 90, 99].map(|percent| pair.percentile(percent));
            json!({"agent": who, "capability": capability, "calls": pair.calls, "verdicts": pair.verdicts,
                "p50_us": p50, "p90_us": p90, "p99_us": p99, "max_us": pair.longest})
        });
        json!({"lines": self.lines, "since": self.since, "rows": rows.collect::<Vec<_>>(), "rejected": self.rejected,
            "intents": self.intents, "intents_without_call": self.open.len(), "lost": self.lost,
            "unreadable": self.unreadable})
    }
}

/// A text as far as it is kept, marked if that isn't all of it.
fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(TEXT) {
        text.truncate(at);
        text.push('…');
    }
    text.shrink_to_fit();
    text
}

/// The place of a word, or of all others where there are too many.
fn room(words: &mut BTreeMap<String, u64>, word: String, most: usize) -> &mut u64 {
    let word = if words.len() < most || words.contains_key(&word) { word } else { "(others)".to_owned() };
    words.entry(word).or_default()
}

/// The step that a duration is in.
fn step(us: u64) -> u32 {
    if us < u64::from(STEPS) {
        return us as u32;
    }
    let octave = us.ilog2() - STEPS.ilog2();
    (octave * STEPS) + (us >> octave) as u32
}

/// The longest duration of a step.
fn longest(step: u32) -> u64 {
    if step < 2 * STEPS {
        return u64::from(step);
    }
    let octave = step / STEPS - 1;
    let first = u64::from(step - octave * STEPS) << octave;
    first + ((1 << octave) - 1)
}

impl Pair {
    /// The duration that so many percent of calls didn't exceed, in µs, up to the width of a step.
    fn percentile(&self, percent: u64) -> u64 {
        let mut left = (self.calls * percent).div_ceil(100);
        for (&step, &count) in &self.durations {
            if count >= left {
                return longest(step).min(self.longest);
            }
            left -= count;
        }
        self.longest
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows =
            vec![["agent", "capability", "calls", "p50", "p90", "p99", "max", "verdicts"].map(str::to_owned)];
        for ((who, capability), pair) in &self.pairs {
            let verdicts = pair.verdicts.iter().map(|(verdict, count)| format!("{} {count}", visible(verdict)));
            let [p50, p90, p99] = [50, 90, 99].map(|percent| millis(pair.percentile(percent)));
            let verdicts = verdicts.collect::<Vec<_>>().join(", ");
            // What is escaped is longer than it was.
            let [who, capability] = [who, capability].map(|text| cut(visible(text).into_owned()));
            rows.push([who, capability, pair.calls.to_string(), p50, p90, p99, millis(pair.longest), verdicts]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        for row in &rows {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                match column {
                    0 | 1 => write!(f, "{cell:<width$}  ")?,
                    7 => writeln!(f, "{cell}")?,
                    _ => write!(f, "{cell:>width$}  ")?,
                }
            }
        }
        for (reason, count) in &self.rejected {
            writeln!(f, "refused before the guard: {} {count}", visible(reason))?;
        }
        for (count, what) in [
            (self.open.len() as u64, "destructive calls began and have no record of their end"),
            (self.lost, "records were lost while the sink failed"),
            (self.unreadable, "lines are no records"),
        ] {
            if count > 0 {
                writeln!(f, "{count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Pair, longest, step};

    #[test]
    fn steps_are_narrow_and_in_order() {
        for us in (0..100_000).chain((17..63).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1])) {
            let top = longest(step(us));
            assert!(top >= us && (top - us) * 32 <= us.max(1), "{us}: {top}");
            assert!(step(us + 1) >= step(us) && (top == us || step(us + 1) == step(us)), "{us}");
        }
    }

    #[test]
    fn percentiles() {
        let mut pair = Pair { calls: 100, longest: 100, ..Pair::default() };
        for us in 1..=100 {
            *pair.durations.entry(step(us)).or_default() += 1;
        }
        assert_eq!((pair.percentile(50), pair.percentile(90), pair.percentile(99)), (50, 91, 99));
        assert_eq!(Pair::default().percentile(50), 0);
    }
}
