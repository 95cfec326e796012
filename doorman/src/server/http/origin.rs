//! Where a request says it comes from and goes to: `Host` and `Origin`, against DNS rebinding (CVE-2026-42559, S10).

use axum::http::{HeaderMap, header, request::Parts, uri::Authority};

use super::{metadata::Metadata, refuse::Refused};

/// The names under which this server answers, and the web pages that may call it.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct Origins {
    /// `host` or `host:port`, lower case.
    hosts: Vec<String>,
    /// `scheme://host[:port]`, lower case, without the scheme's default port.
    origins: Vec<String>,
}

impl Origins {
    /// Names in addition to this machine's loopback names; web origins in addition to loopback ones.
    pub(in crate::server) fn new(hosts: &[String], origins: &[String]) -> Result<Self, String> {
        let hosts = hosts.iter().map(|host| {
            authority(host)
                .map(|(name, port)| join(&name, port))
                .ok_or_else(|| format!("`{host}` is not a host name, with a port or without"))
        });
        let origins = origins.iter().map(|origin| {
            normal_origin(origin).ok_or_else(|| format!("`{origin}` is not an origin as in https://app.example.com"))
        });
        Ok(Self { hosts: hosts.collect::<Result<_, _>>()?, origins: origins.collect::<Result<_, _>>()? })
    }

    /// Whether a request may come from where it says, and is for this server, which `metadata` may name, too.
    pub(super) fn check(&self, parts: &Parts, metadata: Option<&Metadata>) -> Result<(), Refused> {
        let host = self.host(parts, metadata.and_then(|it| authority(&it.host))).ok_or(Refused::Host)?;
        self.origin(&parts.headers, &host)
    }

    /// The host that the request is for, if it is one of ours. An absolute-form target must agree with the header
    /// (RFC 9112 §3.2.2).
    fn host(&self, parts: &Parts, own: Option<(String, Option<u16>)>) -> Option<(String, Option<u16>)> {
        let header = match single(&parts.headers, header::HOST) {
            Some(text) => Some(authority(text?)?),
            None => None,
        };
        let target = match parts.uri.authority() {
            Some(target) => Some(authority(target.as_str())?),
            None => None,
        };
        let host = match (header, target) {
            (Some(header), Some(target)) => (header == target).then_some(header)?,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return None,
        };
        let named = |known: &String| *known == host.0 || *known == join(&host.0, host.1);
        let is_own = own.is_some_and(|own| own.0 == host.0);
        (is_loopback(&host.0) || is_own || self.hosts.iter().any(named)).then_some(host)
    }

    /// Requests without `Origin` come from programs, not from pages. Pages of this machine, and of the very host that
    /// the request is for, may call; others only if they are named.
    fn origin(&self, headers: &HeaderMap, host: &(String, Option<u16>)) -> Result<(), Refused> {
        let Some(text) = single(headers, header::ORIGIN) else { return Ok(()) };
        let origin = text.and_then(normal_origin).ok_or(Refused::Origin)?;
        let (_, authority_text) = origin.split_once("://").ok_or(Refused::Origin)?;
        let (name, port) = authority(authority_text).ok_or(Refused::Origin)?;
        let local = is_loopback(&name) && is_loopback(&host.0) && port == host.1;
        if local || self.origins.contains(&origin) { Ok(()) } else { Err(Refused::Origin) }
    }
}

/// The one value of a header: `None` if it is absent, `Some(None)` if there are several or it isn't text.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_some() { None } else { first.to_str().ok() })
}

/// `host[:port]` in lower case; userinfo is refused.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    if text.contains('@') {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    let host = authority.host().to_ascii_lowercase();
    let port = match authority.port() {
        Some(port) => Some(port.as_u16()),
        // What stands behind the name is no port: empty, or above 65535.
        None if authority.as_str().len() > host.len() => return None,
        None => None,
    };
    (!host.is_empty()).then_some((host, port))
}

fn join(name: &str, port: Option<u16>) -> String {
    port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn normal_origin(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://")?;
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (name, port) = authority(rest)?;
    Some(format!("{scheme}://{}", join(&name, port.filter(|port| *port != default))))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}
