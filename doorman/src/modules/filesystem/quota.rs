//! How much of the disk an agent may have, held also when it writes many files at once.
//!
//! An agent's changes happen one at a time. What it has is counted by walking its tree when that is first asked for, and
//! again when the count is a minute old, since other processes may write there too; in between the changes are added up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    identity::Agent,
    prelude::*,
    scope::{
        ScopedPath,
        prefix::{Kind, PathError, Problem},
    },
};

/// How long a count is believed.
const BELIEVED: Duration = Duration::from_secs(60);
/// How many agents' counts are kept; those that aren't are made again.
const MOST_AGENTS: usize = 10_000;

/// What one agent may have; `None` is any number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) bytes: Option<u64>,
    /// Files, directories, and whatever else has a name.
    pub(super) entries: Option<u64>,
}

/// The limits, and what each agent has.
#[derive(Debug)]
pub(super) struct Quota {
    limits: Limits,
    believed: Duration,
    agents: Mutex<HashMap<Box<str>, Arc<Account>>>,
}

/// What an agent has, if that has been counted. Whoever holds the lock is the one who changes the agent's files.
type Account = Mutex<Option<Count>>;

#[derive(Clone, Copy, Debug)]
struct Count {
    usage: Usage,
    at: Instant,
}

/// Bytes and entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    bytes: u64,
    entries: u64,
}

/// What a change of a file adds and frees, directories on the way to it left aside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    adds: Usage,
    frees: Usage,
}

impl Change {
    /// `len` bytes instead of what is there.
    pub(super) fn replacing(path: &ScopedPath, len: u64) -> Result<Self, PathError> {
        let frees = existing(path)?.unwrap_or_default();
        Ok(Self { adds: Usage { bytes: len, entries: 1 }, frees })
    }

    /// `len` bytes more than are there.
    pub(super) fn appending(path: &ScopedPath, len: u64) -> Result<Self, PathError> {
        let entries = u64::from(existing(path)?.is_none());
        Ok(Self { adds: Usage { bytes: len, entries }, frees: Usage::default() })
    }

    /// Nothing instead of what is there.
    pub(super) fn removing(path: &ScopedPath) -> Result<Self, PathError> {
        Ok(Self { adds: Usage::default(), frees: existing(path)?.unwrap_or_default() })
    }

    /// What is there under another name. Refused if something in it would then be too deep down to be addressed, and so
    /// to be counted.
    pub(super) fn moving(source: &ScopedPath, destination: &ScopedPath) -> ToolResult<Self> {
        if source.metadata()?.kind == Kind::Directory {
            for found in source.walk()? {
                let Some(path) = found?.path else { continue };
                let below = path.as_str().strip_prefix(source.as_str()).unwrap_or_default();
                if destination.join(below.trim_start_matches('/')).is_err() {
                    return Err(ToolError::user("something in the directory would have too long a path there"));
                }
            }
        }
        Ok(Self::default())
    }
}

