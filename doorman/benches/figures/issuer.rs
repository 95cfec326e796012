//! An issuer of tokens on loopback: a key of each kind, and what it signs with them.

use std::time::{Duration, SystemTime};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::{Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Outcome;

/// This server, as tokens name it.
pub(crate) const RESOURCE: &str = "https://figures.example/mcp";

/// The algorithms that are measured.
#[derive(Clone, Copy)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

pub(crate) struct Issuer {
    pub(crate) name: String,
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    /// One that answers for as long as the runtime runs.
    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let name = format!("http://{}", listener.local_addr()?);
        let issuer = Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048)?,
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            ed25519: Ed25519KeyPair::generate()?,
            name,
        };
        let metadata = json!({ "issuer": issuer.name, "jwks_uri": format!("{}/jwks", issuer.name) }).to_string();
        let keys = issuer.keys().to_string();
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(|| async { metadata }))
            .route("/jwks", get(|| async { keys }));
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok(issuer)
    }

    fn keys(&self) -> Value {
        let rsa = self.rsa.public_key();
        let n = encoded(rsa.modulus().big_endian_without_leading_zero());
        let e = encoded(rsa.exponent().big_endian_without_leading_zero());
        let (x, y) = self.p256.public_key().as_ref()[1..].split_at(32);
        json!({ "keys": [
            { "kty": "RSA", "kid": "RS256", "n": n, "e": e },
            { "kty": "EC", "kid": "ES256", "crv": "P-256", "x": encoded(x), "y": encoded(y) },
            { "kty": "OKP", "kid": "EdDSA", "crv": "Ed25519", "x": encoded(self.ed25519.public_key()) },
        ] })
    }

    /// A token of an agent, as issuers write them.
    pub(crate) fn token(&self, algorithm: Algorithm, agent: usize) -> Outcome<String> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?;
        let header = json!({ "alg": algorithm.name(), "typ": "at+jwt", "kid": algorithm.name() });
        let claims = json!({
            "iss": self.name, "aud": RESOURCE, "sub": format!("user-{agent}"), "client_id": "figures",
            "jti": format!("{agent:032}"), "iat": now.as_secs(), "exp": (now + Duration::from_secs(3600)).as_secs(),
            "scope": "invoices:read profile", "agent_id": format!("agent-{agent}"), "agent_type": "billing",
        });
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match algorithm {
            Algorithm::Rs256 => {
                let mut out = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut out)?;
                out
            }
            Algorithm::Es256 => self.p256.sign(&random, signed.as_bytes())?.as_ref().to_vec(),
            Algorithm::EdDsa => self.ed25519.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        Ok(format!("{signed}.{}", encoded(signature)))
    }
}
