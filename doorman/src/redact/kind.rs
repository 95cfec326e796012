//! The kinds of things that are masked, and how many of each were.

/// What opens every mask. `«` and `»` belong to no detector's alphabet, so a mask is never matched again.
const OPEN: &str = "«redacted:";
const CLOSE: char = '»';

/// Why a piece of a value was masked; the mask carries its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The value of a key that a rule names (`password`, `api_key`, …).
    Key,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// A payment card number.
    Card,
    /// A US social security number or taxpayer number.
    Ssn,
    /// An international bank account number.
    Iban,
    /// An IP address. Looked for only where asked.
    Ip,
    /// The hardware address of a network card. Looked for only where asked.
    Mac,
    /// User information or a secret parameter of a URL.
    UrlSecret,
    /// A JSON Web Token.
    Jwt,
    /// A private key in PEM.
    Pem,
    /// The token of a `Bearer` header.
    Bearer,
    /// The credentials of a `Basic` header.
    Basic,
    /// A credential: one that this process holds, found by its value, or one with the form of a cloud's, forge's or
    /// service's token.
    Secret,
    /// What a pattern of the application's own matches.
    Pattern,
    /// What a [filter](crate::filter) of responses matches that redacts.
    Filter,
    /// A text that could not be looked at entirely.
    Blocked,
}

impl Kind {
    const ALL: [Kind; 17] = [
        Kind::Key,
        Kind::Email,
        Kind::Phone,
        Kind::Card,
        Kind::Ssn,
        Kind::Iban,
        Kind::Ip,
        Kind::Mac,
        Kind::UrlSecret,
        Kind::Jwt,
        Kind::Pem,
        Kind::Bearer,
        Kind::Basic,
        Kind::Secret,
        Kind::Pattern,
        Kind::Filter,
        Kind::Blocked,
    ];

    /// The kind's name, as in masks and audit records.
    pub fn name(self) -> &'static str {
        let mask = self.mask();
        &mask[OPEN.len()..mask.len() - CLOSE.len_utf8()]
    }

    /// The text that takes the place of what was found.
    pub fn mask(self) -> &'static str {
        match self {
            Kind::Key => "«redacted:key»",
            Kind::Email => "«redacted:email»",
            Kind::Phone => "«redacted:phone»",
            Kind::Card => "«redacted:card»",
            Kind::Ssn => "«redacted:ssn»",
            Kind::Iban => "«redacted:iban»",
            Kind::Ip => "«redacted:ip»",
            Kind::Mac => "«redacted:mac»",
            Kind::UrlSecret => "«redacted:url_secret»",
            Kind::Jwt => "«redacted:jwt»",
            Kind::Pem => "«redacted:pem»",
            Kind::Bearer => "«redacted:bearer»",
            Kind::Basic => "«redacted:basic»",
            Kind::Secret => "«redacted:secret»",
            Kind::Pattern => "«redacted:pattern»",
            Kind::Filter => "«redacted:filter»",
            Kind::Blocked => "«redacted:blocked»",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is looked for only where asked.
    pub(crate) fn is_opt_in(self) -> bool {
        !Kinds::DEFAULT.has(self)
    }

    /// Whether `text` is one mask and nothing else.
    pub(super) fn is_mask(text: &str) -> bool {
        text.starts_with(OPEN) && Self::mask_len(text.as_bytes()) == Some(text.len())
    }

    /// The length of the mask that `text` begins with.
    pub(super) fn mask_len(text: &[u8]) -> Option<usize> {
        if !text.starts_with(OPEN.as_bytes()) {
            return None;
        }
        Self::ALL.iter().map(|kind| kind.mask()).find(|mask| text.starts_with(mask.as_bytes())).map(str::len)
    }

    /// Where masks are in a text.
    pub(super) fn masks(text: &str) -> Vec<std::ops::Range<usize>> {
        let found = memchr::memmem::find_iter(text.as_bytes(), OPEN);
        found.filter_map(|i| Self::mask_len(&text.as_bytes()[i..]).map(|length| i..i + length)).collect()
    }

    /// A text without the masks in it: they say nothing, least of all that a key is about a `secret`.
    pub(super) fn without_masks(text: &str) -> String {
        Self::ALL.iter().fold(text.to_owned(), |text, kind| text.replace(kind.mask(), ""))
    }

    /// Whether `text` occurs in some mask: such a text can't be removed by value without masking masks.
    pub(super) fn in_some_mask(text: &str) -> bool {
        Self::ALL.iter().any(|kind| kind.mask().contains(text))
    }
}

/// Where masks are in a text.
pub(crate) fn masks(text: &str) -> Vec<std::ops::Range<usize>> {
    Kind::masks(text)
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u32);

impl Kinds {
    pub(super) const NONE: Kinds = Kinds(0);

    /// All that is looked for unless something else is asked for: all but network addresses.
    pub(super) const DEFAULT: Kinds = Kinds(!(1 << Kind::Ip as u32 | 1 << Kind::Mac as u32));

    pub(super) const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    pub(super) const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u32))
    }

    pub(super) const fn union(self, other: Kinds) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}

/// How many pieces of each kind were masked.
///
/// ```
/// use doorman::redact::{Counts, Redactor};
/// let redactor = Redactor::builder().build()?;
/// let mut counts = Counts::default();
/// redactor.text("alice@example.com and bob@example.org", &mut counts);
/// assert_eq!(counts.iter().collect::<Vec<_>>(), [("email", 2)]);
/// # Ok::<(), doorman::redact::InvalidRules>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; Kind::ALL.len()]);

impl Counts {
    /// How many pieces of one kind were masked.
    pub fn of(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// The kinds that occurred, by name, with their number.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + '_ {
        Kind::ALL.iter().map(|&kind| (kind.name(), self.of(kind))).filter(|&(_, n)| n > 0)
    }

    /// Whether nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&n| n == 0)
    }

    /// Adds what another part of the same answer had masked.
    pub fn merge(&mut self, other: &Counts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        let n = &mut self.0[kind as usize];
        *n = n.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_name_and_merges() {
        let mut a = Counts::default();
        assert!(a.is_empty());
        a.add(Kind::Email);
        let mut b = a;
        b.add(Kind::Card);
        a.merge(&b);
        assert_eq!(a.iter().collect::<Vec<_>>(), [("email", 2), ("card", 1)]);
    }

    #[test]
    fn a_mask_is_only_itself() {
        assert!(Kind::is_mask("«redacted:key»"));
        assert!(!Kind::is_mask("«redacted:key» and more"));
        assert!(!Kind::is_mask("«redacted:anything»"));
        for (i, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(i, *kind as usize, "the table is in the order of the declaration");
            assert_eq!(Kind::named(kind.name()), Some(*kind));
        }
    }
}
