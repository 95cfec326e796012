//! Who calls over HTTP: the bearer token of each request, verified once and remembered with what it opens.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, HeaderValue, header, request::Parts};

use super::{refuse::Refused, strangers::Strangers};
use crate::{
    guard::Access,
    identity::{Principal, Unverified},
    manifest::Grants,
    server::{callers::Known, generation::Generation},
};

/// How callers are told apart, whoever they are at present.
pub(in crate::server) struct Authenticator {
    /// Whether callers without a token see public capabilities.
    pub(in crate::server) anonymous: bool,
    /// Who comes with tokens that don't verify.
    pub(in crate::server) strangers: Strangers,
}

/// What a request brings to show who sends it. Its `Debug` shows nothing of a token.
#[derive(Clone, Debug)]
pub(super) struct Presented(Option<HeaderValue>);

impl Presented {
    /// Takes it out of a request: nothing behind sees a token (S08). A query string is no place for one.
    pub(super) fn take(parts: &mut Parts) -> Result<Self, Refused> {
        if parts.uri.query().is_some_and(carries_token) {
            return Err(Refused::TokenInQuery);
        }
        check(&parts.headers)?;
        Ok(Self(parts.headers.remove(header::AUTHORIZATION).map(|mut value| {
            value.set_sensitive(true);
            value
        })))
    }

    pub(super) fn token(&self) -> Option<&[u8]> {
        self.0.as_ref().map(|value| &value.as_bytes()[SCHEME.len()..])
    }
}

impl Authenticator {
    /// The caller of a request. A token that is present and doesn't verify is never an anonymous caller.
    pub(super) async fn authenticate(
        &self,
        presented: &Presented,
        peer: Option<IpAddr>,
        present: &Generation,
    ) -> Result<Known, Refused> {
        // Development mode: one local principal who may do everything.
        if let Some(everything) = &present.dev {
            let local = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
            let access = local.then(|| Arc::clone(everything)).ok_or(Refused::NotLocal)?;
            return Ok(Known { access, until: None });
        }
        match (presented.token(), &present.callers) {
            (Some(token), Some(callers)) => {
                // A token that has been good goes on being looked at, whoever else comes from its address. Others are charged
                // for before they are: a verifier may take its time.
                let guess = !callers.have_borne(token);
                if guess {
                    self.strangers.may_try(peer)?;
                    self.strangers.failed(peer);
                }
                let known = callers.of(token, present).await;
                match &known {
                    Ok(_) | Err(Unverified::Lacking(_)) if guess => self.strangers.forgive(peer),
                    Err(Unverified::Refused(_)) if !guess => self.strangers.failed(peer),
                    _ => {}
                }
                known.map_err(Refused::from)
            }
            (Some(_), None) => Err(Refused::BadToken),
            (None, _) if self.anonymous => {
                let nobody = Principal::anonymous(peer);
                let access = Arc::new(Access::of(nobody, &present.rules.catalog, &Grants::default()));
                Ok(Known { access, until: None })
            }
            (None, _) => Err(Refused::NoToken),
        }
    }
}

impl From<Unverified> for Refused {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(_) => Self::BadToken,
            Unverified::Unavailable(_) => Self::CantVerify,
            Unverified::Lacking(scopes) => Self::LacksScopes(scopes),
        }
    }
}

/// The scheme, in whatever case, and the one space after it.
const SCHEME: &[u8] = b"bearer ";

/// An `Authorization` header is the only one, and has a token, whatever bytes that has (RFC 6750 §2.1). Other schemes and an
/// empty token are no token that verifies.
fn check(headers: &HeaderMap) -> Result<(), Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.len() > SCHEME.len() => {
            let scheme = &value[..SCHEME.len()];
            if scheme.eq_ignore_ascii_case(SCHEME) { Ok(()) } else { Err(Refused::BadToken) }
        }
        (Some(_), _) => Err(Refused::BadToken),
    }
}

/// Whether a query string has a key under which clients put tokens.
fn carries_token(query: &str) -> bool {
    const KEYS: [&str; 9] =
        ["accesstoken", "token", "bearer", "authorization", "bearertoken", "authtoken", "apikey", "idtoken", "jwt"];
    query.split(['&', ';']).any(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        // However it is spelled: `accessToken`, `access-token`, `access_token[]`.
        let key: String = percent_decoded(key).chars().filter(char::is_ascii_alphanumeric).collect();
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
