//! A call that was let in: what it took from budgets, what it still spends, and what comes back if it never ran.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::Limits;
use crate::state::{Ask, Op, Unavailable};

/// A call that every limit let in. Dropping it means that the call has been used.
#[derive(Debug)]
#[must_use = "an admitted call that never ran should get its cost refunded"]
pub struct Admission(Option<Arc<Tab>>);

/// What a call owes to the budgets that it was admitted under. Clones are the same tab.
#[derive(Debug, Clone, Default)]
pub struct Budget(Option<Arc<Tab>>);

#[derive(Debug)]
struct Tab {
    limits: Limits,
    /// What was asked of each budget, and what is left of it.
    taken: Vec<Ask>,
    /// The store's time of the taking.
    at: u64,
    /// Units that the function has charged and that no budget knows of yet.
    charged: AtomicU32,
}

impl Admission {
    /// Of what was asked, only the budgets matter from now on.
    pub(super) fn of(limits: &Limits, mut asks: Vec<Ask>, at: u64) -> Self {
        asks.retain(|ask| ask.budget);
        if asks.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Tab { limits: limits.clone(), taken: asks, at, charged: AtomicU32::new(0) })))
    }

    /// Gives the cost back to the budgets, because the function never ran. The rate rules keep counting the attempt. If
    /// the store doesn't answer, the cost stays taken.
    pub async fn refund(self) {
        let Some(tab) = self.0 else { return };
        let mut taken = tab.taken.clone();
        let _ = tab.limits.store().run(Op::GiveBack { since: tab.at }, &mut taken).await;
    }

    /// What the function can spend from.
    pub fn budget(&self) -> Budget {
        Budget(self.0.clone())
    }

    /// Takes what the function has charged, and says how many units are left of the scarcest budget; `None` without a
    /// budget.
    ///
    /// # Errors
    /// The store doesn't answer: what was charged couldn't be taken.
    pub async fn settle(self) -> Result<Option<u32>, Unavailable> {
        let Some(tab) = self.0 else { return Ok(None) };
        match tab.charged.swap(0, Ordering::AcqRel) {
            0 => Ok(left(&tab.taken)),
            units => charge(&tab.limits, tab.taken.clone(), units).await.map(|asks| left(&asks)),
        }
    }
}

impl Budget {
    /// Charges units to every budget that this call was admitted under, on top of the tool's `cost`. They are taken when
    /// the call ends, whether they are there or not: what is spent is spent, and the next call is refused until the debt
    /// is paid. So a budget can be overshot by the calls that run, and by no more.
    pub fn charge(&self, units: u32) {
        if let Some(tab) = &self.0 {
            let add = |charged: u32| Some(charged.saturating_add(units));
            // It can't fail: `add` always has a value.
            let _ = tab.charged.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        }
    }

    /// How many units were left of the scarcest budget when this call was let in, less what it has charged so far; `None`
    /// without a budget.
    #[must_use]
    pub fn remaining(&self) -> Option<u32> {
        let tab = self.0.as_ref()?;
        left(&tab.taken).map(|left| left.saturating_sub(tab.charged.load(Ordering::Acquire)))
    }
}

fn left(asks: &[Ask]) -> Option<u32> {
    asks.iter().map(|ask| ask.left).min()
}

async fn charge(limits: &Limits, mut asks: Vec<Ask>, units: u32) -> Result<Vec<Ask>, Unavailable> {
    asks.iter_mut().for_each(|ask| ask.weight = units);
    limits.store().run(Op::Charge, &mut asks).await?;
    Ok(asks)
}

/// What is charged after the call has ended, by a function that goes on behind its timeout or whose caller went away, is
/// taken when nobody can charge any more.
impl Drop for Tab {
    fn drop(&mut self) {
        let units = *self.charged.get_mut();
        if units == 0 {
            return;
        }
        let (limits, taken) = (self.limits.clone(), std::mem::take(&mut self.taken));
        let late = async move {
            if charge(&limits, taken, units).await.is_err() {
                tracing::error!(units, "what a call charged could not be taken from its budgets");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(late)),
            Err(_) => tracing::error!(units, "what a call charged could not be taken: no runtime"),
        }
    }
}
