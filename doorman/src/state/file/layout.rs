//! What the bytes of the file mean. Numbers are little-endian; a page of header, then the cells of rules, then those of
//! keys, in groups.

use std::io;

/// The header's page.
pub(super) const HEADER: u64 = 4096;
/// How many bytes of it mean something.
pub(super) const HEAD: usize = 96;
/// A cell: key, value, check. 128 of them make a page, so none lies across two.
pub(super) const CELL: usize = 32;
/// A key is in one of two groups of so many cells.
pub(super) const GROUP: usize = 32;
/// Room for rules, each with a cell of its own.
pub(super) const RULES: u64 = 16_384;
/// The most keys that a file is made for.
pub(super) const MOST_KEYS: u64 = 1 << 26;

const MAGIC: [u8; 8] = *b"doorman\x01";

/// What a file was made with; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// How many cells there are for keys: a power of two.
    pub(super) keys: u64,
    /// Unknown to callers, so that nobody can choose in which group a key is.
    pub(super) salt: u128,
}

/// The file's time when it was last noted, and the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) ns: u64,
    /// The system's monotonic clock, which begins anew with each boot.
    pub(super) system: u64,
    /// Which boot that was.
    pub(super) boot: u64,
}

impl Shape {
    pub(super) fn size(&self) -> u64 {
        HEADER + (RULES + self.keys) * CELL as u64
    }
}

pub(super) fn header(shape: Shape, noted: Noted) -> [u8; HEAD] {
    let mut bytes = [0; HEAD];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&RULES.to_le_bytes());
    bytes[16..24].copy_from_slice(&shape.keys.to_le_bytes());
    bytes[24..40].copy_from_slice(&shape.salt.to_le_bytes());
    let checked = check(&bytes[..40]);
    bytes[40..48].copy_from_slice(&checked.to_le_bytes());
    bytes[64..].copy_from_slice(&note(noted));
    bytes
}

/// The changing part of the header, 32 bytes from byte 64 on.
pub(super) fn note(noted: Noted) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&noted.ns.to_le_bytes());
    bytes[8..16].copy_from_slice(&noted.system.to_le_bytes());
    bytes[16..24].copy_from_slice(&noted.boot.to_le_bytes());
    let check = check(&bytes[..24]);
    bytes[24..].copy_from_slice(&check.to_le_bytes());
    bytes
}

pub(super) fn read_header(bytes: &[u8; HEAD]) -> io::Result<(Shape, Noted)> {
    let expected = |fits: bool, what: &str| if fits { Ok(()) } else { Err(broken(what)) };
    expected(bytes[..7] == MAGIC[..7], "it is no file of doorman's")?;
    expected(bytes[7] == MAGIC[7], "another version of doorman made it")?;
    expected(check(&bytes[..40]) == number(bytes, 40), "its header is damaged")?;
    expected(check(&bytes[64..88]) == number(bytes, 88), "its clock is damaged")?;
    let shape = Shape { keys: number(bytes, 16), salt: key(bytes, 24) };
    let sizes = number(bytes, 8) == RULES && shape.keys.is_power_of_two() && shape.keys <= MOST_KEYS;
    expected(sizes && shape.keys >= GROUP as u64, "its header is damaged")?;
    Ok((shape, Noted { ns: number(bytes, 64), system: number(bytes, 72), boot: number(bytes, 80) }))
}

/// A cell as it is written at an index. An untouched one is all zero.
pub(super) fn cell(index: u64, key: u128, value: u64) -> [u8; CELL] {
    let mut bytes = [0; CELL];
    bytes[..16].copy_from_slice(&key.to_le_bytes());
    bytes[16..24].copy_from_slice(&value.to_le_bytes());
    let check = check(&bytes[..24]) ^ index;
    bytes[24..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// The key and the value of a cell; `None` if it is untouched.
pub(super) fn read_cell(index: u64, bytes: &[u8]) -> io::Result<Option<(u128, u64)>> {
    if bytes.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    match check(&bytes[..24]) ^ index == number(bytes, 24) {
        true => Ok(Some((key(bytes, 0), number(bytes, 16)))),
        false => Err(broken("a count in it is damaged")),
    }
}

pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}; remove it to begin with new counts"))
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

fn key(bytes: &[u8], at: usize) -> u128 {
    u128::from(number(bytes, at + 8)) << 64 | u128::from(number(bytes, at))
}

/// Tells damage from data; it is no secret.
fn check(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0x5EED, |sum, word| {
        let word = word.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        mix(sum ^ word)
    })
}

/// Spreads every bit over all (SplitMix64).
pub(super) fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}
