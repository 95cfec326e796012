//! Which store an application counts in, as it is said: in code, on the command line, in a manifest.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use super::{Memory, Store, file::SharedFile};
use crate::{
    credentials::Secret,
    limits::{Monotonic, SystemWide},
};

/// Where the counts of limits are kept.
///
/// ```
/// use doorman::StateStore;
/// let store: StateStore = "file:/run/billing/limits".parse()?;
/// assert_eq!(store, StateStore::file("/run/billing/limits"));
/// # Ok::<(), doorman::InvalidStore>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StateStore(pub(super) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Memory,
    File(PathBuf),
    #[cfg(feature = "redis")]
    Redis(Box<super::redis::Address>),
}

/// A text that names no store. It may hold a password, so it isn't shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidStore(&'static str);

impl InvalidStore {
    /// What was expected.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.0
    }
}

const EXPECTED: &str =
    "memory, file:PATH, or a URL such as redis://host:6379/0 (rediss:// for TLS, redis+unix:///PATH)";

impl StateStore {
    /// The memory of this process: fast, and gone with it.
    #[must_use]
    pub fn memory() -> Self {
        Self(Kind::Memory)
    }

    /// A file that all processes of this host share. It is made if it isn't there; its folder must be.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// A Redis server, by its URL.
    ///
    /// # Errors
    /// A text that is no such URL; a build without the feature `redis`.
    pub fn redis(url: &str) -> Result<Self, InvalidStore> {
        #[cfg(feature = "redis")]
        return super::redis::Address::parse(url)
            .map(|address| Self(Kind::Redis(address.into())))
            .ok_or(InvalidStore(EXPECTED));
        #[cfg(not(feature = "redis"))]
        match url {
            _ => Err(InvalidStore("memory or file:PATH: this build has no Redis (feature `redis`)")),
        }
    }

    /// The password in it.
    pub(crate) fn secret(&self) -> Option<Secret> {
        match &self.0 {
            #[cfg(feature = "redis")]
            Kind::Redis(address) => address.password().map(Secret::new),
            _ => None,
        }
    }

    /// Opens it. `application` keeps the counts of different applications apart; `keys` is how many counts per caller are
    /// kept; `password` is for a server whose URL has none.
    pub(crate) fn open(&self, application: &str, keys: usize, password: Option<&Secret>) -> std::io::Result<Store> {
        let _ = password;
        Ok(match &self.0 {
            Kind::Memory => Store::Memory(Memory::new(Monotonic::start(), keys)),
            Kind::File(path) => {
                let application = crate::limits::digest(application);
                Store::File(Arc::new(SharedFile::open(path, keys, application, SystemWide)?))
            }
            #[cfg(feature = "redis")]
            Kind::Redis(address) => Store::Redis(Arc::new(super::redis::Redis::new(address, application, password)?)),
        })
    }
}

impl FromStr for StateStore {
    type Err = InvalidStore;

    fn from_str(text: &str) -> Result<Self, InvalidStore> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::memory()),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Ok(Self::file(path)),
            Some(("redis" | "rediss" | "redis+unix", _)) => Self::redis(text),
            _ => Err(InvalidStore(EXPECTED)),
        }
    }
}

/// Without the password.
impl fmt::Display for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Memory => f.write_str("memory"),
            Kind::File(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "redis")]
            Kind::Redis(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateStore({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::StateStore;

    #[test]
    fn what_names_a_store() {
        assert_eq!("memory".parse(), Ok(StateStore::memory()));
        assert_eq!("file:a b".parse(), Ok(StateStore::file("a b")));
        for text in ["", "Memory", "file:", "file", "http://x", "redis", "/tmp/x", "memory:", "sqlite:x"] {
            assert!(text.parse::<StateStore>().is_err(), "{text}");
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn s18_a_password_is_never_shown() {
        let store: StateStore = "rediss://user:hunter2secret@cache.example:6380/3".parse().expect("a URL");
        assert_eq!(store.to_string(), "rediss://cache.example:6380/3");
        assert!(!format!("{store:?}").contains("hunter2"));
        assert_eq!(store.secret().expect("one").expose(), "hunter2secret");
        for text in ["redis://:hunter2secret@host:99999", "redis://", "redis://host/notanumber", "redis://h/1/2"] {
            let error = text.parse::<StateStore>().expect_err(text);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
