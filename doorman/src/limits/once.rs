//! What may be used only once, by whichever process that shares the store comes first.

use std::time::Duration;

use super::{CallerKey, Exceeded, Kind, Limits, Unavailable, caller::Digest};
use crate::state::{Claim, Share, Unclaimed};

/// How many ids of one caller can be taken at a time: a tenth of what the store in memory holds.
const MOST_OF_CALLER: u32 = 10_000;

/// An id that was free and is taken now, until its time is over.
#[must_use = "what wasn't used should be given back"]
pub(crate) struct Taken(Claim);

/// Why an id wasn't taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Somebody has it.
    Before,
    /// The caller has too many.
    TooMany(Exceeded),
}

impl Limits {
    /// Takes an id for a time, if nobody else has: of all who try, in all processes that share the store, one gets it. The
    /// time must reach as far as the id is good for (100 days at most), for then it can be taken again.
    ///
    /// Memory or a file full of counts that are in use may refuse an id that is free, and never lets one be taken twice;
    /// so that no caller fills it alone, each has 10,000 at most.
    ///
    /// # Errors
    /// The store doesn't answer, or is a server that is full. Then the id may have been taken.
    pub(crate) async fn take_once(
        &self,
        caller: CallerKey,
        id: &[u8; 16],
        ttl: Duration,
    ) -> Result<Result<Taken, NotTaken>, Unavailable> {
        let purpose = Digest::new(9).finish();
        let key = Digest::new(10).bytes(id).finish();
        let share = Share { claimer: caller.0, most: MOST_OF_CALLER };
        let claimed = self.store().claim(purpose, key, ttl, share).await?;
        Ok(claimed.map(Taken).map_err(|unclaimed| match unclaimed {
            Unclaimed::Held => NotTaken::Before,
            Unclaimed::TooMany(wait) => {
                let rule = format!("{MOST_OF_CALLER}/{}s per_caller of calls that ask", ttl.as_secs());
                NotTaken::TooMany(Exceeded { rule, kind: Kind::Rate, retry_after: Some(wait) })
            }
        }))
    }
}

