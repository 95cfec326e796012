//! The time of a function: what it takes, less what it waits for its client.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a function has waited for its client.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Spent>);

#[derive(Default)]
struct Spent {
    before: Duration,
    since: Option<Instant>,
    /// How many questions are open.
    open: u32,
}

/// The clock stands still for as long as this is there.
pub(super) struct Pause<'w>(&'w Waiting);

impl Waiting {
    pub(super) fn pause(&self) -> Pause<'_> {
        let mut spent = self.lock();
        spent.open += 1;
        spent.since.get_or_insert_with(Instant::now);
        Pause(self)
    }

    fn so_far(&self) -> Duration {
        let spent = self.lock();
        spent.before + spent.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Returns when a function has run for so long, its waiting not counted.
    pub(super) async fn run_out(&self, timeout: Duration) {
        /// A clock that stands still is looked at now and then.
        const LOOK: Duration = Duration::from_millis(20);
        let began = Instant::now();
        loop {
            let left = (timeout + self.so_far()).saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.max(LOOK.min(timeout))).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut spent = self.0.lock();
        spent.open -= 1;
        if spent.open == 0
            && let Some(since) = spent.since.take()
        {
            spent.before += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn waiting_takes_none_of_the_time() {
        let waiting = Arc::new(Waiting::default());
        let began = Instant::now();
        let paused = Arc::clone(&waiting);
        tokio::spawn(async move {
            let (_one, two) = (paused.pause(), paused.pause());
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(two);
            tokio::time::sleep(Duration::from_millis(100)).await;
        });
        waiting.run_out(Duration::from_millis(100)).await;
        assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
    }
}
