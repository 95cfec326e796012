//! The counts: for each rule and caller one number, the time at which its bucket is full again (GCRA's TAT, in ns).

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::Duration;

use super::clock::nanos;

/// How many cells each new key makes us look at to find some that are no longer needed. Two would do to keep up with any
/// stream of new callers; more keep the map close to what is active.
const SWEEP: usize = 16;

/// The latest time that is told apart, about 292 years: no window added to it can overflow.
const END_OF_TIME: u64 = u64::MAX / 2;

/// Where the count of a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a cell that was there from the start.
    Fixed(usize),
    /// In a cell of this key; in the fixed cell `overflow` when there is no room for one more key.
    Keyed { key: u128, overflow: usize },
}

/// The cell that a place turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Fixed(usize),
    Key(u128),
}

/// All counts of one [`Limits`](super::Limits). About 40 bytes a key; an ordered map, because a sweep can go on where
/// the last one stopped, and growing never copies everything at once.
#[derive(Debug)]
pub(super) struct Cells {
    now: u64,
    fixed: Vec<u64>,
    reserved: HashMap<u128, usize>,
    keyed: BTreeMap<u128, u64>,
    max_keyed: usize,
    /// The last key that a sweep has seen.
    hand: u128,
    /// How many sweeps are due: one for each new key, found room or not. They wait for the next decision, so that no
    /// cell vanishes between being found and being committed.
    due: u32,
}

impl Cells {
    /// At most `max_keyed` keys are kept.
    pub(super) fn new(max_keyed: usize) -> Self {
        Self { now: 0, fixed: Vec::new(), reserved: HashMap::new(), keyed: BTreeMap::new(), max_keyed, hand: 0, due: 0 }
    }

    /// The fixed cell of this id; the same id gets the same cell.
    pub(super) fn reserve(&mut self, id: u128) -> usize {
        *self.reserved.entry(id).or_insert_with(|| {
            self.fixed.push(0);
            self.fixed.len() - 1
        })
    }

    /// Begins a decision. Returns its time, in ns: the clock's, but never earlier than that of a decision before.
    pub(super) fn tick(&mut self, reading: Duration) -> u64 {
        self.now = self.now.max(nanos(reading).min(END_OF_TIME));
        for _ in 0..std::mem::take(&mut self.due) {
            self.sweep();
        }
        self.now
    }

    /// Finds the cell of a place and what it holds; `None` is a full bucket. Creates nothing. `pending` is how many
    /// new keys this decision has found already and may yet insert.
    pub(super) fn find(&mut self, place: Place, pending: &mut usize) -> (Slot, Option<u64>) {
        let (key, overflow) = match place {
            Place::Fixed(index) => return (Slot::Fixed(index), self.read(Slot::Fixed(index))),
            Place::Keyed { key, overflow } => (key, overflow),
        };
        if let Some(tat) = self.read(Slot::Key(key)) {
            return (Slot::Key(key), Some(tat));
        }
        self.due += 1;
        let shared = self.read(Slot::Fixed(overflow));
        if self.keyed.len() + *pending >= self.max_keyed {
            // Full of active keys. None of them is given up for a newcomer, or an exhausted caller could free itself
            // by inventing others (D30); newcomers share one cell until there is room.
            return (Slot::Fixed(overflow), shared);
        }
        *pending += 1;
        // A caller that was let in through the shared cell doesn't get a full bucket on top of it.
        (Slot::Key(key), shared.filter(|&tat| tat > self.now))
    }

    /// What the cell of a place would hold, for a question that leads to no commit.
    pub(super) fn peek(&self, place: Place) -> Option<u64> {
        match place {
            Place::Fixed(index) => self.read(Slot::Fixed(index)),
            Place::Keyed { key, overflow } => self.read(Slot::Key(key)).or_else(|| self.read(Slot::Fixed(overflow))),
        }
    }

    /// Sets what a cell holds.
    pub(super) fn commit(&mut self, slot: Slot, tat: u64) {
        match slot {
            Slot::Fixed(index) => {
                if let Some(cell) = self.fixed.get_mut(index) {
                    *cell = tat;
                }
            }
            Slot::Key(key) => {
                self.keyed.insert(key, tat);
            }
        }
    }

    /// Gives back what was taken at `since`: the time it added, less the time that has passed, because that much has
    /// been refilled already. So the bucket holds at most what it would without the call.
    pub(super) fn give_back(&mut self, slot: Slot, added: u64, since: u64) {
        let unfilled = added.saturating_sub(self.now.saturating_sub(since));
        // A key that is gone was full, there is nothing to give back to.
        if let Some(tat) = self.read(slot) {
            self.commit(slot, tat.saturating_sub(unfilled));
        }
    }

    /// How many keys are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.keyed.len()
    }

    fn read(&self, slot: Slot) -> Option<u64> {
        match slot {
            Slot::Fixed(index) => self.fixed.get(index).copied(),
            Slot::Key(key) => self.keyed.get(&key).copied(),
        }
    }

    /// Looks at the next few keys and drops those whose bucket is full: an absent key means the same.
    fn sweep(&mut self) {
        let mut full = [0; SWEEP];
        let (mut seen, mut dropped) = (0, 0);
        for (&key, &tat) in self.keyed.range((Bound::Excluded(self.hand), Bound::Unbounded)).take(SWEEP) {
            self.hand = key;
            seen += 1;
            if tat <= self.now {
                full[dropped] = key;
                dropped += 1;
            }
        }
        for key in &full[..dropped] {
            self.keyed.remove(key);
        }
        if seen < SWEEP {
            self.hand = 0;
        }
    }
}
