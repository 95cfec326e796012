//! Who a limit counts: a verified subject, or an anonymous peer.

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

use super::canonical;

/// Whose calls are counted together. A verified subject, the same subject of another tenant and an anonymous peer
/// never share a count, whatever their texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A principal that a verifier made.
    Verified {
        /// The tenant, where the verifier knows one.
        tenant: Option<&'a str>,
        /// The subject; it may be empty and is a caller of its own then.
        subject: &'a str,
    },
    /// Nobody that a verifier knows.
    Anonymous {
        /// The peer's address. IPv6 peers of one /64 are one caller, as one customer usually has at least that; an
        /// IPv4 address mapped into IPv6 is the IPv4 address. All peers without an address are one caller.
        peer: Option<IpAddr>,
    },
}

/// A [`Caller`], as the first 128 bits of a SHA-256: nobody can find one that collides with another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallerKey(pub(super) u128);

impl CallerKey {
    /// As bytes, for what is bound to a caller.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// By whom a call is counted: as a caller, as an agent, as a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counted {
    pub(super) caller: CallerKey,
    pub(super) agent: CallerKey,
    pub(super) tenant: CallerKey,
    /// For breakers: the caller with what it calls and how.
    pub(super) call: CallerKey,
}

impl Counted {
    /// A caller that acts as an agent (its type and id) and belongs to a tenant. Without one it is counted as a caller.
    #[must_use]
    pub fn new(caller: CallerKey, agent: Option<(&str, &str)>, tenant: Option<&str>) -> Self {
        let agent = agent.map(|(kind, id)| CallerKey(Digest::new(5).text(kind).text(id).finish()));
        let tenant = tenant.map(|tenant| CallerKey(Digest::new(6).text(tenant).finish()));
        Self { caller, agent: agent.unwrap_or(caller), tenant: tenant.unwrap_or(caller), call: caller }
    }

    /// The same, with these arguments: breakers count calls of which these are equal. Without, every call is the same.
    #[must_use]
    pub fn calling(self, arguments: &Value) -> Self {
        let call = Digest::new(7).bytes(&self.caller.0.to_le_bytes()).bytes(&canonical::sha256(arguments));
        Self { call: CallerKey(call.finish()), ..self }
    }
}

impl From<CallerKey> for Counted {
    fn from(caller: CallerKey) -> Self {
        Self { caller, agent: caller, tenant: caller, call: caller }
    }
}

impl Caller<'_> {
    /// The key under which this caller is counted.
    #[must_use]
    pub fn key(&self) -> CallerKey {
        let digest = match *self {
            Self::Verified { tenant: None, subject } => Digest::new(0).text(subject),
            Self::Verified { tenant: Some(tenant), subject } => Digest::new(1).text(tenant).text(subject),
            Self::Anonymous { peer: None } => Digest::new(2),
            Self::Anonymous { peer: Some(peer) } => match peer.to_canonical() {
                IpAddr::V4(v4) => Digest::new(3).bytes(&v4.octets()),
                IpAddr::V6(v6) => Digest::new(4).bytes(&network(v6)),
            },
        };
        CallerKey(digest.finish())
    }
}

/// The first 64 bits: the network that one peer can choose its addresses from.
fn network(address: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = address.octets();
    [a, b, c, d, e, f, g, h]
}

/// The first 128 bits of a SHA-256, the same in every process. Every part is preceded by its length, so `("ab", "c")` and
/// `("a", "bc")` differ.
pub(super) struct Digest(Context);

impl Digest {
    /// `tag` separates the kinds of things that are digested.
    pub(super) fn new(tag: u8) -> Self {
        Self(Context::new(&SHA256)).bytes(&[tag])
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> u128 {
        let digest = self.0.finish();
        digest.as_ref().iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
    }
}

/// The name of an application, as stores that several share keep its counts apart.
pub(crate) fn digest(application: &str) -> u128 {
    Digest::new(8).text(application).finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Caller;

    fn anonymous(peer: &str) -> Caller<'_> {
        Caller::Anonymous { peer: Some(peer.parse().expect(peer)) }
    }

    /// D28: an anonymous peer throttled a verified subject of the same text, tenants shared, an empty subject was nobody.
    #[test]
    fn different_callers_never_share() {
        let callers = [
            Caller::Verified { tenant: None, subject: "" },
            Caller::Verified { tenant: None, subject: "alice" },
            Caller::Verified { tenant: Some(""), subject: "alice" },
            Caller::Verified { tenant: Some("alice"), subject: "" },
            Caller::Verified { tenant: Some("ab"), subject: "c" },
            Caller::Verified { tenant: Some("a"), subject: "bc" },
            Caller::Verified { tenant: None, subject: "abc" },
            Caller::Verified { tenant: None, subject: "192.0.2.1" },
            Caller::Anonymous { peer: None },
            anonymous("192.0.2.1"),
            anonymous("192.0.2.2"),
            anonymous("::c000:201"),
            anonymous("2001:db8::1"),
            anonymous("2001:db8:0:1::1"),
        ];
        let keys: HashSet<_> = callers.iter().map(Caller::key).collect();
        assert_eq!(keys.len(), callers.len());
    }

    #[test]
    fn one_peer_cannot_become_many() {
        assert_eq!(anonymous("2001:db8::1").key(), anonymous("2001:db8::ffff:1:2:3").key());
        assert_eq!(anonymous("::ffff:192.0.2.1").key(), anonymous("192.0.2.1").key());
    }
}
