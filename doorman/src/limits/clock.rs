//! Where the time of a limit comes from: the server's clock, never anything a caller sends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time since some fixed moment. [`Limits`](super::Limits) tolerates a clock that goes back: time then stands
/// still until the clock has caught up, so nothing is refilled twice.
pub trait Clock: Send + Sync + 'static {
    /// The time that has passed since this clock's own beginning.
    fn now(&self) -> Duration;

    /// The time since 1970 in UTC, for windows of the calendar and for counts that other processes share.
    fn utc(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The clock for production: the operating system's monotonic one.
#[derive(Debug, Clone)]
pub struct Monotonic(Instant);

impl Monotonic {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The same clock for all processes of this host: the system's monotonic one, which begins when the system does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemWide;

impl Clock for SystemWide {
    fn now(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        // It never is negative.
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
    }
}

/// A clock that moves only when told, for tests; it begins in 1970. Clones show the same time. Resolution: 1 ns, range: 584 years.
#[derive(Clone, Default)]
pub struct Manual(Arc<AtomicU64>);

impl Manual {
    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets the time, also to an earlier one.
    pub fn set(&self, now: Duration) {
        self.0.store(nanos(now), Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn utc(&self) -> Duration {
        self.now()
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manual").field(&self.now()).finish()
    }
}

/// Whole nanoseconds; what `u64` can't hold becomes its maximum.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
