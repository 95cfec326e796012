use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::PathBuf,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{SharedFile, layout};
use crate::{
    limits::{Manual, now::Now},
    state::{Ask, Op, Place, Shape, Share, Store},
};

struct Folder {
    folder: tempfile::TempDir,
    clock: Manual,
}

impl Folder {
    fn new() -> Self {
        let clock = Manual::default();
        clock.set(Duration::from_secs(100));
        Self { folder: tempfile::tempdir().expect("a folder"), clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("limits")
    }

    /// As another process would open it.
    fn open(&self, keys: usize) -> Store {
        Store::File(SharedFile::open(&self.path(), keys, 7, self.clock.clone()).expect("a file").into())
    }

    fn error(&self) -> String {
        let opened = SharedFile::open(&self.path(), 100, 7, self.clock.clone());
        opened.err().map(|error| error.to_string()).unwrap_or_default()
    }
}

fn ask(rule: u128, key: Option<u128>, count: u32, window: u64) -> Ask {
    let place = Place { rule, index: 0, key: key.map(|key| digest(rule ^ key)) };
    Ask { place, shape: Shape::rolling(count, Duration::from_secs(window), count), weight: 1, budget: true, left: 0 }
}

/// Keys are digests, so they are spread.
fn digest(number: u128) -> u128 {
    crate::limits::digest(&number.to_string())
}

fn take(store: &Store, asks: &[Ask]) -> bool {
    store.run(Op::Take, &mut asks.to_vec()).now().refused.is_none()
}

#[test]
fn s23_two_openings_of_a_file_hold_one_limit_also_after_a_restart() {
    let folder = Folder::new();
    let (one, two) = (folder.open(100), folder.open(100));
    let asks = [ask(1, Some(5), 4, 60), ask(2, None, 9, 60)];
    let passed = (0..10).filter(|n| take(if n % 2 == 0 { &one } else { &two }, &asks)).count();
    assert_eq!(passed, 4);
    drop((one, two));
    let again = folder.open(100);
    assert!(!take(&again, &asks));
    // A refused batch took nothing from the rule that had some left.
    let mut left = [ask(2, None, 9, 60)];
    again.run(Op::Peek, &mut left).now();
    assert_eq!(left[0].left, 5);
    folder.clock.advance(Duration::from_secs(15));
    assert!(take(&again, &asks) && !take(&again, &asks), "one comes back each 15 s");
    let other = SharedFile::open(&folder.path(), 100, 8, folder.clock.clone()).expect("a file");
    assert!(take(&Store::File(other.into()), &asks), "another application has counts of its own");
}

#[test]
fn s23_at_most_burst_plus_rate_in_any_time_under_64_threads_and_clock_steps() {
    const THREADS: u64 = 64;
    let folder = Folder::new();
    let stores: Vec<Store> = (0..4).map(|_| folder.open(100)).collect();
    let rule = [Ask { shape: Shape::rolling(7, Duration::from_secs(60), 5), ..ask(1, Some(1), 1, 1) }];
    let (mut random, mut latest, mut now, mut passed) = (12_345_u64, 100_000, 100_000, Vec::new());
    for _ in 0..40 {
        let (count, barrier) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (store, count, barrier, rule) = (&stores[thread as usize % 4], &count, &barrier, &rule);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
                    barrier.wait();
                    for _ in 0..2 {
                        let took = runtime.block_on(store.run(Op::Take, &mut rule.to_vec()));
                        // Too slow is refused; it must only never be too much.
                        count.fetch_add(u64::from(took.is_ok_and(|it| it.refused.is_none())), Ordering::SeqCst);
                    }
                });
            }
        });
        passed.push((latest, count.into_inner()));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        now = if random >> 60 == 0 { now / 2 } else { now + (random >> 33) % 30_000 };
        latest = latest.max(now);
        folder.clock.set(Duration::from_millis(now));
    }
    for (i, &(from, _)) in passed.iter().enumerate() {
        let mut sum = 0;
        for &(to, count) in &passed[i..] {
            sum += count;
            let allowed = 5 + (to - from) * 7 / 60_000;
            assert!(sum <= allowed, "{sum} of {allowed} from {from} to {to} ms");
        }
    }
    assert!(passed.iter().map(|&(_, count)| count).sum::<u64>() > 20);
}

#[test]
fn s23_a_full_file_frees_no_active_caller() {
    let folder = Folder::new();
    let store = folder.open(100);
    let attacker = [ask(1, Some(0), 2, 3_600)];
    assert!(take(&store, &attacker) && take(&store, &attacker) && !take(&store, &attacker));
    let passed = (1..2_000).filter(|&key| take(&store, &[ask(1, Some(key), 2, 3_600)])).count();
    assert!((100..=131).contains(&passed), "128 cells and one that newcomers share: {passed}");
    assert!(!take(&store, &attacker));
    // At rest they make room; who came in through the shared cell gets no second burst.
    folder.clock.advance(Duration::from_secs(3_601));
    assert!((3_000..3_050).all(|key| take(&store, &[ask(1, Some(key), 2, 3_600)])));
}

