//! Where a request comes from when proxies stand in between: only what a trusted proxy says counts, and of that only what
//! it has seen itself (S10). Whatever else the headers hold, a stranger may have written.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, header::HeaderName, request::Parts},
};
use ipnet::IpNet;

/// A chain of more hops than this isn't read.
const MOST_HOPS: usize = 64;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who stands between callers and this server.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    trusted: Vec<IpNet>,
    /// Development mode: no proxy may stand in between.
    dev: bool,
    /// There is a proxy, and nobody said where: addresses tell callers apart no more.
    unnamed: bool,
}

impl Proxies {
    /// `behind_one` says that all requests come through a proxy.
    pub(super) fn new(trusted: &[String], behind_one: bool, dev: bool) -> Result<Self, String> {
        let trusted: Vec<IpNet> = trusted.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Self { unnamed: behind_one && trusted.is_empty(), trusted, dev })
    }

    /// Whether a proxy's address is taken for its callers'.
    pub(super) fn is_unnamed(&self) -> bool {
        self.unnamed
    }

    /// Whether many callers may have connections from this address.
    pub(super) fn share_connections(&self, address: IpAddr) -> bool {
        self.unnamed || address.to_canonical().is_loopback() || self.trusts(address)
    }

    /// Whether a caller's address may be that of a proxy which nobody named. Where proxies are named, an address is
    /// what the last of them has seen, or its own for a caller that lies.
    pub(super) fn may_hide(&self, address: IpAddr) -> bool {
        self.trusted.is_empty() && (self.unnamed || address.to_canonical().is_loopback())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The last address in a chain that isn't a trusted proxy's; where the chain breaks off, the last trusted one.
    fn walk(&self, peer: IpAddr, hops: &[Hop]) -> IpAddr {
        let mut client = peer;
        for hop in hops.iter().rev() {
            if !self.trusts(client) {
                break;
            }
            match hop {
                Some(address) => client = *address,
                None => break,
            }
        }
        client
    }
}

/// An address of a chain; `None` for what is none, or hides itself.
type Hop = Option<IpAddr>;

/// The address of a request's client: the peer's, unless the peer is a trusted proxy. A proxy that uses one of the two
/// headers passes the other on as a stranger wrote it, so where they disagree neither counts, and the address is the
/// proxy's own. In development mode there is no address behind a proxy at all.
pub(super) fn peer(parts: &Parts, proxies: &Proxies) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    if proxies.dev {
        return (!parts.headers.keys().any(tells_of_a_proxy)).then_some(peer);
    }
    if !proxies.trusts(peer) {
        return Some(peer);
    }
    let chain = |name: &HeaderName, read: fn(&HeaderMap, &HeaderName) -> Vec<Hop>| {
        parts.headers.contains_key(name).then(|| proxies.walk(peer, &read(&parts.headers, name)))
    };
    Some(match (chain(&FORWARDED, forwarded), chain(&X_FORWARDED_FOR, x_forwarded_for)) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    })
}

/// Headers that only proxies write.
fn tells_of_a_proxy(name: &HeaderName) -> bool {
    const OTHERS: [&str; 6] = ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];
    name.as_str().starts_with("x-forwarded") || OTHERS.contains(&name.as_str())
}

/// The hops of `X-Forwarded-For`, from the client on.
fn x_forwarded_for(headers: &HeaderMap, name: &HeaderName) -> Vec<Hop> {
    let mut hops = Vec::new();
    for value in headers.get_all(name) {
        let Ok(text) = value.to_str() else { return Vec::new() };
        hops.extend(text.split(',').take(MOST_HOPS + 1).map(|hop| node(hop.trim())));
    }
    bounded(hops)
}

/// The hops of `Forwarded` (RFC 7239 §4), from the client on.
fn forwarded(headers: &HeaderMap, name: &HeaderName) -> Vec<Hop> {
    let mut hops = Vec::new();
    for value in headers.get_all(name) {
        let Ok(text) = value.to_str() else { return Vec::new() };
        for element in split(text, ',').take(MOST_HOPS + 1) {
            let mut said = split(element, ';').filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            });
            hops.push(match (said.next(), said.next()) {
                (Some(value), None) => node(unquoted(value.trim())),
                _ => None,
            });
        }
    }
    bounded(hops)
}

fn bounded(hops: Vec<Hop>) -> Vec<Hop> {
    if hops.len() > MOST_HOPS { Vec::new() } else { hops }
}

/// Splits outside of quoted strings.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == at && !quoted
    })
}

/// No address needs an escape, so a text with one is none.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// An address, with a port or without. `unknown` and names that hide an address are none.
fn node(text: &str) -> Hop {
    let bare = || text.parse().ok();
    let bracketed = || {
        let (address, rest) = text.strip_prefix('[')?.split_once(']')?;
        let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        address.parse::<Ipv6Addr>().ok().filter(|_| port).map(IpAddr::V6)
    };
    let with_port = || SocketAddr::from_str(text).ok().map(|it| it.ip());
    bare().or_else(bracketed).or_else(with_port).map(|it: IpAddr| it.to_canonical())
}

