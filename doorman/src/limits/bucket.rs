//! One rule: where its count is kept, and what governor says about it.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use doorman_grammar::rate::{Per, RateRule};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::caller::{CallerKey, Digest};
use super::cells::{Cells, Place};
use super::error::Kind;

/// One rule and the place of its count. Different rules never share a count, however alike they are (D21).
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) rule: RateRule,
    pub(super) kind: Kind,
    quota: Quota,
    /// Distinguishes this rule's callers from those of all other rules.
    id: u128,
    /// The rule's own cell: its count, or for a rule per caller what new callers share when the cells are full.
    fixed: usize,
}

/// What governor decided, with nothing committed yet.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The call conforms: the time to commit, and the state of the bucket after that.
    Conforms { tat: u64, after: StateSnapshot },
    /// The call would conform after this time.
    Wait(Duration),
    /// The call takes more than the bucket can hold.
    Never,
}

impl Bucket {
    /// `owner` is the tool that the count belongs to, `""` for none. The same rule of the same owner gets the same place
    /// again, so that registering anew forgets nothing.
    pub(super) fn new(rule: RateRule, kind: Kind, owner: &str, cells: &mut Cells) -> Self {
        let count = NonZeroU32::new(rule.count).unwrap_or(NonZeroU32::MIN);
        // Rounded up: with a period that is too short by a fraction of a nanosecond, more than the count could pass.
        let period = rule.window.as_nanos().div_ceil(u128::from(count.get())).max(1);
        let period = Duration::from_nanos(u64::try_from(period).unwrap_or(u64::MAX));
        let quota = Quota::with_period(period).map_or(Quota::per_second(NonZeroU32::MIN), |q| q.allow_burst(count));
        let id = Digest::new(u8::MAX).text(owner).text(&format!("{kind:?} {rule}")).finish();
        Self { rule, kind, quota, id, fixed: cells.reserve(id) }
    }

    /// Where the count for this caller is kept.
    pub(super) fn place(&self, caller: CallerKey) -> Place {
        match self.rule.per {
            // Both are random 128-bit values, so two pairs of rule and caller meet with a probability of 2^-128.
            Per::Caller => Place::Keyed { key: self.id ^ caller.0, overflow: self.fixed },
            Per::Tool | Per::Global => Place::Fixed(self.fixed),
        }
    }

    /// Asks governor whether `weight` can be taken at `now` from a cell that holds `tat`. Changes nothing.
    pub(super) fn probe(&self, now: u64, tat: Option<u64>, weight: NonZeroU32) -> Outcome {
        // Also keeps governor's multiplication of weight and period within `u64`.
        if weight.get() > self.rule.count {
            return Outcome::Never;
        }
        let scratch = Scratch { old: tat.map(Nanos::new), new: Cell::new(Nanos::new(0)) };
        // A limiter counts from the time of its making; made at 0, its times are the clock's.
        let start = Now(Cell::new(Nanos::new(0)));
        let limiter = RateLimiter::<NotKeyed, _, _, StateInformationMiddleware>::new(self.quota, scratch, start);
        limiter.clock().0.set(Nanos::new(now));
        match limiter.check_n(weight) {
            Ok(Ok(after)) => Outcome::Conforms { tat: limiter.into_state_store().new.get().as_u64(), after },
            Ok(Err(refused)) => Outcome::Wait(refused.wait_time_from(Nanos::new(now))),
            Err(_) => Outcome::Never,
        }
    }
}

/// A clock for one question.
struct Now(Cell<Nanos>);

impl governor::clock::Clock for Now {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get()
    }
}

/// A store for one question: it shows governor the old state and keeps the new one for us to commit, or to forget.
struct Scratch {
    old: Option<Nanos>,
    new: Cell<Nanos>,
}

impl StateStore for Scratch {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, new) = decide(self.old)?;
        self.new.set(new);
        Ok(outcome)
    }
}
