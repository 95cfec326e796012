//! State: the counts behind limits.
//!
//! In comes a batch of questions about cells, each with its [`Shape`]; out goes one decision about all of them, by the
//! store's own clock: all are taken or none. `shape` is the arithmetic, `table` the decision over anything that cells can
//! be found in, `memory` the cells of one process.

mod memory;
mod shape;
mod table;

use std::time::Duration;

pub(crate) use self::{
    memory::Memory,
    shape::{Now, Probe, Shape},
    table::Place,
};

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
