//! A signed statement of how long a chain is, and of its last hash. Writer and verifier share this form.
//!
//! Signed, with Ed25519, are these bytes: the text `doorman audit checkpoint v1` and a zero byte; the chain's id (16 bytes);
//! how many lines are before this one (8 bytes, big endian); the SHA-256 of the line before (32 bytes); `seq` (8 bytes, big
//! endian); `ts` (its 27 characters); `cause` (the rest). All fields but the last have a fixed length, so no two statements
//! have the same bytes; the text in front keeps the signature from being good for anything else.

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// A checkpoint after so many lines.
pub(super) const EVERY_LINES: u64 = 1_000;

/// The most lines without a checkpoint: those, and what starts and recoveries add before the next is due.
pub(super) const MOST_UNSIGNED: u64 = EVERY_LINES + 8;

/// Domain separation.
const DOMAIN: &[u8] = b"doorman audit checkpoint v1\0";

/// The statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint<'a> {
    pub(super) ts: &'a str,
    pub(super) seq: u64,
    pub(super) chain: [u8; 16],
    pub(super) lines: u64,
    pub(super) hash: Hash,
    /// `start`, `lines`, `time`, `rotation` or `stop`.
    pub(super) cause: &'a str,
}

impl Checkpoint<'_> {
    /// The bytes that are signed.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&self.lines.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(self.ts.as_bytes());
        bytes.extend_from_slice(self.cause.as_bytes());
        bytes
    }

    /// The line's members between `seq` and `pos`.
    pub(super) fn members(&self, key: &str, signature: &[u8]) -> String {
        let Self { chain, lines, hash, cause, .. } = self;
        let (chain, hash, signature) = (hex(chain), hex(hash), hex(signature));
        format!(
            r#""kind":"checkpoint","chain":"{chain}","cause":"{cause}","lines":{lines},"hash":"{hash}","key":"{key}","sig":"{signature}""#
        )
    }
}

/// The SHA-256 of some bytes.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    String::from_utf8(text).unwrap_or_default()
}

/// As [`hex`], at the end of a buffer.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 0xF)];
        out.extend_from_slice(&[digit(byte >> 4), digit(*byte)]);
    }
}

/// What lower-case hexadecimal of exactly `N` bytes spells.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}
