//! A decision about a batch, over anything that cells can be found in: memory and the file decide alike.

use super::{Answer, Ask, Now, Op, Probe};

/// Where the count of a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The rule's own cell: its count, or for a rule of many what newcomers share when there is no more room.
    pub(crate) rule: u128,
    /// The same, by its number in memory.
    pub(crate) index: usize,
    /// The cell of one of many: a caller, an agent, a tenant.
    pub(crate) key: Option<u128>,
}

/// Cells that can be looked at and changed while nobody else can.
pub(super) trait Table {
    type Slot: Copy;
    type Error;

    /// Finds the cell of a place and what it holds; 0 is an untouched one. Nothing vanishes that a batch has found.
    fn find(&mut self, place: Place, now: Now) -> Result<(Self::Slot, u64), Self::Error>;

    /// Sets what cells hold: all of them, or none.
    fn commit(&mut self, cells: impl Iterator<Item = (Self::Slot, u64)>, now: Now) -> Result<(), Self::Error>;
}

/// Does what is asked, all or nothing.
pub(super) fn decide<T: Table>(table: &mut T, op: Op, now: Now, asks: &mut [Ask]) -> Result<Answer, T::Error> {
    /// Batches of up to so many are decided without an allocation: eight rules on one call are plenty.
    const USUAL: usize = 8;
    let mut few = [const { None }; USUAL];
    let mut many;
    let found: &mut [Option<(T::Slot, u64)>] = if asks.len() <= USUAL {
        &mut few[..asks.len()]
    } else {
        many = vec![None; asks.len()];
        &mut many
    };
    let mut answer = Answer { at: now.ns, refused: None };
    for (index, (ask, found)) in asks.iter_mut().zip(&mut *found).enumerate() {
        let (slot, old) = table.find(ask.place, now)?;
        let new = match op {
            Op::Take => match ask.shape.probe(now, old, ask.weight) {
                Probe::Fits(new) => new,
                Probe::Wait(wait) => {
                    answer.refuse(index, Some(wait));
                    old
                }
                Probe::Never => {
                    answer.refuse(index, None);
                    old
                }
            },
            Op::GiveBack { since } => ask.shape.give_back(now, old, ask.weight, since),
            Op::Charge => ask.shape.charge(now, old, ask.weight),
            Op::Peek => old,
        };
        ask.left = ask.shape.left(now, new);
        *found = Some((slot, new)).filter(|_| new != old);
    }
    if answer.refused.is_none() {
        let changed = found.iter().flatten().copied();
        table.commit(changed, now)?;
    }
    Ok(answer)
}