#[test]
fn s23_charges_refunds_and_claims() {
    let folder = Folder::new();
    let store = folder.open(100);
    let budget = |weight| [Ask { weight, ..ask(1, Some(1), 10, 3_600) }];
    let run = |op, weight| {
        let mut asks = budget(weight);
        let answer = store.run(op, &mut asks).now();
        (answer, asks[0].left)
    };
    let (taken, left) = run(Op::Take, 6);
    assert_eq!(left, 4);
    assert_eq!(run(Op::GiveBack { since: taken.at }, 6).1, 10);
    assert_eq!(run(Op::Charge, 25).1, 0);
    let wait = run(Op::Take, 1).0.refused.expect("in debt").1.expect("finite");
    assert_eq!(wait, Duration::from_secs(16 * 360), "15 units of debt and the one that is asked for");

    let claim =
        |store: &Store, key| store.claim(9, key, Duration::from_secs(60), Share { claimer: 1, most: 9 }).now().is_ok();
    let other = folder.open(100);
    assert!(claim(&store, 1) && !claim(&other, 1) && claim(&other, 2) && !claim(&store, 2));
    folder.clock.advance(Duration::from_secs(61));
    assert!(claim(&other, 1) && !claim(&store, 1));
}

#[test]
fn s28_a_file_of_0600_that_is_ours_and_whole() {
    let folder = Folder::new();
    drop(folder.open(100));
    let path = folder.path();
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.folder.path()).expect("a folder").count(), 1, "nothing else is left");

    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        assert!(folder.error().contains("0600"), "{mode:o}: {}", folder.error());
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::rename(&path, path.with_extension("real")).expect("renamed");
    std::os::unix::fs::symlink(path.with_extension("real"), &path).expect("a link");
    assert!(folder.error().contains("symbolic link"), "{}", folder.error());
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a folder");
    assert!(!folder.error().is_empty());
}

#[test]
fn s24_a_damaged_file_is_refused_and_never_begun_anew() {
    let folder = Folder::new();
    let (path, asks) = (folder.path(), [ask(1, Some(1), 1, 3_600)]);
    let store = folder.open(100);
    assert!(take(&store, &asks));
    let whole = fs::read(&path).expect("a file");
    let damaged = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).expect("written");
        folder.error()
    };
    for at in [0, 7, 9, 17, 25, 44, 64, 73, 90] {
        let error = damaged(at);
        assert!(error.ends_with("remove it to begin with new counts"), "byte {at}: {error}");
    }
    for bytes in [&whole[..whole.len() - 1], &whole[..50], &[]] {
        fs::write(&path, bytes).expect("written");
        assert!(folder.error().starts_with("it is cut off"), "{}", folder.error());
    }
    fs::write(&path, "agent_type: clerk\n".repeat(10)).expect("written");
    assert!(folder.error().starts_with("it is no file of doorman's"), "{}", folder.error());
    // A count that is damaged while it is in use: the call is refused, and works again once the file is whole.
    let cell = whole.chunks(layout::CELL).rposition(|cell| cell.iter().any(|&byte| byte != 0)).expect("a count");
    damaged(cell * layout::CELL + 16);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
    assert!(runtime.block_on(store.run(Op::Take, &mut asks.to_vec())).is_err());
    assert_eq!(store.answers(), Some(false));
    fs::write(&path, &whole).expect("written");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(store.answers(), Some(true));
    assert!(!take(&store, &asks), "the count is the old one");
}

#[test]
fn s24_a_file_that_was_removed_is_noticed_and_made_again() {
    let folder = Folder::new();
    let store = folder.open(100);
    fs::remove_file(folder.path()).expect("removed");
    let mut asks = [ask(1, None, 1, 60)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
    assert!(runtime.block_on(store.run(Op::Take, &mut asks)).is_err(), "others would count elsewhere");
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(take(&store, &asks) && !take(&folder.open(100), &asks));
}

#[test]
fn s23_a_file_that_was_moved_linked_or_opened_to_others_counts_for_nobody() {
    let refuses = |change: &dyn Fn(&std::path::Path)| {
        let folder = Folder::new();
        let store = folder.open(100);
        assert!(take(&store, &[ask(1, None, 9, 60)]));
        change(&folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
        runtime.block_on(store.run(Op::Take, &mut [ask(1, None, 9, 60)])).is_err()
    };
    assert!(refuses(&|path| fs::rename(path, path.with_extension("moved")).expect("moves")), "moved");
    assert!(
        refuses(&|path| {
            fs::rename(path, path.with_extension("moved")).expect("moves");
            std::os::unix::fs::symlink(path.with_extension("moved"), path).expect("links");
        }),
        "a link to it"
    );
    assert!(refuses(&|path| fs::hard_link(path, path.with_extension("link")).expect("links")), "a second name");
    assert!(refuses(&|path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("mode")), "its mode");
}

#[test]
fn s24_a_lock_that_isnt_let_go_refuses_within_the_stated_time() {
    let folder = Folder::new();
    let store = folder.open(100);
    let holder = fs::File::open(folder.path()).expect("there");
    rustix::fs::flock(&holder, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
    let began = Instant::now();
    assert!(runtime.block_on(store.run(Op::Take, &mut [ask(1, None, 9, 60)])).is_err());
    let waited = began.elapsed();
    assert!((250..500).contains(&waited.as_millis()), "{waited:?}");
    drop(holder);
    assert!(take(&store, &[ask(1, None, 9, 60)]), "and at once when it is free");
}

/// The system's clock begins anew with each boot; what was counted before still holds.
#[test]
fn s23_a_reboot_frees_nobody() {
    let folder = Folder::new();
    let asks = [ask(1, Some(1), 1, 3_600)];
    assert!(take(&folder.open(100), &asks));
    let file = fs::OpenOptions::new().write(true).open(folder.path()).expect("there");
    let noted = layout::Noted { ns: 5_000_000_000, system: u64::MAX >> 3, boot: 1 };
    file.write_all_at(&layout::note(noted), 64).expect("written");
    folder.clock.set(Duration::from_secs(3));
    let store = folder.open(100);
    assert!(!take(&store, &asks));
    folder.clock.set(Duration::from_secs(3_700));
    assert!(take(&store, &asks), "time goes on from there");
}
