//! What a client carries for us: unreadable to it, and good only for what it was made for.

use std::{path::Path, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{credentials::read_private, manifest::FileError};

/// The longest text that is made or looked at, in bytes.
pub(crate) const MOST: usize = 64 << 10;

/// The most keys that open at the same time.
const KEYS: usize = 4;

/// The first byte of what is sealed, for the day when something else is.
const VERSION: u8 = 1;

/// An operator's key.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Seals and opens. Clones share the keys; nothing shows them, and the library zeroes them when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Sealer(Arc<[RandomizedNonceKey]>);

impl Sealer {
    /// With a key that nobody else has: what it seals opens in this process only.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn random() -> Result<Self, String> {
        let mut key = Key::default();
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| "the system has no random numbers".to_owned())?;
        Self::of(&[key])
    }

    /// With the operator's keys: the first one seals, all of them open. So a new key is put first, and the old one is kept
    /// until nothing is about that it has sealed.
    ///
    /// # Errors
    /// No key, too many, or the same one again.
    pub(crate) fn of(keys: &[Key]) -> Result<Self, String> {
        if !(1..=KEYS).contains(&keys.len()) {
            return Err(format!("expected 1 to {KEYS} keys"));
        }
        if keys.iter().enumerate().any(|(index, key)| keys[..index].contains(key)) {
            return Err("expected each key once".to_owned());
        }
        // GCM-SIV: operators keep a key for years, and random nonces of GCM are good for 2^32 messages (NIST SP 800-38D
        // §8.3); here a nonce that comes again tells no more than whether the same was sealed twice (RFC 8452).
        let keys = keys.iter().map(|key| RandomizedNonceKey::new(&AES_256_GCM_SIV, &**key));
        keys.collect::<Result<_, _>>().map(Self).map_err(|_| "no key could be made".to_owned())
    }

    /// Reads the operator's keys: 64 hexadecimal digits a line, the sealing one first; empty lines and those that begin
    /// with `#` don't count. The file belongs to the user who runs the server, and only he may read it.
    ///
    /// # Errors
    /// What is expected, and in which line; never what is there.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let text = read_private(path).map_err(|expected| FileError::whole(path, expected))?;
        let mut keys: Vec<Key> = Vec::with_capacity(KEYS);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |expected: String| FileError::line(path, number, expected);
            let key = unhex(line).ok_or_else(|| wrong("expected a key of 64 hexadecimal digits".to_owned()))?;
            if keys.len() == KEYS {
                return Err(wrong(format!("expected {KEYS} keys at most")));
            }
            if keys.contains(&key) {
                return Err(wrong("expected each key once".to_owned()));
            }
            keys.push(key);
        }
        Self::of(&keys).map_err(|expected| FileError::whole(path, expected))
    }

    /// Seals, as URL-safe base64 without padding. It opens for the same purpose and the same `bound` only: whose it is,
    /// for which capability, with which arguments. `None` if the text would be too long to be opened, or the system has no
    /// random numbers.
    pub(crate) fn seal(&self, purpose: &'static str, bound: &[&[u8]], plain: &[u8]) -> Option<String> {
        let mut sealed = plain.to_vec();
        let nonce = self.0.first()?.seal_in_place_append_tag(associated(purpose, bound), &mut sealed).ok()?;
        let text = URL_SAFE_NO_PAD.encode([&[VERSION], &nonce.as_ref()[..], &sealed].concat());
        (text.len() <= MOST).then_some(text)
    }

    /// What was sealed for this purpose and bound to this; `None` for everything else, whatever is wrong with it. Only the
    /// very text that was made opens.
    pub(crate) fn open(&self, purpose: &'static str, bound: &[&[u8]], text: &str) -> Option<Vec<u8>> {
        // The engine refuses padding, other alphabets, and bits that mean nothing.
        let bytes = URL_SAFE_NO_PAD.decode(Some(text).filter(|text| text.len() <= MOST)?).ok()?;
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let mut opened = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let plain = key.open_in_place(nonce, associated(purpose, bound), &mut opened).ok()?.len();
            opened.truncate(plain);
            Some(opened)
        })
    }
}

/// What is authenticated besides: every part is preceded by its length, so no two lists of parts are alike.
fn associated(purpose: &str, bound: &[&[u8]]) -> Aad<Vec<u8>> {
    let mut all = vec![VERSION];
    for part in [purpose.as_bytes()].iter().chain(bound) {
        all.extend((part.len() as u64).to_le_bytes());
        all.extend(*part);
    }
    Aad::from(all)
}

