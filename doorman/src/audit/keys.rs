//! The keys of checkpoints: Ed25519, as OpenSSL writes them (`openssl genpkey -algorithm ed25519`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::checkpoint::{hash, hex};
use crate::credentials::read_private_bytes;

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs checkpoints. Its `Debug` shows the id.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    id: String,
}

impl SigningKey {
    /// Reads a private key (PKCS#8, PEM or DER) from a file that belongs to the user who runs the server and that only he
    /// may read.
    ///
    /// # Errors
    /// What is expected of the file and its content; never the content.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = read_private_bytes(path)?;
        let der = match pem(&bytes, "PRIVATE KEY") {
            Some(der) => Zeroizing::new(der),
            None => bytes,
        };
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        let pair = pair.map_err(|_| "expected an Ed25519 private key (PKCS#8, PEM or DER)".to_owned())?;
        Ok(Self::of(pair))
    }

    /// A new key, and its PKCS#8 in PEM.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<(Self, Zeroizing<String>), String> {
        let failed = |_| "no key could be made".to_owned();
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let der = pair.to_pkcs8v1().map_err(failed)?;
        let text = Zeroizing::new(to_pem("PRIVATE KEY", der.as_ref()));
        Ok((Self::of(pair), text))
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        let id = id(pair.public_key().as_ref());
        Self { pair: Arc::new(pair), id }
    }

    /// The public key's id: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key in PEM, for whoever verifies.
    #[must_use]
    pub fn public_pem(&self) -> String {
        to_pem("PUBLIC KEY", &[&SPKI, self.pair.public_key().as_ref()].concat())
    }

    pub(super) fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey { key, id: self.id.clone() }
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.id).finish()
    }
}

/// Verifies checkpoints.
#[derive(Debug, Clone)]
pub struct PublicKey {
    key: [u8; 32],
    id: String,
}

impl PublicKey {
    /// A public key in PEM or DER (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// It is none of Ed25519.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let der = pem(bytes, "PUBLIC KEY").unwrap_or_else(|| bytes.to_vec());
        let key = der.strip_prefix(&SPKI).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or("expected an Ed25519 public key (PEM or DER)")?;
        Ok(Self { id: id(&key), key })
    }

    /// As [`SigningKey::id`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(bytes, signature).is_ok()
    }
}

fn id(key: &[u8]) -> String {
    hex(&hash(key)[..8])
}

fn pem(bytes: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let inner = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inner = inner.strip_suffix(&format!("-----END {label}-----"))?;
    let inner: Zeroizing<String> = Zeroizing::new(inner.split_ascii_whitespace().collect());
    STANDARD.decode(&*inner).ok()
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let inner = Zeroizing::new(STANDARD.encode(der));
    for line in inner.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{PublicKey, SigningKey};

    #[test]
    fn s28_a_private_key_is_read_from_a_private_file_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let (key, pem) = SigningKey::generate().expect("a key");
        fs::write(&path, pem.as_bytes()).expect("writes");
        for (mode, fine) in [(0o600, true), (0o644, false), (0o640, false), (0o400, true)] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changes");
            let read = SigningKey::read(&path);
            assert_eq!(read.as_ref().map(SigningKey::id).ok(), fine.then_some(key.id()), "{mode:o}");
        }
        let public = PublicKey::parse(key.public_pem().as_bytes()).expect("a key");
        assert_eq!(public.id(), key.id());
        assert!(public.verifies(b"text", &key.sign(b"text")) && !public.verifies(b"texu", &key.sign(b"text")));
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.id()));
        for wrong in ["", "-----BEGIN PUBLIC KEY-----", &*pem] {
            assert!(PublicKey::parse(wrong.as_bytes()).is_err());
        }
    }
}
