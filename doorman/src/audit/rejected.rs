//! Counts what is refused before it becomes a call, so that a flood of it can't become a flood of lines.

use std::time::{Duration, Instant};

use super::line::Line;
use super::record::Transport;

/// The least time between two lines of one reason.
const INTERVAL: Duration = Duration::from_secs(1);

/// The counts, for each reason and transport. Reasons are words of ours, so there are few of them.
#[derive(Debug, Default)]
pub(super) struct Rejections(Vec<Rejection>);

#[derive(Debug)]
struct Rejection {
    reason: &'static str,
    transport: Transport,
    /// How many have not been written yet.
    count: u64,
    written: Option<Instant>,
}

impl Rejections {
    pub(super) fn add(&mut self, reason: &'static str, transport: Transport) {
        let known = self.0.iter_mut().find(|known| known.reason == reason && known.transport == transport);
        match known {
            Some(known) => known.count += 1,
            None => self.0.push(Rejection { reason, transport, count: 1, written: None }),
        }
    }

    /// Writes each count that may be written at this time, all of them if `now` is `None`. A count that can't be
    /// written is kept.
    pub(super) fn write<E>(
        &mut self,
        now: Option<Instant>,
        mut write: impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<(), E> {
        for rejection in self.0.iter_mut().filter(|rejection| rejection.count > 0) {
            let too_soon = now.zip(rejection.written).is_some_and(|(now, then)| now.duration_since(then) < INTERVAL);
            if too_soon {
                continue;
            }
            let mut line = Line::default();
            line.text("kind", "rejected")
                .text("transport", rejection.transport.as_str())
                .text("reason", rejection.reason)
                .number("count", rejection.count);
            write(&line)?;
            rejection.count = 0;
            rejection.written = now;
        }
        Ok(())
    }
}
