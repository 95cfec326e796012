//! The cells while this process holds the lock.
//!
//! A key is in one of two groups, in any of their cells. A cell whose value means as much as none is free. What is written
//! are single cells, each whole: a process that is killed between two of them has taken from some limits and not from
//! others, which lets nobody in.

use std::{io, os::unix::fs::FileExt};

use super::{
    layout::{self, CELL, GROUP, HEAD, HEADER, Noted, RULES, broken, mix},
    open::Opened,
};
use crate::{
    limits::{Clock, nanos},
    state::{
        Now, Place,
        shape::{END_OF_TIME, idle_at},
        table::Table,
    },
};

/// The file's time is noted when it is further than this from what is noted.
const NOTE: u64 = 1_000_000_000;

/// Most batches find no more cells than this.
const USUAL: usize = 16;

pub(super) struct Locked<'f> {
    opened: &'f Opened,
    application: u128,
    now: Now,
    /// The cells that this batch has found, which nobody else in it may get.
    found: Vec<u64>,
}

/// A cell, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    index: u64,
    key: u128,
}

enum Found {
    Here(Slot, u64),
    Room(Slot),
    Full,
}

impl<'f> Locked<'f> {
    /// Reads the header and the clocks.
    pub(super) fn new(opened: &'f Opened, application: u128, clock: &dyn Clock) -> io::Result<Self> {
        let mut bytes = [0; HEAD];
        opened.file.read_exact_at(&mut bytes, 0)?;
        let (shape, noted) = layout::read_header(&bytes)?;
        if shape != opened.shape {
            return Err(broken("its header has changed"));
        }
        let system = nanos(clock.now()).min(END_OF_TIME);
        // Within a boot the file's time goes on as the system's does; a clock that goes back lets it stand still. A new
        // boot begins a new count of the system's, and nobody knows how long the system was off.
        let rebooted = noted.boot != opened.boot || opened.boot == 0 && system < noted.system;
        let since = if rebooted { 0 } else { system.saturating_sub(noted.system) };
        let ns = noted.ns.saturating_add(since).min(END_OF_TIME);
        if rebooted || since > NOTE {
            let noted = Noted { ns, system, boot: opened.boot };
            opened.file.write_all_at(&layout::note(noted), HEAD as u64 - 32)?;
        }
        let utc = nanos(clock.utc()).min(END_OF_TIME);
        Ok(Self { opened, application, now: Now { ns, utc }, found: Vec::with_capacity(USUAL) })
    }

    pub(super) fn now(&self) -> Now {
        self.now
    }

    /// Finds a key among the cells from `first` on, or room for it.
    fn look(&self, first: u64, cells: u64, key: u128) -> io::Result<Found> {
        let groups = cells / GROUP as u64;
        let salted = key ^ self.opened.shape.salt;
        let homes = [mix(salted as u64) % groups, mix((salted >> 64) as u64) % groups];
        let mut room: Option<(usize, u64)> = None;
        for home in homes {
            let first = first + home * GROUP as u64;
            let mut bytes = [0; CELL * GROUP];
            self.opened.file.read_exact_at(&mut bytes, HEADER + first * CELL as u64)?;
            let mut free = (0, None);
            for (index, bytes) in (first..).zip(bytes.chunks_exact(CELL)) {
                match layout::read_cell(index, bytes)? {
                    Some((its, value)) if its == key => return Ok(Found::Here(Slot { index, key }, value)),
                    Some((_, value)) if idle_at(value, self.now) > self.now.ns => {}
                    _ if self.found.contains(&index) => {}
                    _ => free = (free.0 + 1, free.1.or(Some(index))),
                }
            }
            // The emptier of the two: so both stay far from full.
            if let (free, Some(index)) = free
                && room.is_none_or(|(known, _)| free > known)
            {
                room = Some((free, index));
            }
        }
        Ok(room.map_or(Found::Full, |(_, index)| Found::Room(Slot { index, key })))
    }

    /// The rule's own cell.
    fn shared(&self, place: Place) -> io::Result<(Slot, u64)> {
        match self.look(0, RULES, place.rule ^ self.application)? {
            Found::Here(slot, value) => Ok((slot, value)),
            Found::Room(slot) => Ok((slot, 0)),
            Found::Full => Err(io::Error::other("it has no more room for rules")),
        }
    }

    fn of_key(&self, place: Place, key: u128) -> io::Result<(Slot, u64)> {
        match self.look(RULES, self.opened.shape.keys, key ^ self.application)? {
            Found::Here(slot, value) => Ok((slot, value)),
            Found::Room(slot) => {
                let (_, shared) = self.shared(place)?;
                // A caller that was let in through the shared cell doesn't get a full bucket on top of it.
                Ok((slot, if idle_at(shared, self.now) > self.now.ns { shared } else { 0 }))
            }
            // Full of active keys, none of which is given up for a newcomer (D30): newcomers share one cell.
            Found::Full => self.shared(place),
        }
    }
}

impl Table for Locked<'_> {
    type Slot = Slot;
    type Error = io::Error;

    fn find(&mut self, place: Place, _: Now) -> io::Result<(Slot, u64)> {
        let found = match place.key {
            Some(key) => self.of_key(place, key)?,
            None => self.shared(place)?,
        };
        self.found.push(found.0.index);
        Ok(found)
    }

    fn commit(&mut self, cells: impl Iterator<Item = (Slot, u64)>, _: Now) -> io::Result<()> {
        for (Slot { index, key }, value) in cells {
            let bytes = layout::cell(index, key, value);
            self.opened.file.write_all_at(&bytes, HEADER + index * CELL as u64)?;
        }
        Ok(())
    }
}
