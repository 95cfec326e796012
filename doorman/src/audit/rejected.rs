//! Counts what is refused before it becomes a call, so that a flood of it can't become a flood of lines.

use std::time::{Duration, Instant};

use super::line::Line;
use super::record::Transport;

/// The least time between two lines of one reason.
const INTERVAL: Duration = Duration::from_secs(1);

/// The counts, for each reason and transport. Reasons are words of ours, so there are few of them.
#[derive(Debug, Default)]
pub(super) struct Rejections(Vec<Rejection>);

/// How many requests were refused for one reason.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    reason: &'static str,
    transport: Transport,
    /// How many have not been written yet.
    count: u64,
    written: Option<Instant>,
}

impl Rejections {
    /// Counts one; whether its line may be written at this time.
    pub(super) fn add(&mut self, reason: &'static str, transport: Transport, now: Instant) -> bool {
        let known = self.0.iter().position(|known| known.reason == reason && known.transport == transport);
        let at = known.unwrap_or_else(|| {
            self.0.push(Rejection { reason, transport, count: 0, written: None });
            self.0.len() - 1
        });
        self.0[at].count += 1;
        self.0[at].is_due(Some(now))
    }

    /// The counts that may be written at this time, all of them if `now` is `None`. They count as written.
    pub(super) fn take(&mut self, now: Option<Instant>) -> Vec<Rejection> {
        let due = self.0.iter_mut().filter(|rejection| rejection.is_due(now));
        let taken = due.map(|rejection| {
            let taken = rejection.clone();
            (rejection.count, rejection.written) = (0, now);
            taken
        });
        taken.collect()
    }

    /// These couldn't be written.
    pub(super) fn give_back(&mut self, taken: &[Rejection]) {
        for back in taken {
            let same = |known: &&mut Rejection| known.reason == back.reason && known.transport == back.transport;
            if let Some(known) = self.0.iter_mut().find(same) {
                known.count += back.count;
                known.written = back.written;
            }
        }
    }
}

impl Rejection {
    fn is_due(&self, now: Option<Instant>) -> bool {
        let too_soon = now.zip(self.written).is_some_and(|(now, then)| now.saturating_duration_since(then) < INTERVAL);
        self.count > 0 && !too_soon
    }

    pub(super) fn line(&self) -> Line {
        let mut line = Line::default();
        line.text("kind", "rejected")
            .text("transport", self.transport.as_str())
            .text("reason", self.reason)
            .number("count", self.count);
        line
    }
}
