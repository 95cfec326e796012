//! Cells in this process's memory: bounded, and never blocked by anything but each other.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Answer, Ask, Now, Op, Place, Shape,
    shape::{END_OF_TIME, idle_at},
    table::{Table, decide},
};
use crate::limits::{Clock, nanos};

/// How many cells each new key makes us look at to find some that are no longer needed. Two would do to keep up with any
/// stream of new callers; more keep the map close to what is active.
const SWEEP: usize = 16;

/// The memory of one process. Clones share it.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Inner>);

struct Inner {
    clock: Box<dyn Clock>,
    cells: Mutex<Cells>,
}

/// The cell that a place turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Fixed(usize),
    Key(u128),
}

/// About 40 bytes a key; an ordered map, because a sweep can go on where the last one stopped, and growing never copies
/// everything at once.
struct Cells {
    now: u64,
    utc: u64,
    fixed: Vec<u64>,
    reserved: HashMap<u128, usize>,
    keyed: BTreeMap<u128, u64>,
    most: usize,
    /// The last key that a sweep has seen.
    hand: u128,
    /// How many sweeps are due: one for each new key, found room or not. They wait for the next decision, so that no
    /// cell vanishes between being found and being committed.
    due: u32,
    /// How many new keys this decision has found already and may yet insert.
    pending: usize,
}

impl Memory {
    /// At most `most` keys are kept.
    pub(crate) fn new(clock: impl Clock, most: usize) -> Self {
        let cells = Cells {
            now: 0,
            utc: 0,
            fixed: Vec::new(),
            reserved: HashMap::new(),
            keyed: BTreeMap::new(),
            most,
            hand: 0,
            due: 0,
            pending: 0,
        };
        Self(Arc::new(Inner { clock: Box::new(clock), cells: Mutex::new(cells) }))
    }

    /// The number of a rule's own cell; the same rule gets the same cell.
    pub(crate) fn reserve(&self, rule: u128) -> usize {
        let mut cells = self.cells();
        let Cells { fixed, reserved, .. } = &mut *cells;
        *reserved.entry(rule).or_insert_with(|| {
            fixed.push(0);
            fixed.len() - 1
        })
    }

    pub(crate) fn run(&self, op: Op, asks: &mut [Ask]) -> Answer {
        let (reading, utc) = (self.0.clock.now(), self.utc(asks));
        let mut cells = self.cells();
        cells.utc = cells.utc.max(utc);
        let now = Now { ns: cells.tick(reading), utc };
        if op == Op::Peek {
            let Ok(answer) = decide(&mut Looking(&cells), op, now, asks);
            return answer;
        }
        let Ok(answer) = decide(&mut *cells, op, now, asks);
        answer
    }

    /// The calendar is looked at only where something asks for it.
    fn utc(&self, asks: &[Ask]) -> u64 {
        let asked = asks.iter().any(|ask| matches!(ask.shape, Shape::Window { .. }));
        if asked { nanos(self.0.clock.utc()).min(END_OF_TIME) } else { 0 }
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        // Nothing that runs under the lock can panic between two commits, so the counts of a poisoned lock hold.
        self.0.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.cells().keyed.len()
    }
}

impl Cells {
    /// Begins a decision. Returns its time, in ns: the clock's, but never earlier than that of a decision before.
    fn tick(&mut self, reading: Duration) -> u64 {
        self.now = self.now.max(nanos(reading).min(END_OF_TIME));
        for _ in 0..std::mem::take(&mut self.due) {
            self.sweep();
        }
        self.pending = 0;
        self.now
    }

    fn read(&self, slot: Slot) -> Option<u64> {
        match slot {
            Slot::Fixed(index) => self.fixed.get(index).copied(),
            Slot::Key(key) => self.keyed.get(&key).copied(),
        }
    }

    fn shared(&self, place: Place) -> u64 {
        self.fixed.get(place.index).copied().unwrap_or(0)
    }

    /// Looks at the next few keys and drops those that mean as much as none.
    fn sweep(&mut self) {
        let mut idle = [0; SWEEP];
        let (mut seen, mut dropped) = (0, 0);
        let now = Now { ns: self.now, utc: self.utc };
        for (&key, &value) in self.keyed.range((Bound::Excluded(self.hand), Bound::Unbounded)).take(SWEEP) {
            self.hand = key;
            seen += 1;
            if idle_at(value, now) <= self.now {
                idle[dropped] = key;
                dropped += 1;
            }
        }
        for key in &idle[..dropped] {
            self.keyed.remove(key);
        }
        if seen < SWEEP {
            self.hand = 0;
        }
    }
}

impl Table for Cells {
    type Slot = Slot;
    type Error = Infallible;

    fn find(&mut self, place: Place, now: Now) -> Result<(Slot, u64), Infallible> {
        let Some(key) = place.key else { return Ok((Slot::Fixed(place.index), self.shared(place))) };
        if let Some(value) = self.read(Slot::Key(key)) {
            return Ok((Slot::Key(key), value));
        }
        self.due += 1;
        let shared = self.shared(place);
        if self.keyed.len() + self.pending >= self.most {
            // Full of active keys. None of them is given up for a newcomer, or an exhausted caller could free itself
            // by inventing others (D30); newcomers share one cell until there is room.
            return Ok((Slot::Fixed(place.index), shared));
        }
        self.pending += 1;
        // A caller that was let in through the shared cell doesn't get a full bucket on top of it.
        Ok((Slot::Key(key), if idle_at(shared, now) > now.ns { shared } else { 0 }))
    }

    fn commit(&mut self, cells: impl Iterator<Item = (Slot, u64)>, _: Now) -> Result<(), Infallible> {
        for (slot, value) in cells {
            match slot {
                Slot::Fixed(index) => {
                    if let Some(cell) = self.fixed.get_mut(index) {
                        *cell = value;
                    }
                }
                Slot::Key(key) => {
                    self.keyed.insert(key, value);
                }
            }
        }
        Ok(())
    }
}

/// For a question that leads to no commit: remembers nothing.
struct Looking<'c>(&'c Cells);

impl Table for Looking<'_> {
    type Slot = ();
    type Error = Infallible;

    fn find(&mut self, place: Place, _: Now) -> Result<((), u64), Infallible> {
        let own = place.key.and_then(|key| self.0.read(Slot::Key(key)));
        Ok(((), own.unwrap_or_else(|| self.0.shared(place))))
    }

    fn commit(&mut self, _: impl Iterator<Item = ((), u64)>, _: Now) -> Result<(), Infallible> {
        Ok(())
    }
}
