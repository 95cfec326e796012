//! An issuer's published keys (RFC 7517), and whether one of them made a signature.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, crypto::aws_lc};
use serde_json::Value;

use super::{
    Algorithm,
    algorithm::Family,
    json::{self, Object, text},
    jws::Jws,
};

/// The most keys that a set may have.
const MOST: usize = 100;
/// The most keys that one token is tried with.
const TRIES: usize = 4;

/// The keys of one fetch.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Which set it is: another text is another set.
    pub(super) version: [u8; 32],
}

/// What the keys say of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Signed,
    /// The key that it names didn't sign it.
    Forged,
    /// No key here is the one that it names, or it names none and none of those that it may be signed it.
    Unknown,
}

struct Key {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    family: Family,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK set. Keys that aren't for verifying signatures, or of kinds that aren't used here, are left out; a set that
    /// isn't well-formed is refused whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let set = json::object(bytes).ok_or("the keys are no JSON object")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("the keys are no JWK set")?;
        if keys.len() > MOST {
            return Err("too many keys");
        }
        let keys = keys.iter().map(|key| key.as_object().ok_or("a key is no JSON object"));
        let keys: Vec<_> = keys.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(Key::of).collect();
        let version = digest(&SHA256, bytes).as_ref().try_into().map_err(|_| "no digest")?;
        if keys.is_empty() { Err("no key for signatures") } else { Ok(Self { keys, version }) }
    }

    /// Whether one of the keys signed the token.
    pub(super) fn verify(&self, token: &Jws<'_>) -> Verdict {
        let named = |key: &&Key| token.kid.is_none() || key.kid == token.kid;
        let agrees = |key: &&Key| key.agrees(token.algorithm);
        let mut keys = self.keys.iter().filter(named).filter(agrees).take(TRIES).peekable();
        let known = token.kid.is_some() && keys.peek().is_some();
        match keys.any(|key| key.signed(token)) {
            true => Verdict::Signed,
            false if known => Verdict::Forged,
            false => Verdict::Unknown,
        }
    }
}

impl Key {
    fn of(jwk: &Object) -> Option<Self> {
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        if jwk.get("use").is_some_and(|it| it != "sig") {
            return None;
        }
        if let Some(uses) = jwk.get("key_ops") {
            uses.as_array()?.iter().find(|it| *it == "verify")?;
        }
        // A private key that was published signs for everybody.
        if ["d", "p", "q", "k"].iter().any(|name| jwk.contains_key(*name)) {
            return None;
        }
        let number = |name| text(jwk, name).and_then(|it| BASE64_URL_SAFE_NO_PAD.decode(it).ok());
        let (family, key) = match (text(jwk, "kty")?, text(jwk, "crv")) {
            ("RSA", _) => {
                let (n, e) = (number("n")?, number("e")?);
                // 2048 to 8192 bits, as the implementation has it.
                let zeros = n.iter().take_while(|byte| **byte == 0).count();
                (256..=1024).contains(&(n.len() - zeros)).then_some(())?;
                (Family::Rsa, DecodingKey::from_rsa_raw_components(&n, &e))
            }
            ("EC", Some("P-256")) => (Family::P256, point(number("x")?, &number("y")?, 32)?),
            ("EC", Some("P-384")) => (Family::P384, point(number("x")?, &number("y")?, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = number("x").filter(|it| it.len() == 32)?;
                (Family::Ed25519, DecodingKey::from_ed_der(&x))
            }
            _ => return None,
        };
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::named(name.as_str()?).filter(|it| it.family() == family)?),
        };
        Some(Self { kid, algorithm, family, key })
    }

    /// Whether the key is for an algorithm: of its kind, and of its name if it has one.
    fn agrees(&self, algorithm: Algorithm) -> bool {
        self.family == algorithm.family() && self.algorithm.is_none_or(|it| it == algorithm)
    }

    /// The provider is named here, so that no other crate's choice for the process can take its place.
    fn signed(&self, token: &Jws<'_>) -> bool {
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&token.algorithm.implementation(), &self.key)
            .is_ok_and(|verifier| verifier.verify(token.signed, &token.signature).is_ok())
    }
}

/// A point of a curve, uncompressed (SEC 1 §2.3.3).
fn point(x: Vec<u8>, y: &[u8], size: usize) -> Option<DecodingKey> {
    if x.len() != size || y.len() != size {
        return None;
    }
    let mut point = x;
    point.insert(0, 4);
    point.extend_from_slice(y);
    Some(DecodingKey::from_ec_der(&point))
}