/// The key that 64 hexadecimal digits spell.
fn unhex(text: &str) -> Option<Key> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = Key::default();
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(nibble(pair[0])? << 4 | nibble(pair[1])?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    const PURPOSE: &str = "request state";

    fn key(byte: u8) -> Key {
        Key::new([byte; 32])
    }

    fn sealer(keys: &[u8]) -> Sealer {
        Sealer::of(&keys.iter().copied().map(key).collect::<Vec<_>>()).expect("keys")
    }

    #[test]
    fn what_is_sealed_opens_for_what_it_was_made_for() {
        let sealer = Sealer::random().expect("a key");
        for plain in [&b""[..], b"x", &[0; 4_000]] {
            let text = sealer.seal(PURPOSE, &[b"alice", b"tool"], plain).expect("sealed");
            assert_eq!(sealer.open(PURPOSE, &[b"alice", b"tool"], &text).as_deref(), Some(plain));
            assert_eq!(sealer.clone().open(PURPOSE, &[b"alice", b"tool"], &text).as_deref(), Some(plain));
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        }
        let twice = [(); 2].map(|()| sealer.seal(PURPOSE, &[], b"same").expect("sealed"));
        assert_ne!(twice[0], twice[1], "nobody sees that the same was sealed");
        assert!(!URL_SAFE_NO_PAD.decode(&twice[0]).expect("base64").windows(4).any(|it| it == b"same"));
    }

    #[test]
    fn s10_nothing_opens_for_another_purpose_or_another_caller() {
        let sealer = sealer(&[1]);
        let text = sealer.seal(PURPOSE, &[b"ab", b"c"], b"plain").expect("sealed");
        let others: [&[&[u8]]; 8] = [
            &[],
            &[b"ab"],
            &[b"ab", b"c", b""],
            &[b"", b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc"],
            &[b"c", b"ab"],
            &[b"ab", b"C"],
        ];
        for bound in others {
            assert_eq!(sealer.open(PURPOSE, bound, &text), None, "{bound:?}");
        }
        assert_eq!(sealer.open("cursor", &[b"ab", b"c"], &text), None);
        assert_eq!(sealer.open("", &[PURPOSE.as_bytes(), b"ab", b"c"], &text), None);
        // A part can't pass for the length and the beginning of the next one.
        let joined = [&b"ab"[..], &1_u64.to_le_bytes(), b"c"].concat();
        assert_eq!(sealer.open(PURPOSE, &[&joined], &text), None);
        assert_eq!(Sealer::random().expect("a key").open(PURPOSE, &[b"ab", b"c"], &text), None);
    }

    #[test]
    fn no_other_text_opens() {
        let sealer = sealer(&[1]);
        let open = |text: &str| sealer.open(PURPOSE, &[], text);
        // Of 31 bytes, so that the last digit has bits that mean nothing.
        let text = sealer.seal(PURPOSE, &[], b"ab").expect("sealed");
        assert_eq!(open(&text).as_deref(), Some(&b"ab"[..]));
        let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&URL_SAFE_NO_PAD.encode(bytes)), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(open(&URL_SAFE_NO_PAD.encode(&bytes[..length])), None, "{length} bytes");
            assert_eq!(open(&URL_SAFE_NO_PAD.encode(&bytes[length + 1..])), None, "all but {length} bytes");
        }
        // Each digit is replaced by every other character, those with the same meaning to a lax reader included.
        for at in 0..text.len() {
            for other in (0..=255).map(char::from).filter(|&other| !text[at..].starts_with(other)) {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert_eq!(open(&changed), None, "{other:?} at {at}");
            }
        }
        for (before, after) in
            [("", "="), ("", "=="), (" ", ""), ("", "\n"), ("", "A"), ("A", ""), ("", "\0"), ("é", "")]
        {
            assert_eq!(open(&format!("{before}{text}{after}")), None, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_neither_made_nor_looked_at() {
        let sealer = sealer(&[1]);
        let longest = MOST / 4 * 3 - 29;
        let text = sealer.seal(PURPOSE, &[], &vec![7; longest]).expect("sealed");
        assert_eq!(text.len(), MOST);
        assert_eq!(sealer.open(PURPOSE, &[], &text).map(|plain| plain.len()), Some(longest));
        assert_eq!(sealer.seal(PURPOSE, &[], &vec![7; longest + 1]), None);
        assert_eq!(sealer.open(PURPOSE, &[], &"A".repeat(MOST + 4)), None);
    }

    #[test]
    fn keys_rotate() {
        let [old, both, new] = [&[1][..], &[2, 1], &[2]].map(sealer);
        let before = old.seal(PURPOSE, &[], b"plain").expect("sealed");
        let after = both.seal(PURPOSE, &[], b"plain").expect("sealed");
        let opens = |sealer: &Sealer, text: &str| sealer.open(PURPOSE, &[], text).is_some();
        assert!(opens(&both, &before) && opens(&both, &after), "all keys open");
        assert!(opens(&new, &after) && !opens(&old, &after), "the first one seals");
        assert!(!opens(&new, &before), "a key that is gone opens no more");
        for keys in [&[][..], &[1, 2, 3, 4, 5], &[1, 2, 1]] {
            assert!(Sealer::of(&keys.iter().copied().map(key).collect::<Vec<_>>()).is_err(), "{keys:?}");
        }
    }

    #[test]
    fn s17_keys_cannot_be_shown() {
        trait Otherwise {
            const SHOWS: bool = false;
        }
        impl<T> Otherwise for T {}
        struct Of<T>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: std::fmt::Debug> Of<T> {
            const SHOWS: bool = true;
        }
        const { assert!(Of::<String>::SHOWS && !Of::<Sealer>::SHOWS) };
    }

    /// Of a file with this content.
    fn read(mode: u32, text: impl AsRef<[u8]>) -> Result<Sealer, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        let at = folder.path().display().to_string();
        Sealer::read(&path).map_err(|error| error.to_string().replace(&at, ""))
    }

    #[test]
    fn keys_from_a_file() {
        let (one, two) = ("01".repeat(32), "aB".repeat(32));
        let sealer = read(0o600, format!("# of May\n\n  {one}\t\r\n#{two}\n\n{two}\n")).expect("two keys");
        for byte in [1, 0xAB] {
            let text = self::sealer(&[byte]).seal(PURPOSE, &[], b"plain").expect("sealed");
            assert!(sealer.open(PURPOSE, &[], &text).is_some(), "{byte}");
        }
        assert!(self::sealer(&[1]).open(PURPOSE, &[], &sealer.seal(PURPOSE, &[], b"").expect("sealed")).is_some());
        assert!(read(0o400, &one).is_ok(), "no end of line");
    }

    #[test]
    fn s17_what_is_wrong_with_a_file_is_said_without_its_content() {
        let keys: String = (1..=5).map(|byte| format!("{byte:02x}").repeat(32) + "\n").collect();
        let digits = "expected a key of 64 hexadecimal digits";
        let cases = [
            (0o600, "# none\n".to_owned(), "/keys: expected 1 to 4 keys".to_owned()),
            (0o600, keys.clone(), "/keys:5: expected 4 keys at most".to_owned()),
            (0o600, format!("\n{}", "5".repeat(63)), format!("/keys:2: {digits}")),
            (0o600, "5".repeat(65), format!("/keys:1: {digits}")),
            (0o600, format!("{}g", "5".repeat(63)), format!("/keys:1: {digits}")),
            (0o600, format!("+5{}", "5".repeat(62)), format!("/keys:1: {digits}")),
            (0o600, format!("{}é", "5".repeat(62)), format!("/keys:1: {digits}")),
            (0o600, format!("{} # mine", "5".repeat(64)), format!("/keys:1: {digits}")),
            (0o600, format!("{}\n{}", "5".repeat(64), "5".repeat(64)), "/keys:2: expected each key once".to_owned()),
            (0o640, keys.clone(), "/keys: expected a file that only its owner may read (mode 0600)".to_owned()),
            (0o604, keys, "/keys: expected a file that only its owner may read (mode 0600)".to_owned()),
        ];
        for (mode, text, expected) in cases {
            assert_eq!(read(mode, &text).err(), Some(expected), "{mode:o} {text}");
        }
        assert_eq!(read(0o600, [0xFF; 64]).err().as_deref(), Some("/keys: expected UTF-8 text"));
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Sealer::read(folder.path()).is_err_and(|error| error.to_string().contains("expected a regular file")));
        assert!(Sealer::read(&folder.path().join("none")).is_err());
    }
}