/// A network as in `10.0.0.0/8`, or one address.
pub(in crate::server) fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| format!("`{text}` is not a network as in 10.0.0.0/8"))?;
    match network.prefix_len() {
        0 => Err(format!("`{text}` is everybody: anybody could say where a request comes from")),
        _ => Ok(network.trunc()),
    }
}

/// Where somebody is, for bounds by address: an IPv6 network is one place, for its owner has 2⁶⁴ addresses in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place(IpAddr);

impl Place {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn proxies() -> Proxies {
        let trusted = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"].map(str::to_owned);
        Proxies::new(&trusted, true, false).unwrap()
    }

    fn seen(proxies: &Proxies, peer: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::new(());
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::from_str(name).unwrap(), value.parse().unwrap());
        }
        super::peer(&request.into_parts().0, proxies).map_or("none".to_owned(), |it| it.to_string())
    }

    #[test]
    fn s10_only_a_trusted_proxy_is_believed() {
        let proxies = proxies();
        let xff = |peer: &str, value: &str| seen(&proxies, peer, &[("x-forwarded-for", value)]);
        for stranger in ["203.0.113.9", "11.0.0.1", "192.0.2.8", "127.0.0.1", "2001:db8:2::1"] {
            assert_eq!(xff(stranger, "198.51.100.1"), stranger);
            assert_eq!(seen(&proxies, stranger, &[("forwarded", "for=198.51.100.1")]), stranger);
        }
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "192.0.2.7", "2001:db8:1::5"] {
            assert_eq!(xff(proxy, "198.51.100.1"), "198.51.100.1");
        }
    }

    #[test]
    fn s10_the_chain_is_read_from_the_right() {
        let proxies = proxies();
        let own = "10.0.0.1";
        for (value, client) in [
            ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, 198.51.100.1, 10.9.9.9, 192.0.2.7", "198.51.100.1"),
            ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
            ("198.51.100.1:5555", "198.51.100.1"),
            ("[2001:db8:9::1]:5555", "2001:db8:9::1"),
            ("2001:db8:9::1", "2001:db8:9::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, unknown", own),
            ("6.6.6.6, _hidden", own),
            ("6.6.6.6,", own),
            ("", own),
            ("6.6.6.6, 010.0.0.1.1", own),
            ("6.6.6.6, unknown, 10.2.2.2", "10.2.2.2"),
        ] {
            assert_eq!(seen(&proxies, own, &[("x-forwarded-for", value)]), client, "{value}");
        }
        let two = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(seen(&proxies, own, &two), "198.51.100.1", "two lines are one list");
        let endless = "10.0.0.2,".repeat(100_000) + "10.0.0.2";
        assert_eq!(seen(&proxies, own, &[("x-forwarded-for", &endless)]), own);
    }

    #[test]
    fn s10_forwarded_is_read_as_rfc_7239_says() {
        let proxies = proxies();
        let own = "10.0.0.1";
        for (value, client) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
            ("for=\"198.51.100.1:80\"", "198.51.100.1"),
            ("for=6.6.6.6, for=\"[2001:db8:9::1]:4711\"", "2001:db8:9::1"),
            ("for=198.51.100.1, for=10.7.7.7;by=\"a,b;c\"", "198.51.100.1"),
            ("for=6.6.6.6, by=\"\\\", for=7.7.7.7\"", own),
            ("for=6.6.6.6, for=_hidden", own),
            ("for=6.6.6.6, for=unknown", own),
            ("for=6.6.6.6;for=7.7.7.7", own),
            ("for=6.6.6.6, proto=https", own),
            ("for=[2001:db8:9::1", own),
        ] {
            assert_eq!(seen(&proxies, own, &[("forwarded", value)]), client, "{value}");
        }
        let agree = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "6.6.6.6, 198.51.100.1")];
        assert_eq!(seen(&proxies, own, &agree), "198.51.100.1");
        let lie = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(seen(&proxies, own, &lie), own, "one of the two is a stranger's");
    }

    #[test]
    fn s10_development_mode_is_not_reached_through_a_proxy() {
        let proxies = Proxies::new(&["127.0.0.0/8".to_owned()], false, true).unwrap();
        assert_eq!(seen(&proxies, "127.0.0.1", &[("accept", "*/*")]), "127.0.0.1");
        for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "via", "x-real-ip", "cf-connecting-ip"] {
            assert_eq!(seen(&proxies, "127.0.0.1", &[(header, "127.0.0.1")]), "none", "{header}");
        }
    }

    #[test]
    fn a_network_is_said_exactly() {
        for text in ["", "10.0.0.0/33", "10.0.0", "example.com", "0.0.0.0/0", "::/0"] {
            assert!(network(text).is_err(), "{text}");
        }
        assert_eq!(network("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
    }
}
