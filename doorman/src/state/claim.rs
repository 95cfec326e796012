//! What only one may take, for a time: a bucket that holds one and gets it back when the time is over.

use std::time::Duration;

use super::{Ask, Op, Place, Shape, Store, Unavailable};

/// A key that was free and is ours now. Dropping it keeps it taken until its time is over.
#[must_use = "a key that wasn't used should be given back"]
pub(crate) struct Claim {
    store: Store,
    ask: Ask,
    /// The store's time of the taking.
    at: u64,
}

impl Store {
    /// Claims a key for a time (100 days at most): only the first gets it, and nobody else until then. In a store of this
    /// host's that is full a free key may be refused, a taken one never comes free; a server that is full is
    /// [`Unavailable`].
    pub(crate) async fn claim(&self, purpose: u128, key: u128, ttl: Duration) -> Result<Option<Claim>, Unavailable> {
        let place = Place { rule: purpose, index: self.reserve(purpose), key: Some(purpose ^ key) };
        let once = Shape::rolling(1, ttl, 1);
        let mut asks = [Ask { place, shape: once, weight: 1, budget: false, left: 0 }];
        let answer = self.run(Op::Take, &mut asks).await?;
        let [ask] = asks;
        Ok(answer.refused.is_none().then(|| Claim { store: self.clone(), ask, at: answer.at }))
    }
}

impl Claim {
    /// Gives the key back, so that it can be claimed again. It does nothing once the time is over: somebody else may have
    /// it. If the store doesn't answer, the key stays taken.
    pub(crate) async fn give_back(self) {
        let Self { store, ask, at } = self;
        let _ = store.run(Op::GiveBack { since: at }, &mut [ask]).await;
    }
}
