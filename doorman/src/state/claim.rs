//! What only one may take, for a time: a bucket that holds one and gets it back when the time is over.

use std::time::Duration;

use super::{Ask, Op, Place, Shape, Store, Unavailable};

/// A key that was free and is ours now. Dropping it keeps it taken until its time is over.
#[must_use = "a key that wasn't used should be given back"]
pub(crate) struct Claim {
    store: Store,
    asks: [Ask; 2],
    /// The store's time of the taking.
    at: u64,
}

/// Who claims, and how many keys they may hold, so that nobody fills the store alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) claimer: u128,
    pub(crate) most: u32,
}

/// Why a key wasn't claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclaimed {
    /// It isn't free.
    Held,
    /// The claimer holds as many as it may; one is free again after this time.
    TooMany(Duration),
}

impl Store {
    /// Claims a key for a time (100 days at most): only the first gets it, and nobody else until then. In a store of this
    /// host's that is full a free key may be refused, a taken one never comes free; a server that is full is
    /// [`Unavailable`].
    pub(crate) async fn claim(
        &self,
        purpose: u128,
        key: u128,
        ttl: Duration,
        share: Share,
    ) -> Result<Result<Claim, Unclaimed>, Unavailable> {
        let ask = |rule: u128, key: u128, most: u32| {
            let place = Place { rule, index: self.reserve(rule), key: Some(rule ^ key) };
            Ask { place, shape: Shape::rolling(most, ttl, most), weight: 1, budget: false, left: 0 }
        };
        let mut asks = [ask(purpose, key, 1), ask(!purpose, share.claimer, share.most)];
        let answer = self.run(Op::Take, &mut asks).await?;
        Ok(match answer.refused {
            None => Ok(Claim { store: self.clone(), asks, at: answer.at }),
            Some((1, wait)) => Err(Unclaimed::TooMany(wait.unwrap_or(ttl))),
            Some(_) => Err(Unclaimed::Held),
        })
    }
}

impl Claim {
    /// Gives the key back, so that it can be claimed again. It does nothing once the time is over: somebody else may have
    /// it. If the store doesn't answer, the key stays taken.
    pub(crate) async fn give_back(self) {
        let Self { store, mut asks, at } = self;
        let _ = store.run(Op::GiveBack { since: at }, &mut asks).await;
    }
}
