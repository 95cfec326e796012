//! What keys say: records of the same kind have the same keys, so most are looked up, not judged.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::keys::Name;
use super::rules::Verdict;

/// What is known about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) role: Role,
    pub(super) told: Told,
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

/// What a key says about the numbers in its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// They are phones: `"mobile": "4155550100"`.
    Phone,
    Nothing,
}

impl Told {
    pub(super) fn by(name: &Name) -> Self {
        const PHONE: &[&[u8]] = &[
            b"phone",
            b"phones",
            b"telephone",
            b"tel",
            b"mobile",
            b"cellphone",
            b"fax",
            b"msisdn",
            b"whatsapp",
            b"telefon",
            b"telefono",
            b"celular",
            b"landline",
        ];
        const OTHER: &[&[u8]] = &[b"id", b"count", b"type", b"model", b"os", b"serial", b"imei", b"at"];
        let has = |words: &[&[u8]]| name.words().any(|word| words.contains(&word));
        let joined = || name.as_bytes().ends_with(b"phonenumber");
        if (has(PHONE) || joined()) && !has(OTHER) { Self::Phone } else { Self::Nothing }
    }
}

/// Longer keys are judged anew each time.
const LONGEST: usize = 30;
const SLOTS: usize = 512;

/// A plan's number in this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u32);

impl Id {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the keys of this thread's values have said.
struct Memo(Vec<Slot>);

#[derive(Clone, Copy)]
struct Slot {
    plan: u32,
    len: u8,
    key: [u8; LONGEST],
    seen: Seen,
}

thread_local! {
    static MEMO: RefCell<Memo> = const { RefCell::new(Memo(Vec::new())) };
}

/// What a key says to a plan: `judge`, unless it was asked for lately. A key that is to be masked itself isn't kept.
pub(super) fn seen(plan: Id, key: &str, judge: impl FnOnce() -> Seen) -> Seen {
    let Some(slot) = slot(plan, key) else { return judge() };
    let known = MEMO.with_borrow(|memo| {
        let known = memo.0.get(slot).filter(|known| known.plan == plan.0)?;
        (known.key.get(..usize::from(known.len)) == Some(key.as_bytes())).then_some(known.seen)
    });
    known.unwrap_or_else(|| {
        let seen = judge();
        if seen.clean {
            MEMO.with_borrow_mut(|memo| memo.keep(slot, plan, key, seen));
        }
        seen
    })
}

impl Memo {
    fn keep(&mut self, index: usize, plan: Id, key: &str, seen: Seen) {
        if self.0.is_empty() {
            self.0 = vec![Slot { plan: 0, len: 0, key: [0; LONGEST], seen }; SLOTS];
        }
        if let (Some(slot), Ok(len)) = (self.0.get_mut(index), u8::try_from(key.len())) {
            slot.plan = plan.0;
            slot.len = len;
            slot.key[..key.len()].copy_from_slice(key.as_bytes());
            slot.seen = seen;
        }
    }
}

/// Where a key is kept, if it is.
fn slot(plan: Id, key: &str) -> Option<usize> {
    let bytes = key.as_bytes();
    if bytes.len() > LONGEST || bytes.is_empty() {
        return None;
    }
    // FNV-1a over the ends and the middle tells keys of one program apart well enough; a mistake costs a judgement.
    let picked = [0, bytes.len() / 2, bytes.len() - 1, bytes.len() / 3].map(|i| u32::from(bytes[i]));
    let hash = picked.iter().fold(0x811C_9DC5 ^ plan.0, |hash, b| (hash ^ b).wrapping_mul(0x0100_0193));
    Some(((hash ^ (hash >> 15)) as usize ^ bytes.len() << 5) % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_exactly_the_key() {
        let said = |verdict| Seen { verdict, role: Role::None, told: Told::Nothing, clean: true };
        let (mine, other) = (Id::next(), Id::next());
        let again = || -> Seen { panic!("judged again") };
        for key in ["password", "p", "Password", "pbsswordd", "ünïcode"] {
            assert_eq!(seen(mine, key, || said(Verdict::Mask)).verdict, Verdict::Mask);
            assert_eq!(seen(mine, key, again).verdict, Verdict::Mask);
            assert_eq!(seen(other, key, || said(Verdict::Scan)).verdict, Verdict::Scan);
            assert_eq!(seen(other, key, again).verdict, Verdict::Scan);
        }
        for key in ["", "passwords", &"x".repeat(100)] {
            assert_eq!(seen(mine, key, || said(Verdict::Scan)).verdict, Verdict::Scan);
        }
        let unclean = Seen { clean: false, ..said(Verdict::Scan) };
        assert_eq!(seen(mine, "a@b.com", || unclean), unclean);
        assert_eq!(seen(mine, "a@b.com", || said(Verdict::Mask)).verdict, Verdict::Mask);
    }

    #[test]
    fn phones() {
        for key in ["phone", "phoneNumber", "home_phone", "mobile", "Fax", "phonenumber", "contact_phone"] {
            assert_eq!(Told::by(&Name::new(key)), Told::Phone, "{key}");
        }
        for key in ["phone_id", "telemetry", "phone_count", "cellular", "number"] {
            assert_eq!(Told::by(&Name::new(key)), Told::Nothing, "{key}");
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
