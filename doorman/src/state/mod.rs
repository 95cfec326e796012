//! State: the counts behind limits, in one process or shared by several.
//!
//! In comes a batch of questions about cells, each with its [`Shape`]; out goes one decision about all of them, by the
//! store's own clock: all are taken or none. `shape` is the arithmetic, `table` the decision over anything that cells can
//! be found in, `claim` what only one may take, `memory` the cells of one process, `file` those of one host, `redis` those of many. `select` says which.
//! A store that doesn't answer is [`Unavailable`], and what needs it is refused.

mod claim;
mod file;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod select;
mod shape;
mod table;
mod watch;

use std::{sync::Arc, time::Duration};

pub use self::select::{InvalidStore, StateStore};
pub(crate) use self::{
    claim::{Claim, Share, Unclaimed},
    memory::Memory,
    shape::{Now, Probe, Shape},
    table::Place,
};

/// How long a store may take to answer before the call is refused.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// One cell in a batch: what is asked of it, and what it holds afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) place: Place,
    pub(crate) shape: Shape,
    pub(crate) weight: u32,
    /// Whether it is a budget: those are given back, charged and shown.
    pub(crate) budget: bool,
    /// How many units are left, once the store has answered.
    pub(crate) left: u32,
}

/// What is done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Take each one's weight, if all of them have it.
    Take,
    /// Give each one's weight back that was taken at this time, less what has been refilled since.
    GiveBack {
        /// The store's time of the taking, in ns.
        since: u64,
    },
    /// Take each one's weight, whether it has it or not.
    Charge,
    /// Only look.
    Peek,
}

/// What a store answers to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The store's time in ns.
    pub(crate) at: u64,
    /// Which refused, and the time to wait; `None` of a time: no time is enough. Of several, the longest wait.
    pub(crate) refused: Option<(usize, Option<Duration>)>,
}

impl Answer {
    /// Of several refusals the one with the longest wait is told, so that whoever waits isn't sent away again.
    fn refuse(&mut self, index: usize, wait: Option<Duration>) {
        let forever = |wait: Option<Duration>| wait.unwrap_or(Duration::MAX);
        if self.refused.is_none_or(|(_, known)| forever(wait) > forever(known)) {
            self.refused = Some((index, wait));
        }
    }
}

/// The store didn't answer in time, or not in a way that can be understood. Why is in the operator's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limits can't be checked at the moment, so nothing runs; try again later")]
pub struct Unavailable;

/// Where counts are kept. Clones share them.
#[derive(Clone)]
pub(crate) enum Store {
    Memory(Memory),
    File(Arc<file::SharedFile>),
    #[cfg(feature = "redis")]
    Redis(Arc<redis::Redis>),
}

impl Store {
    /// One decision about all that is asked. In memory it is made at once.
    pub(crate) async fn run(&self, op: Op, asks: &mut [Ask]) -> Result<Answer, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.run(op, asks)),
            // Boxed, so that a call that needs no I/O doesn't carry their futures.
            Self::File(file) => Box::pin(file.run(op, asks)).await,
            #[cfg(feature = "redis")]
            Self::Redis(redis) => Box::pin(redis.run(op, asks)).await,
        }
    }

    /// Connects where there is something to connect to. That a store can't be reached yet keeps no server from starting:
    /// calls are refused until it can.
    pub(crate) async fn start(&self) {
        #[cfg(feature = "redis")]
        if let Self::Redis(redis) = self {
            redis.start().await;
        }
    }

    /// The number of a rule's own cell, where cells are numbered.
    pub(crate) fn reserve(&self, rule: u128) -> usize {
        match self {
            Self::Memory(memory) => memory.reserve(rule),
            Self::File(_) => 0,
            #[cfg(feature = "redis")]
            Self::Redis(_) => 0,
        }
    }

    /// Whether it answered when it was last asked; `None` for this process's memory, which always does.
    pub(crate) fn answers(&self) -> Option<bool> {
        match self {
            Self::Memory(_) => None,
            Self::File(file) => Some(file.answers()),
            #[cfg(feature = "redis")]
            Self::Redis(redis) => Some(redis.answers()),
        }
    }
}
