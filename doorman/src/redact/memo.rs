//! What the keys of one value say: records of the same kind have the same keys, so most are looked up, not judged.

use super::keys::Name;
use super::rules::Verdict;

/// What is known about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) role: Role,
    /// The key itself holds nothing that is to be masked.
    pub(super) clean: bool,
}

/// The part that a key plays in records such as `{"name": "password", "value": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    None,
    /// Its value names what the record is about.
    Name,
    /// Its value is what the record holds.
    Value,
    /// Its value lists names, so that `["password", "email"]` isn't a pair.
    Names,
}

impl Role {
    /// By the key's last word: `name`, `headerName`, `ParameterKey`; `value`, `stringValue`.
    pub(super) fn of(name: &Name) -> Self {
        match name.words().last().unwrap_or_default() {
            b"name" | b"key" | b"k" | b"field" | b"header" | b"param" | b"parameter" | b"label" | b"property"
            | b"attribute" | b"attr" | b"variable" | b"var" | b"id" => Role::Name,
            b"value" | b"values" | b"val" | b"v" | b"content" | b"data" | b"default" => Role::Value,
            b"names" | b"required" | b"fields" | b"columns" | b"keys" | b"properties" => Role::Names,
            _ => Role::None,
        }
    }
}

/// Longer keys are judged anew each time.
const LONGEST: usize = 30;
const SLOTS: usize = 16;

/// A direct-mapped cache on the stack.
pub(super) struct Memo([Slot; SLOTS]);

#[derive(Clone, Copy)]
struct Slot {
    /// Its length is 0 if the slot is empty; the empty key is never stored.
    len: u8,
    key: [u8; LONGEST],
    seen: Seen,
}

impl Memo {
    pub(super) fn new() -> Self {
        let seen = Seen { verdict: Verdict::Scan, role: Role::None, clean: true };
        Self([Slot { len: 0, key: [0; LONGEST], seen }; SLOTS])
    }

    pub(super) fn get(&self, key: &str) -> Option<Seen> {
        let slot = &self.0[slot(key)?];
        (slot.key.get(..usize::from(slot.len)) == Some(key.as_bytes())).then_some(slot.seen)
    }

    pub(super) fn put(&mut self, key: &str, seen: Seen) {
        let (Some(index), Ok(len)) = (slot(key), u8::try_from(key.len())) else { return };
        let slot = &mut self.0[index];
        slot.len = len;
        slot.key[..key.len()].copy_from_slice(key.as_bytes());
        slot.seen = seen;
    }
}

/// Where a key is kept, if it is.
fn slot(key: &str) -> Option<usize> {
    match key.as_bytes() {
        [first, .., last] if key.len() <= LONGEST => {
            Some((usize::from(*first) ^ (usize::from(*last) << 2) ^ (key.len() << 1)) % SLOTS)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_exactly_the_key() {
        let mut memo = Memo::new();
        let seen = Seen { verdict: Verdict::Mask, role: Role::None, clean: true };
        memo.put("password", seen);
        assert_eq!(memo.get("password"), Some(seen));
        for other in ["", "p", "passwore", "Password", "pbsswordd", &"x".repeat(100)] {
            assert_eq!(memo.get(other), None);
            memo.put(other, seen);
        }
    }

    #[test]
    fn roles() {
        assert_eq!(Role::of(&Name::new("headerName")), Role::Name);
        assert_eq!(Role::of(&Name::new("ParameterValue")), Role::Value);
        assert_eq!(Role::of(&Name::new("columnNames")), Role::Names);
        assert_eq!(Role::of(&Name::new("username")), Role::None);
    }
}
