//! Who calls over HTTP: the bearer token of each request, verified once and remembered with what it opens.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use axum::http::{HeaderMap, header, request::Parts};

use super::{refuse::Refused, strangers::Strangers};
use crate::{guard::Access, identity::Principal, manifest::Grants, server::generation::Generation};

/// How callers are told apart, whoever they are at present.
pub(in crate::server) struct Authenticator {
    /// Whether callers without a token see public capabilities.
    pub(in crate::server) anonymous: bool,
    /// Who comes with tokens that don't verify.
    pub(in crate::server) strangers: Strangers,
}

impl Authenticator {
    /// The caller of a request. A token that is present and doesn't verify is never an anonymous caller.
    pub(super) fn authenticate(
        &self,
        parts: &Parts,
        peer: Option<IpAddr>,
        present: &Generation,
    ) -> Result<Arc<Access>, Refused> {
        if parts.uri.query().is_some_and(carries_token) {
            return Err(Refused::TokenInQuery);
        }
        // Development mode: one local principal who may do everything.
        if let Some(everything) = &present.dev {
            let local = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
            return local.then(|| Arc::clone(everything)).ok_or(Refused::NotLocal);
        }
        match bearer(&parts.headers)? {
            Some(token) => {
                let found = present.callers.as_ref().and_then(|callers| callers.of(token, SystemTime::now()));
                // A token that is known verifies, whoever else comes from its address.
                let Some((access, _)) = found else {
                    self.strangers.may_try(peer)?;
                    self.strangers.failed(peer);
                    return Err(Refused::BadToken);
                };
                Ok(access)
            }
            None if self.anonymous => {
                let nobody = Principal::anonymous(peer);
                Ok(Arc::new(Access::of(nobody, &present.rules.catalog, &Grants::default())))
            }
            None => Err(Refused::NoToken),
        }
    }
}

/// The token of the one `Authorization` header, whatever bytes it has (RFC 6750 §2.1). Other schemes, an empty token or
/// two headers are no token that verifies.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::BadToken);
    }
    let (scheme, token) = value.as_bytes().split_at_checked(7).ok_or(Refused::BadToken)?;
    if scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty() { Ok(Some(token)) } else { Err(Refused::BadToken) }
}

/// Whether a query string has a key under which clients put tokens.
fn carries_token(query: &str) -> bool {
    const KEYS: [&str; 8] =
        ["access_token", "token", "bearer", "authorization", "bearer_token", "auth_token", "api_key", "apikey"];
    query.split(['&', ';']).any(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        let key = percent_decoded(key);
        KEYS.iter().any(|known| key.eq_ignore_ascii_case(known))
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16));
        let mut ahead = bytes.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