impl Taken {
    /// Gives the id back because it wasn't used: it can be taken again. If the store doesn't answer, it stays taken.
    pub(crate) async fn give_back(self) {
        self.0.give_back().await;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::{
        StateStore,
        limits::{Manual, Quotas, now::Now},
    };

    const ALICE: CallerKey = CallerKey(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn in_memory(most: usize) -> (Limits, Manual) {
        let clock = Manual::default();
        (Limits::new(clock.clone(), &Quotas { max_cells: most, ..Quotas::default() }), clock)
    }

    /// As another process would open it.
    async fn in_file(folder: &Path, application: &str) -> Limits {
        let store = StateStore::file(folder.join("state"));
        Limits::open(&store, application, &Quotas::default()).await.expect("a file")
    }

    fn takes(limits: &Limits, id: u8) -> bool {
        limits.take_once(ALICE, &[id; 16], MINUTE).now().is_ok()
    }

    #[test]
    fn s25_an_id_is_taken_once_and_for_its_time() {
        let (limits, clock) = in_memory(100);
        assert!(takes(&limits, 1) && !takes(&limits, 1) && !takes(&limits.clone(), 1));
        assert!(takes(&limits, 2), "another id");
        clock.advance(MINUTE - Duration::from_nanos(1));
        assert!(!takes(&limits, 1));
        clock.advance(Duration::from_nanos(1));
        assert!(takes(&limits, 1) && !takes(&limits, 1));
        clock.set(Duration::ZERO);
        assert!(!takes(&limits, 1), "a clock that goes back frees nothing");
    }

    #[test]
    fn what_is_given_back_is_free_again_once() {
        let (limits, clock) = in_memory(100);
        let taken = limits.take_once(ALICE, &[1; 16], MINUTE).now().expect("free");
        clock.advance(SECOND);
        taken.give_back().now();
        assert!(takes(&limits, 1) && !takes(&limits, 1));
    }

    #[test]
    fn s25_what_is_given_back_late_frees_nobody_elses() {
        let (limits, clock) = in_memory(100);
        let late = limits.take_once(ALICE, &[1; 16], MINUTE).now().expect("free");
        clock.advance(MINUTE);
        assert!(takes(&limits, 1), "its time is over, and somebody else takes it");
        late.give_back().now();
        assert!(!takes(&limits, 1));
    }

    #[test]
    fn s25_a_full_store_refuses_and_lets_nothing_be_taken_twice() {
        // Two, and the count of what she has.
        let (limits, clock) = in_memory(3);
        let first = limits.take_once(ALICE, &[1; 16], MINUTE).now().expect("free");
        let _ = takes(&limits, 2);
        // The third gets what newcomers share; nobody who comes after it does.
        assert!(takes(&limits, 3));
        assert!((1..=9).all(|id| !takes(&limits, id)));
        // Room for one doesn't make the third one free.
        first.give_back().now();
        assert!(!takes(&limits, 3));
        clock.advance(MINUTE);
        assert!(takes(&limits, 4) && takes(&limits, 5));
    }

    #[test]
    fn s23_nobody_fills_the_store_alone() {
        let (limits, clock) = in_memory(100_000);
        let take = |caller, id: u32| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&id.to_be_bytes());
            limits.take_once(caller, &bytes, MINUTE).now()
        };
        assert!((1..MOST_OF_CALLER).all(|id| take(ALICE, id).is_ok()));
        let last = take(ALICE, MOST_OF_CALLER).expect("the last");
        let Err(NotTaken::TooMany(exceeded)) = take(ALICE, 0) else { panic!("one too many") };
        assert!(exceeded.retry_after.is_some_and(|wait| wait > Duration::ZERO && wait <= MINUTE));
        assert!(matches!(take(CallerKey(2), MOST_OF_CALLER), Err(NotTaken::Before)), "it is still taken");
        assert!(take(CallerKey(2), 0).is_ok(), "somebody else");
        last.give_back().now();
        assert!(take(ALICE, MOST_OF_CALLER).is_ok() && take(ALICE, MOST_OF_CALLER + 1).is_err());
        clock.advance(MINUTE);
        assert!(take(ALICE, MOST_OF_CALLER + 1).is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn s25_of_many_takers_one_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let (memory, _) = in_memory(100);
        let shared = [in_file(folder.path(), "a").await, in_file(folder.path(), "a").await];
        for stores in [&[memory][..], &shared] {
            for id in 0..8 {
                let won = AtomicUsize::new(0);
                let takers = (0..64).map(|taker| {
                    let limits = stores[taker % stores.len()].clone();
                    tokio::spawn(async move { limits.take_once(ALICE, &[id; 16], MINUTE).await })
                });
                for taker in takers.collect::<Vec<_>>() {
                    // A file whose lock was held for too long refuses; nobody must win by that.
                    if let Ok(Ok(_)) = taker.await.expect("no panic") {
                        won.fetch_add(1, Ordering::SeqCst);
                    }
                }
                assert_eq!(won.into_inner(), 1, "id {id}");
            }
        }
    }

    #[tokio::test]
    async fn s25_processes_of_a_host_share_what_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (in_file(folder.path(), "a").await, in_file(folder.path(), "a").await);
        let taken = one.take_once(ALICE, &[1; 16], MINUTE).await.expect("it answers").expect("free");
        assert!(two.take_once(ALICE, &[1; 16], MINUTE).await.expect("it answers").is_err());
        drop(two);
        let again = in_file(folder.path(), "a").await;
        assert!(again.take_once(ALICE, &[1; 16], MINUTE).await.expect("it answers").is_err(), "after a restart");
        let other = in_file(folder.path(), "b").await;
        assert!(other.take_once(ALICE, &[1; 16], MINUTE).await.expect("it answers").is_ok(), "another application");
        taken.give_back().await;
        assert!(again.take_once(ALICE, &[1; 16], MINUTE).await.expect("it answers").is_ok());
    }

    #[tokio::test]
    async fn s24_a_store_that_is_down_lets_nothing_be_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = in_file(folder.path(), "a").await;
        std::fs::write(folder.path().join("state"), "damaged").expect("written");
        assert!(limits.take_once(ALICE, &[1; 16], MINUTE).await.is_err());
    }
}
