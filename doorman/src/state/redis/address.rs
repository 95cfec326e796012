//! Where a Redis server is, from its URL.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::credentials::Secret;

/// A server's address, and how it lets us in. It shows everything but the password.
#[derive(Clone)]
pub(crate) struct Address(ConnectionInfo);

impl Address {
    /// `redis://[user:password@]host[:port][/db]`, `rediss://…`, or `redis+unix:///path[?db=n]`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        // Of a fragment the client knows one: `#insecure`, for certificates that nobody looks at.
        let info = Some(url).filter(|url| !url.contains('#'))?.into_connection_info().ok()?;
        let redis = info.redis_settings().clone().set_skip_set_lib_name();
        Some(Self(info.set_redis_settings(redis)))
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.0.redis_settings().password()
    }

    /// What the client connects with; `password` is for a URL without one.
    pub(super) fn info(&self, password: Option<&Secret>) -> ConnectionInfo {
        let settings = self.0.redis_settings().clone();
        match (settings.password(), password) {
            (None, Some(password)) => self.0.clone().set_redis_settings(settings.set_password(password.expose())),
            _ => self.0.clone(),
        }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| {
            let settings = it.0.redis_settings();
            (settings.db(), settings.username().map(str::to_owned), settings.password().map(str::to_owned))
        };
        self.0.addr() == other.0.addr() && parts(self) == parts(other)
    }
}

impl Eq for Address {}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let db = self.0.redis_settings().db();
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) => write!(f, "redis://{host}:{port}/{db}"),
            ConnectionAddr::TcpTls { host, port, .. } => write!(f, "rediss://{host}:{port}/{db}"),
            ConnectionAddr::Unix(path) => write!(f, "redis+unix://{}?db={db}", path.display()),
            _ => f.write_str("redis"),
        }
    }
}