/// What replacing or deleting a path frees; `None` if nothing is there.
fn existing(path: &ScopedPath) -> Result<Option<Usage>, PathError> {
    match path.metadata() {
        Ok(facts) => Ok(Some(Usage { bytes: if facts.kind == Kind::File { facts.len } else { 0 }, entries: 1 })),
        Err(error) if error.problem() == Problem::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many directories have to be made on the way to a path.
fn missing(path: &ScopedPath) -> Result<u64, PathError> {
    let mut missing = 0;
    let mut dir = path.parent();
    while let Some(at) = dir.filter(|dir| !dir.is_root()) {
        if existing(&at)?.is_some() {
            break;
        }
        missing += 1;
        dir = at.parent();
    }
    Ok(missing)
}

impl Usage {
    /// `None` if a limit forbids it. What frees as much as it adds is fine, however much there is.
    fn after(self, change: Change, limits: Limits) -> ToolResult<Self> {
        let after = |used: u64, adds, frees, limit: Option<u64>, what| {
            let after = used.saturating_sub(frees).saturating_add(adds);
            match limit {
                Some(limit) if adds > frees && after > limit => Err(ToolError::user(format!(
                    "{used} of {limit} {what} are in use, and this needs {} more; nothing was changed",
                    adds - frees
                ))),
                _ => Ok(after),
            }
        };
        let Change { adds, frees } = change;
        Ok(Self {
            bytes: after(self.bytes, adds.bytes, frees.bytes, limits.bytes, "bytes")?,
            entries: after(self.entries, adds.entries, frees.entries, limits.entries, "files and directories")?,
        })
    }
}

impl Quota {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, believed: BELIEVED, agents: Mutex::default() }
    }

    /// Changes what is at a path, unless that would be too much: then nothing happens.
    pub(super) fn change<T>(
        &self,
        path: &ScopedPath,
        cancelled: &Cancelled,
        change: impl FnOnce() -> ToolResult<Change>,
        act: impl FnOnce() -> Result<T, PathError>,
    ) -> ToolResult<T> {
        let account = self.account(path.agent());
        let mut count = account.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked may have written something.
            account.clear_poison();
            let mut count = poisoned.into_inner();
            *count = None;
            count
        });
        go_on(cancelled)?;
        if self.limits.bytes.is_none() && self.limits.entries.is_none() {
            return Ok(act()?);
        }
        let Count { usage, at } = match *count {
            Some(count) if count.at.elapsed() < self.believed => count,
            _ => Count { usage: walked(&path.root(), cancelled)?, at: Instant::now() },
        };
        *count = Some(Count { usage, at });
        let dirs = missing(path)?;
        let mut change = change()?;
        change.adds.entries += dirs;
        let after = usage.after(change, self.limits)?;
        let done = act();
        *count = match &done {
            Ok(_) => Some(Count { usage: after, at }),
            // It may have written a part, or made directories.
            Err(error) if is_halfway(error.problem()) || missing(path).ok() != Some(dirs) => None,
            Err(_) => Some(Count { usage, at }),
        };
        Ok(done?)
    }

    fn account(&self, agent: &Agent) -> Arc<Account> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.len() >= MOST_AGENTS && !agents.contains_key(agent.id()) {
            // Those in use stay: two locks for one agent would be none.
            agents.retain(|_, account| Arc::strong_count(account) > 1);
        }
        Arc::clone(agents.entry(agent.id().into()).or_default())
    }
}

/// Whether something may have been changed although it failed.
fn is_halfway(problem: Problem) -> bool {
    matches!(problem, Problem::Full | Problem::Unavailable | Problem::CannotMove)
}

fn go_on(cancelled: &Cancelled) -> ToolResult<()> {
    if cancelled.is_cancelled() { Err(ToolError::user("cancelled; nothing was changed")) } else { Ok(()) }
}

