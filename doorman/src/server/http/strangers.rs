//! How often somebody may come with a token that doesn't verify, by address: in a table of one size, whoever comes (S27).

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    forwarded::{Place, Proxies},
    refuse::Refused,
};

/// How many failures in a row an address has.
const BURST: u64 = 30;
/// It gets back one in this time.
const EACH: Duration = Duration::from_millis(200);
/// The cells of a row.
const CELLS: usize = 4096;
/// Each address has one cell in each row and is held up only if all of them are: to hold up another one takes addresses
/// that share each of its cells, and the seeds of the rows are random.
const ROWS: usize = 2;

/// Failed authentications by address. A cell holds the time, in milliseconds, until which its failures count; nothing is
/// ever thrown out, so nobody gets rid of what he has done by coming from elsewhere, too.
pub(in crate::server) struct Strangers {
    proxies: Arc<Proxies>,
    begun: Instant,
    rows: [(RandomState, Box<[AtomicU64]>); ROWS],
}

impl Strangers {
    pub(super) fn new(proxies: Arc<Proxies>) -> Self {
        let row = || (RandomState::new(), (0..CELLS).map(|_| AtomicU64::new(0)).collect());
        Self { proxies, begun: Instant::now(), rows: [row(), row()] }
    }

    /// Whether somebody at this address may try another token. To be asked before a token is verified that isn't known.
    pub(super) fn may_try(&self, peer: Option<IpAddr>) -> Result<(), Refused> {
        self.may_try_at(peer, self.now())
    }

    /// Notes that a token from this address didn't verify, or isn't known to.
    pub(super) fn failed(&self, peer: Option<IpAddr>) {
        self.failed_at(peer, self.now());
    }

    /// Takes that back: the token was good after all.
    pub(super) fn forgive(&self, peer: Option<IpAddr>) {
        let Some(place) = self.place(peer) else { return };
        for cell in self.cells(place) {
            let _ = cell
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| Some(until.saturating_sub(millis(EACH))));
        }
    }

    fn may_try_at(&self, peer: Option<IpAddr>, now: u64) -> Result<(), Refused> {
        let Some(place) = self.place(peer) else { return Ok(()) };
        let until = self.cells(place).map(|cell| cell.load(Ordering::Relaxed)).min().unwrap_or_default();
        // One more has room from then on.
        let free = until.saturating_sub((BURST - 1) * millis(EACH));
        match free.saturating_sub(now) {
            0 => Ok(()),
            wait => Err(Refused::TooManyAttempts(Duration::from_millis(wait))),
        }
    }

    fn failed_at(&self, peer: Option<IpAddr>, now: u64) {
        let Some(place) = self.place(peer) else { return };
        // However many are tried at once, an address is free again when the burst has passed.
        let most = now + BURST * millis(EACH);
        for cell in self.cells(place) {
            let add = |until: u64| Some((until.max(now) + millis(EACH)).min(most));
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        }
    }

    /// Callers whose address isn't known, or isn't theirs, aren't told apart: one would hold up all.
    fn place(&self, peer: Option<IpAddr>) -> Option<Place> {
        peer.filter(|peer| !self.proxies.may_hide(*peer)).map(Place::of)
    }

    fn cells(&self, place: Place) -> impl Iterator<Item = &AtomicU64> {
        self.rows.iter().map(move |(seed, cells)| &cells[seed.hash_one(place) as usize % CELLS])
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn strangers() -> Strangers {
        Strangers::new(Arc::default())
    }

    fn at(number: u32) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(0x2000_0000 + number).into())
    }

    #[test]
    fn s27_after_a_burst_an_address_waits() {
        let strangers = strangers();
        for _ in 0..BURST {
            assert!(strangers.may_try_at(at(1), 0).is_ok());
            strangers.failed_at(at(1), 0);
        }
        let wait = strangers.may_try_at(at(1), 0).unwrap_err();
        assert!(matches!(wait, Refused::TooManyAttempts(wait) if wait == EACH));
        assert!(strangers.may_try_at(at(1), 199).is_err() && strangers.may_try_at(at(1), 200).is_ok());
        assert!(strangers.may_try_at(at(2), 0).is_ok(), "another one doesn't");
        for _ in 0..10_000 {
            strangers.failed_at(at(1), 0);
        }
        assert!(strangers.may_try_at(at(1), 200).is_ok(), "what fails at once isn't held against it for long");
    }

    #[test]
    fn s27_many_addresses_free_nobody_and_hold_up_few() {
        let strangers = strangers();
        for _ in 0..BURST {
            strangers.failed_at(at(0), 0);
        }
        for number in 1..=1_000 {
            (0..BURST).for_each(|_| strangers.failed_at(at(number), 0));
        }
        assert!((0..=1_000).all(|number| strangers.may_try_at(at(number), 0).is_err()));
        let held_up = (1_000_000..1_010_000).filter(|number| strangers.may_try_at(at(*number), 0).is_err()).count();
        assert!(held_up < 1_000, "{held_up} of 10,000");
    }

    #[test]
    fn s27_an_ipv6_network_is_one_place() {
        let strangers = strangers();
        let host = |network: u128, host: u128| {
            Some(IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + (network << 64) + host)))
        };
        (0..u128::from(BURST)).for_each(|number| strangers.failed_at(host(1, number), 0));
        assert!(strangers.may_try_at(host(1, 4711), 0).is_err());
        assert!(strangers.may_try_at(host(2, 1), 0).is_ok());
    }

    #[test]
    fn who_cannot_be_told_apart_is_not_held_up() {
        let strangers = strangers();
        for peer in [None, Some(Ipv4Addr::LOCALHOST.into())] {
            (0..100).for_each(|_| strangers.failed_at(peer, 0));
            assert!(strangers.may_try_at(peer, 0).is_ok());
        }
    }
}