/// Counts all that an agent has. What can't be looked at is an error: it might be any number.
fn walked(root: &ScopedPath, cancelled: &Cancelled) -> ToolResult<Usage> {
    let mut usage = Usage::default();
    for found in root.walk()? {
        go_on(cancelled)?;
        match found {
            Ok(found) => {
                usage.entries += 1;
                usage.bytes = usage.bytes.saturating_add(if found.kind == Kind::File { found.len } else { 0 });
            }
            // A directory that is gone, or has become something else, since its name was read.
            Err(error) if !is_halfway(error.problem()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Prefix;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn ground(limits: Limits) -> (tempfile::TempDir, ScopedPath, Quota) {
        let base = tempfile::tempdir().expect("temporary directory");
        let agent = Agent::new("a", "t").expect("legal");
        let root = Prefix::beneath(base.path()).resolve(&String::new(), &agent).expect("legal");
        (base, root, Quota::new(limits))
    }

    fn write(quota: &Quota, path: &ScopedPath, len: u64) -> Result<(), String> {
        let change = || Ok(Change::replacing(path, len)?);
        quota
            .change(path, &Cancelled::never(), change, || path.replace(&vec![b'x'; len as usize]))
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn s27_a_quota_holds_for_many_writers_at_once() {
        let (_base, root, quota) = ground(Limits { bytes: Some(10_000), entries: Some(60) });
        let written = AtomicU64::new(0);
        std::thread::scope(|threads| {
            for writer in 0..16 {
                let (root, quota, written) = (&root, &quota, &written);
                threads.spawn(move || {
                    for file in 0..12 {
                        let path = root.join(&format!("dir{}/{writer}-{file}", file % 4)).expect("legal");
                        if write(quota, &path, 150 + file).is_ok() {
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        let account = quota.account(root.agent());
                        let _alone = account.lock().expect("whole");
                        let usage = walked(root, &Cancelled::never()).expect("counted");
                        assert!(usage.bytes <= 10_000 && usage.entries <= 60, "{usage:?}");
                    }
                });
            }
        });
        let usage = walked(&root, &Cancelled::never()).expect("counted");
        assert_eq!(usage.entries, 4 + written.load(Ordering::Relaxed));
        assert_eq!(usage.entries, 60, "all that there may be: {usage:?}");
    }

    #[test]
    fn s27_only_the_difference_counts_and_directories_do() {
        let (_base, root, quota) = ground(Limits { bytes: Some(100), entries: Some(3) });
        let path = |path: &str| root.join(path).expect("legal");
        assert!(write(&quota, &path("a/b/c/d"), 1).is_err());
        assert_eq!(root.read_dir().expect("listed").count(), 0, "nothing was made");
        write(&quota, &path("a/b/c"), 90).expect("fits");
        let error = write(&quota, &path("a/b/c"), 101).expect_err("too much");
        assert!(error.contains("90 of 100 bytes are in use, and this needs 11 more"), "{error}");
        write(&quota, &path("a/b/c"), 100).expect("the difference fits");
        let error = write(&quota, &path("new"), 0).expect_err("too many");
        assert!(error.contains("3 of 3 files and directories are in use, and this needs 1 more"), "{error}");
        let file = path("a/b/c");
        let remove =
            || quota.change(&file, &Cancelled::never(), || Ok(Change::removing(&file)?), || file.remove_file());
        remove().expect("removed");
        write(&quota, &path("new"), 100).expect("room again");
        assert!(format!("{:?}", remove()).contains("no such file"));
        assert!(write(&quota, &path("new"), 101).is_err());
    }

    #[test]
    fn what_others_write_is_counted_in_time() {
        let (_base, root, mut quota) = ground(Limits { bytes: Some(100), entries: None });
        let path = |path: &str| root.join(path).expect("legal");
        write(&quota, &path("own"), 10).expect("fits");
        path("deep/er/theirs").create(&[b'x'; 80]).expect("written");
        write(&quota, &path("own"), 30).expect("the count is believed");
        quota.believed = Duration::ZERO;
        write(&quota, &path("own"), 25).expect("less is always fine");
        assert!(write(&quota, &path("own"), 26).is_err());
    }

    #[test]
    fn a_failure_that_left_something_behind_is_counted() {
        let (_base, root, quota) = ground(Limits { bytes: Some(100), entries: Some(4) });
        let path = |path: &str| root.join(path).expect("legal");
        write(&quota, &path("own"), 10).expect("fits");
        let attempt = |at: &ScopedPath, act: &dyn Fn() -> Result<(), PathError>| {
            quota.change(at, &Cancelled::never(), || Ok(Change::default()), act).expect_err("failed");
        };
        attempt(&path("x"), &|| {
            path("left").replace(&[b'x'; 80])?;
            path("own").rename_to(&path("own/itself"))
        });
        assert!(write(&quota, &path("own"), 21).is_err());
        path("left").remove_file().expect("removed");
        attempt(&path("dir/er/x"), &|| {
            path("dir/er").create_dir_all()?;
            path("none").open().map(drop)
        });
        write(&quota, &path("new"), 0).expect("the fourth");
        assert!(write(&quota, &path("newer"), 0).is_err());
        let panicking = std::panic::AssertUnwindSafe(|| {
            attempt(&path("own"), &|| {
                path("own").replace(&[b'x'; 100])?;
                panic!("a fault of ours")
            });
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        let error = write(&quota, &path("own"), 101).expect_err("too much");
        assert!(error.contains("100 of 100 bytes"), "{error}");
    }

    #[test]
    fn s27_what_is_counted_cannot_be_moved_out_of_sight() {
        let (_base, root, quota) = ground(Limits { bytes: Some(1_000), entries: None });
        let deep = |name: &str, depth: usize| root.join(&vec![name; depth].join("/")).expect("legal");
        write(&quota, &deep("a", 40), 10).expect("fits");
        write(&quota, &deep("b", 30), 10).expect("fits");
        let (source, destination) = (deep("a", 1), deep("b", 29).join("a").expect("legal"));
        let moving = || Change::moving(&source, &destination);
        let moved = quota.change(&destination, &Cancelled::never(), moving, || source.rename_to(&destination));
        assert!(format!("{moved:?}").contains("too long a path"), "{moved:?}");
        assert_eq!(walked(&root, &Cancelled::never()).expect("counted"), Usage { bytes: 20, entries: 70 });
    }

    #[test]
    fn counts_are_kept_for_so_many_agents_and_locks_that_are_held_stay() {
        let quota = Quota::new(Limits::default());
        let agent = |number: usize| Agent::new(&format!("a{number}"), "t").expect("legal");
        let held = quota.account(&agent(0));
        for number in 1..=MOST_AGENTS {
            quota.account(&agent(number));
        }
        assert!(Arc::ptr_eq(&held, &quota.account(&agent(0))));
        assert_eq!(quota.agents.lock().expect("whole").len(), 2);
    }
}
